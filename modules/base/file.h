// Files that are either whole or not there.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace saucier {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path);  // throws Error: "cannot read 'x': No such file or directory"
bool begins_with(const fs::path& file, std::string_view bytes);  // false where it is no file that can be read

// Tells a file's content apart without reading it: device, inode, size and times. Empty where the file changed within the
// last two seconds: it may change again within the same time stamp (git's "racy" rule). Throws Error.
std::string identity_of_file(const fs::path& path);

// Writes a temporary neighbour, fsyncs it, renames it over `path` and fsyncs the folder. Throws Error (with a hint on
// ENOSPC); on failure `path` is as before.
void write_file_atomic(const fs::path& path, std::string_view content);

void fsync_path(const fs::path& path);         // a file or a folder
void fsync_tree(const fs::path& folder);       // every file below it, then the folders
// A finished folder appears at once: fsync_tree(from), rename to the new `to` (of a copy from another file system), fsync.
void commit_folder(const fs::path& from, const fs::path& to);
void make_folders(const fs::path& path);       // mkdir -p, throws Error

// Appends whole lines to a file; a torn last line (after a crash) is cut on opening.
class LineAppender {
 public:
  explicit LineAppender(const fs::path& path);
  ~LineAppender();
  LineAppender(const LineAppender&) = delete;
  LineAppender& operator=(const LineAppender&) = delete;
  void append(std::string_view line);  // the line end is added; one write()
  void sync();                         // fdatasync

 private:
  int fd_ = -1;
  fs::path path_;
};

}  // namespace saucier
