// A temporary folder that commands are given in, with the models of recipes/.
#pragma once

#include <filesystem>

#include "tests/temp_folder.h"

namespace saucier {

class WorkingFolder {
 public:
  WorkingFolder() : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder_.path());
    std::filesystem::create_directory_symlink(std::filesystem::path(SAUCIER_SOURCE_DIR) / "recipes/models", "models");
    std::filesystem::create_directory("pictures");
  }
  ~WorkingFolder() { std::filesystem::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  TempFolder folder_;
  std::filesystem::path before_;
};

}  // namespace saucier
