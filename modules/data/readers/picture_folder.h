// Pictures below one folder, of every kind that image::decode knows.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "modules/data/sample.h"

namespace saucier::data {

// References are paths relative to `folder`. What lies outside it, by "..", an absolute path or a link, is refused.
class PictureFolder : public PictureSource {
 public:
  explicit PictureFolder(std::filesystem::path folder);
  Picture load(const std::string& reference) const override;
  // What is wrong with a reference, or "": no relative path inside the folder, or no such file.
  std::string problem(const std::string& reference) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path real_folder_;  // links resolved
};

}  // namespace saucier::data
