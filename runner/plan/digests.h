// Content digests of the files and folders that a stage reads, remembered between runs.
//
// A file's digest is remembered by identity_of_file(); one that has just changed has none, so its digest is not remembered.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace saucier::plan {

namespace fs = std::filesystem;

class ContentDigests {
 public:
  explicit ContentDigests(fs::path cache_file);  // empty: remembers only while it lives
  ~ContentDigests();                             // writes what is new; a failure costs only time later
  ContentDigests(const ContentDigests&) = delete;
  ContentDigests& operator=(const ContentDigests&) = delete;

  // Of a file: its SHA-256. Of a folder: over the sorted relative names and digests of the files below it, without
  // hidden ones. Throws Error when it cannot be read.
  std::string of(const fs::path& path);
  int hashed() const { return hashed_; }  // files whose contents were read

 private:
  std::string of_file(const fs::path& path);
  std::string of_folder(const fs::path& path);

  fs::path cache_file_;
  std::map<std::string, std::string> files_;  // identity -> digest
  std::map<fs::path, std::string> asked_;     // within this plan
  bool changed_ = false;
  int hashed_ = 0;
};

}  // namespace saucier::plan
