// A source of rows out of any bytes: the first says the format, the rest is the file.
#pragma once

#include <iterator>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/data/readers/coco.h"
#include "modules/data/readers/open.h"
#include "tests/modules/weights/memory_file.h"
#include "tests/temp_folder.h"

namespace saucier::fuzz {

class RowsInput {
 public:
  RowsInput() { write_file_atomic(folder_.path() / "p", "a picture"); }

  // Reads all samples that the bytes hold; how many, or -1 where they end in an Error.
  std::int64_t run(std::string_view bytes) const {
    struct Format {
      const char *name, *file;
    };
    static constexpr Format kFormats[] = {{"llava", "f.json"}, {"sharegpt", "f.json"}, {"openai", "f.json"}, {"captions", "f.json"},
                                          {"captions", "f.csv"}, {"captions", "f.tsv"}, {"vqa", "f.json"}, {"webdataset", "f.tar"}, {"coco", "captions.json"}};
    if (bytes.empty()) return 0;
    const Format& format = kFormats[static_cast<unsigned char>(bytes[0]) % std::size(kFormats)];
    file_.write(bytes.substr(1));
    options::DataOptions options;
    options.format = format.name;
    options.path = link(format.file).string();  // the ending counts
    if (options.format != "webdataset") options.images = folder_.path().string();
    options.mode = "lenient";
    options.tolerate = 1;
    try {
      if (options.format == "coco") return contexts(options);
      const auto source = data::open_rows("rows", options);
      for (std::int64_t i = 0; i < source->size(); ++i) source->get(i);
      return source->size();
    } catch (const Error& error) {
      static_cast<void>(error.render());
      return -1;
    }
  }

 private:
  // Both of COCO's files are the one that the bytes are.
  std::int64_t contexts(options::DataOptions options) const {
    link("instances.json");
    options.path = folder_.path().string();
    options.check_pictures = "none";
    const auto pictures = data::described_coco("rows", options);
    for (std::int64_t i = 0; i < pictures->size(); ++i) pictures->context(i);
    return pictures->size();
  }

  std::filesystem::path link(const char* name) const {
    const std::filesystem::path link = folder_.path() / name;
    std::error_code there;
    if (!std::filesystem::is_symlink(link, there)) std::filesystem::create_symlink(file_.path(), link);
    return link;
  }

  MemoryFile file_;
  TempFolder folder_;
};

}  // namespace saucier::fuzz
