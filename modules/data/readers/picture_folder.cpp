#include "modules/data/readers/picture_folder.h"

#include <sys/stat.h>

#include <algorithm>

#include "modules/base/file.h"
#include "modules/data/readers/bad_row.h"

namespace saucier::data {

namespace fs = std::filesystem;

PictureFolder::PictureFolder(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  real_folder_ = fs::canonical(folder_, error);
  if (error || !fs::is_directory(real_folder_, error)) throw Error(fmt::format("no picture folder '{}'", folder_.string()), "name the folder that the pictures lie in");
}

void PictureFolder::check(const std::string& reference) const {
  const fs::path path(reference);
  if (reference.empty() || reference.find('\0') != std::string::npos || path.is_absolute() || std::find(path.begin(), path.end(), fs::path("..")) != path.end())
    throw BadRow(Reason::kPictureOutside, fmt::format("picture '{}' is not a relative path inside the picture folder", reference));
  const auto missing = [&] { return BadRow(Reason::kMissingPicture, fmt::format("no picture '{}' in '{}'", reference, folder_.string())); };
  const fs::path file = folder_ / path;
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) throw missing();
  bool within = inside(path.parent_path().string());
  if (S_ISLNK(status.st_mode)) {
    std::error_code error;
    const fs::path real = fs::canonical(file, error);
    if (error || !fs::is_regular_file(real, error)) throw missing();
    within = is_inside(real);
  } else if (!S_ISREG(status.st_mode)) {
    throw missing();
  }
  if (!within) throw BadRow(Reason::kPictureOutside, fmt::format("picture '{}' leads outside the picture folder", reference));
}

bool PictureFolder::inside(const std::string& subfolder) const {
  const std::scoped_lock lock(mutex_);
  const auto known = inside_.find(subfolder);
  if (known != inside_.end()) return known->second;
  std::error_code error;
  const fs::path real = fs::canonical(folder_ / subfolder, error);
  return inside_[subfolder] = !error && is_inside(real);
}

bool PictureFolder::is_inside(const fs::path& real) const {
  return std::mismatch(real_folder_.begin(), real_folder_.end(), real.begin(), real.end()).first == real_folder_.end();
}

Picture PictureFolder::load(const std::string& reference) const {
  check(reference);
  return image::read_picture(folder_ / reference);
}

image::Size PictureFolder::size(const std::string& reference) const {
  check(reference);
  return image::read_size(folder_ / reference);
}

std::string PictureFolder::identity(const std::string& reference) const {
  check(reference);
  return identity_of_file(folder_ / reference);
}

}  // namespace saucier::data
