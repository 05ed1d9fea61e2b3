// Pictures below one folder, of every kind that image::decode knows.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "modules/data/sample.h"

namespace saucier::data {

// References are paths relative to `folder`. What lies outside it, by "..", an absolute path or a link, is refused.
class PictureFolder : public PictureSource {
 public:
  explicit PictureFolder(std::filesystem::path folder);
  Picture load(const std::string& reference) const override;
  image::Size size(const std::string& reference) const override;
  std::string identity(const std::string& reference) const override;
  // Throws BadRow for what is no relative path inside the folder, or no file. Thread-safe.
  void check(const std::string& reference) const;

 private:
  bool inside(const std::string& subfolder) const;  // links resolved; each subfolder is looked at once
  bool is_inside(const std::filesystem::path& real) const;

  std::filesystem::path folder_;
  std::filesystem::path real_folder_;  // links resolved
  mutable std::mutex mutex_;
  mutable std::map<std::string, bool> inside_;
};

}  // namespace saucier::data
