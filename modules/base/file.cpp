#include "modules/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "modules/base/clock.h"
#include "modules/base/error.h"

namespace saucier {
namespace {

[[noreturn]] void fail(std::string_view verb, const fs::path& path, int code) {
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "free some space and run the same command again";
  throw Error(fmt::format("cannot {} '{}': {}", verb, path.string(), std::strerror(code)), hint);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() { return ::close(std::exchange(fd_, -1)); }  // network file systems report late write errors here

 private:
  int fd_;
};

// Writes all of `content`; returns 0 or errno, and in `written` how much went out.
int write_all(int fd, std::string_view content, size_t& written) {
  written = 0;
  while (written < content.size()) {
    const ssize_t n = ::write(fd, content.data() + written, content.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    written += static_cast<size_t>(n);
  }
  return 0;
}

// The number keeps two threads of one process apart, the process id two processes.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> number{0};
  return fmt::format("{}.tmp-{}-{}", path.string(), ::getpid(), number++);
}

// A rename that replaces nothing; returns 0 or errno.
int rename_to_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  struct stat status {};  // the file system lacks the flag: look first (rename replaces empty folders)
  if (::lstat(to.c_str(), &status) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

fs::path parent_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("read", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("read", path, errno);
  std::string out;
  if (S_ISREG(status.st_mode)) out.reserve(static_cast<size_t>(status.st_size));
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path, errno);
    if (got == 0) return out;
    out.append(buffer.data(), static_cast<size_t>(got));
  }
}

bool begins_with(const fs::path& path, std::string_view bytes) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string begin(bytes.size(), '\0');
  return file.get() >= 0 && ::pread(file.get(), begin.data(), begin.size(), 0) == static_cast<ssize_t>(bytes.size()) && begin == bytes;
}

std::string identity_of_file(const fs::path& path) {
  constexpr std::int64_t kRacyNs = 2'000'000'000;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail("read", path, errno);
  const auto nanoseconds = [](const timespec& time) { return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; };
  const std::int64_t modified = nanoseconds(status.st_mtim), changed = nanoseconds(status.st_ctim);
  if (std::max(modified, changed) + kRacyNs >= system_clock().now_us() * 1000) return {};
  return fmt::format("{}:{}:{}:{}:{}", status.st_dev, status.st_ino, status.st_size, modified, changed);
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  const fs::path temporary = temporary_name(path);
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) fail("write", path, errno);
  size_t written = 0;
  int code = write_all(file.get(), content, written);
  if (code == 0 && ::fsync(file.get()) != 0) code = errno;
  if (file.close() != 0 && code == 0) code = errno;
  if (code == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) code = errno;
  if (code != 0) {
    ::unlink(temporary.c_str());
    fail("write", path, code);
  }
  fsync_path(parent_of(path));
}

void fsync_path(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("sync", path, errno);
  // Some file systems (FUSE, overlay) refuse to sync folders; they keep the order of renames themselves.
  if (::fsync(file.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail("sync", path, errno);
}

void fsync_tree(const fs::path& folder) {
  std::vector<fs::path> folders{folder};
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_symlink()) continue;
      if (entry.is_directory()) folders.push_back(entry.path());
      if (entry.is_regular_file()) fsync_path(entry.path());
    }
  } catch (const fs::filesystem_error& error) {
    fail("sync", error.path1().empty() ? folder : error.path1(), error.code().value());
  }
  // Children come after their parents in the walk: backwards, a folder is synced after all below it.
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) fsync_path(*it);
}

void commit_folder(const fs::path& from, const fs::path& to) {
  fsync_tree(from);
  int code = rename_to_new(from, to);
  if (code == EXDEV) {  // two file systems: a copy beside `to` first
    const fs::path near = temporary_name(to);
    std::error_code error, ignored;
    fs::copy(from, near, fs::copy_options::recursive, error);
    code = error.value();
    if (code == 0) {
      fsync_tree(near);
      code = rename_to_new(near, to);
    }
    fs::remove_all(code == 0 ? from : near, ignored);
  }
  if (code != 0) fail(fmt::format("move '{}' to", from.string()), to, code);
  fsync_path(parent_of(to));
  if (parent_of(from) != parent_of(to)) fsync_path(parent_of(from));
}

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("make folder", path, error.value());
  if (!fs::is_directory(path, error)) fail("make folder", path, ENOTDIR);
}

LineAppender::LineAppender(const fs::path& path) : path_(path) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (file.get() < 0) fail("open", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("open", path, errno);
  if (S_ISREG(status.st_mode)) {
    // The end of the last whole line, looked for from the back.
    std::array<char, 4096> buffer;
    off_t keep = status.st_size;
    while (keep > 0) {
      const off_t begin = std::max<off_t>(0, keep - static_cast<off_t>(buffer.size()));
      const ssize_t got = ::pread(file.get(), buffer.data(), static_cast<size_t>(keep - begin), begin);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("read", path, errno);
      const size_t end = std::string_view(buffer.data(), static_cast<size_t>(got)).rfind('\n');
      if (end != std::string_view::npos) {
        keep = begin + static_cast<off_t>(end) + 1;
        break;
      }
      keep = begin;
    }
    if (keep < status.st_size && ::ftruncate(file.get(), keep) != 0) fail("repair", path, errno);
    if (status.st_size == 0) fsync_path(parent_of(path));  // perhaps new: its name must outlive a power cut, too
  }
  fd_ = ::fcntl(file.get(), F_DUPFD_CLOEXEC, 0);
  if (fd_ < 0) fail("open", path, errno);
}

LineAppender::~LineAppender() {
  if (fd_ >= 0) ::close(fd_);
}

void LineAppender::append(std::string_view line) {
  SAUCIER_CHECK(line.find('\n') == std::string_view::npos, "a line for '{}' holds a line end", path_.string());
  std::string whole(line);
  whole += '\n';
  size_t written = 0;
  const int code = write_all(fd_, whole, written);
  if (code == 0) return;
  // Takes a half line back, so that the next one does not continue it.
  struct stat status {};
  if (written > 0 && ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) [[maybe_unused]]
    const int cut = ::ftruncate(fd_, status.st_size - static_cast<off_t>(written));
  fail("write", path_, code);
}

void LineAppender::sync() {
  if (::fdatasync(fd_) != 0 && errno != EINVAL) fail("sync", path_, errno);
}

}  // namespace saucier
