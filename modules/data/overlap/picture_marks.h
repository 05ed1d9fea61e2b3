// The marks of pictures, each picture decoded once: remembered in memory, and in a file for the next process.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "modules/base/file.h"
#include "modules/data/overlap/picture_mark.h"
#include "modules/data/overlap/progress.h"
#include "modules/data/sample.h"

namespace saucier::data {

// A picture costs about 90 bytes of memory, and 137 in the file. Thread-safe.
class PictureMarks {
 public:
  // `cache`: folder of prepared samples (prepared.h), in which the marks have a folder of their own; empty: no file. Lines of
  // the file that are damaged are marked anew; where it cannot be written the next process decodes again.
  explicit PictureMarks(const std::filesystem::path& cache = {}, Progress progress = {});
  PictureMarks(const PictureMarks&) = delete;
  PictureMarks& operator=(const PictureMarks&) = delete;

  PictureMark of(const PictureRef& picture);  // throws what load() throws
  std::int64_t decoded() const { return decoded_; }
  const Progress& progress() const { return progress_; }  // of the passes that ask for marks

 private:
  void read(const std::filesystem::path& file);

  Progress progress_;
  std::mutex mutex_;
  std::unordered_map<Digest128, PictureMark, DigestHash> known_;  // by PictureSource::identity()
  std::unique_ptr<LineAppender> file_;
  std::atomic<std::int64_t> decoded_ = 0;
};

}  // namespace saucier::data
