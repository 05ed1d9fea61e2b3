// A source of rows out of any bytes: the first says the format, the rest is the file.
#pragma once

#include <iterator>

#include "modules/base/error.h"
#include "modules/data/readers/open.h"
#include "tests/modules/weights/memory_file.h"
#include "tests/temp_folder.h"

namespace saucier::fuzz {

class RowsInput {
 public:
  // Reads all samples that the bytes hold; how many, or -1 where they end in an Error.
  std::int64_t run(std::string_view bytes) const {
    struct Format {
      const char *name, *file;
    };
    static constexpr Format kFormats[] = {{"llava", "f.json"}, {"sharegpt", "f.json"}, {"openai", "f.json"}, {"captions", "f.json"},
                                          {"captions", "f.csv"}, {"captions", "f.tsv"}, {"vqa", "f.json"}, {"webdataset", "f.tar"}};
    if (bytes.empty()) return 0;
    const Format& format = kFormats[static_cast<unsigned char>(bytes[0]) % std::size(kFormats)];
    file_.write(bytes.substr(1));
    const std::filesystem::path link = folder_.path() / format.file;  // the ending counts
    std::error_code there;
    if (!std::filesystem::is_symlink(link, there)) std::filesystem::create_symlink(file_.path(), link);
    options::DataOptions options;
    options.format = format.name;
    options.path = link.string();
    if (options.format != "webdataset") options.images = folder_.path().string();
    options.mode = "lenient";
    options.tolerate = 1;
    try {
      const auto source = data::open_rows("rows", options);
      for (std::int64_t i = 0; i < source->size(); ++i) source->get(i);
      return source->size();
    } catch (const Error& error) {
      static_cast<void>(error.render());
      return -1;
    }
  }

 private:
  MemoryFile file_;
  TempFolder folder_;
};

}  // namespace saucier::fuzz
