#include "modules/data/readers/picture_folder.h"

#include <algorithm>

#include "modules/base/error.h"

namespace saucier::data {

namespace fs = std::filesystem;

PictureFolder::PictureFolder(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  real_folder_ = fs::canonical(folder_, error);
  if (error || !fs::is_directory(real_folder_, error)) throw Error(fmt::format("no picture folder '{}'", folder_.string()), "name the folder that the pictures lie in");
}

std::string PictureFolder::problem(const std::string& reference) const {
  const fs::path path(reference);
  if (reference.empty() || path.is_absolute() || std::find(path.begin(), path.end(), fs::path("..")) != path.end())
    return fmt::format("picture '{}' is not a relative path inside the picture folder", reference);
  std::error_code error;
  const fs::path real = fs::canonical(folder_ / path, error);
  if (error || !fs::is_regular_file(real, error)) return fmt::format("no picture '{}' in '{}'", reference, folder_.string());
  const auto [end, unused] = std::mismatch(real_folder_.begin(), real_folder_.end(), real.begin(), real.end());
  if (end != real_folder_.end()) return fmt::format("picture '{}' leads outside the picture folder", reference);
  return {};
}

Picture PictureFolder::load(const std::string& reference) const {
  if (const std::string wrong = problem(reference); !wrong.empty()) throw Error(wrong);
  return image::read_picture(folder_ / reference);
}

}  // namespace saucier::data
