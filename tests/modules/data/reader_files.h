// What the tests of the readers share: small files, and a source over them.
#pragma once

#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/data/readers/open.h"
#include "tests/temp_folder.h"

namespace saucier::data {

class Folder {
 public:
  const fs::path& path() const { return folder_.path(); }
  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((path() / name).parent_path());
    std::ofstream(path() / name, std::ios::binary) << text;
    return path() / name;
  }
  // `side` pixels a side.
  fs::path picture(const std::string& name, int side = 1) const {
    const std::string bytes = image::png_bytes(image::of_one_colour(side, side, {1, 2, 3}));
    return write(name, bytes);
  }

 private:
  TempFolder folder_;
};

inline options::DataOptions options_of(const std::string& format, const fs::path& file, const fs::path& images = {}) {
  options::DataOptions options;
  options.format = format;
  options.path = file.string();
  options.images = images.string();
  return options;
}

inline std::shared_ptr<const SampleSource> open(const options::DataOptions& options, std::shared_ptr<const SceneWorld> scenes = nullptr) {
  return open_rows("mine", options, std::move(scenes));
}

// What opening it says, or "no error".
inline std::string error_of(const options::DataOptions& options, std::shared_ptr<const SceneWorld> scenes = nullptr) {
  try {
    open(options, std::move(scenes));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// The reason and the detail of the one row that is left out: "empty-turn: turn 2 is empty"; or "kept".
inline std::string reason_of(options::DataOptions options, std::shared_ptr<const SceneWorld> scenes = nullptr) {
  options.mode = "lenient";
  options.tolerate = 1;
  const auto source = open(options, std::move(scenes));
  const ReadReport& report = source->report();
  REQUIRE(report.rows == 1);
  if (report.reasons.empty()) {
    CHECK(source->size() == 1);
    return "kept";
  }
  CHECK(source->size() == 0);
  REQUIRE(report.reasons.size() == 1);
  const auto& [name, reason] = *report.reasons.begin();
  CHECK(reason.count == 1);
  CHECK(reason.left_out);
  return name + ": " + reason.examples.at(0).detail;
}

// Turns and pictures as one text: "[system] user | assistant {picture}".
inline std::string shown(const Sample& sample) {
  std::string out = sample.system ? "[" + *sample.system + "] " : "";
  for (size_t i = 0; i < sample.turns.size(); ++i) out += (i > 0 ? " | " : "") + sample.turns[i].text;
  for (const PictureRef& picture : sample.pictures) out += " {" + picture.reference + "}";
  return out;
}

}  // namespace saucier::data
