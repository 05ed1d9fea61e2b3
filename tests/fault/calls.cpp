#include "tests/fault/calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace saucier::calls {

namespace {

struct State {
  Plan plan;
  long count = 0;
  bool armed = false, inside = false, half = false;  // half: the next write fails
};

State& state() {
  static State state;
  return state;
}

// What a call does, which says in which modes it can fail.
enum Does : unsigned { kReads = 1, kWrites = 2, kMakes = 4, kCopies = 8 };  // makes: names or sizes; copies: to the disk

bool applies(Mode mode, unsigned does) {
  switch (mode) {
    case Mode::kFull: return does != kReads;
    case Mode::kBroken: return true;
    case Mode::kReadOnly: return (does & kMakes) != 0;
    case Mode::kShort: return (does & kWrites) != 0;
    case Mode::kNone: break;
  }
  return false;
}

int code_of(Mode mode) { return mode == Mode::kBroken ? EIO : mode == Mode::kReadOnly ? EROFS : ENOSPC; }

void mark_struck() {
  const std::string& file = state().plan.struck;
  if (file.empty()) return;
  const long fd = ::syscall(SYS_openat, AT_FDCWD, file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd >= 0) ::syscall(SYS_close, fd);
}

std::string path_of(int fd) {
  std::array<char, 4096> buffer;
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string path_of(int folder, const char* name) {
  if (name[0] == '/' || folder == AT_FDCWD) return name;
  return path_of(folder) + "/" + name;
}

// What is to become of a call: errno to fail with, or 0; in `shortened` whether half of a write shall go through.
int look(const char* call, unsigned does, const std::string& path, bool* shortened = nullptr) {
  State& s = state();
  if (!s.armed || s.inside || !path.starts_with(s.plan.under)) return 0;
  s.inside = true;
  if (s.plan.see != nullptr) s.plan.see(call, path);
  s.inside = false;
  if (!applies(s.plan.mode, does)) return 0;
  if (s.half) {
    s.half = false;
    return ENOSPC;
  }
  ++s.count;
  if (s.count != s.plan.at && !(s.plan.on && s.count > s.plan.at)) return 0;
  if (s.count == s.plan.at) mark_struck();
  if (s.plan.mode == Mode::kShort) {
    s.half = true;
    *shortened = true;
    return 0;
  }
  return code_of(s.plan.mode);
}

const bool g_from_variable = [] {
  const char* text = std::getenv(kVariable);
  if (text == nullptr) return false;
  int mode = 0, on = 0, used = 0;
  Plan plan;
  std::array<char, 1024> struck{};
  if (std::sscanf(text, "%ld %d %d %1023s %n", &plan.at, &mode, &on, struck.data(), &used) < 4) std::abort();
  plan.mode = static_cast<Mode>(mode);
  plan.on = on != 0;
  plan.struck = struck.data();
  plan.under = text + used;
  arm(plan);
  return true;
}();

}  // namespace

void arm(const Plan& plan) {
  state() = {};
  state().plan = plan;
  state().armed = true;
}

long counted() { return state().count; }

std::string to_variable(const Plan& plan) {
  return std::to_string(plan.at) + " " + std::to_string(static_cast<int>(plan.mode)) + " " + (plan.on ? "1 " : "0 ") +
         plan.struck + " " + plan.under;
}

}  // namespace saucier::calls

using namespace saucier::calls;

// The real function behind a name.
#define REAL(name) static auto* const real = reinterpret_cast<decltype(&name)>(::dlsym(RTLD_NEXT, #name))
#define FAIL_IF(code)     \
  if (const int c = code) { \
    errno = c;            \
    return -1;            \
  }

extern "C" {

#define OPEN(name, parameters, folder, arguments)                                                     \
  int name parameters {                                                                               \
    REAL(name);                                                                                       \
    mode_t mode = 0;                                                                                  \
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                                                       \
      va_list list;                                                                                   \
      va_start(list, flags);                                                                          \
      mode = va_arg(list, mode_t);                                                                    \
      va_end(list);                                                                                   \
    }                                                                                                 \
    FAIL_IF(look(#name, (flags & O_ACCMODE) == O_RDONLY ? kReads : kMakes, path_of(folder, path)));   \
    return real arguments;                                                                            \
  }
OPEN(open, (const char* path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPEN(open64, (const char* path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPEN(openat, (int folder, const char* path, int flags, ...), folder, (folder, path, flags, mode))
OPEN(openat64, (int folder, const char* path, int flags, ...), folder, (folder, path, flags, mode))

#define WRITE(name, parameters, arguments)                          \
  ssize_t name parameters {                                         \
    REAL(name);                                                     \
    bool shortened = false;                                         \
    FAIL_IF(look(#name, kWrites, path_of(fd), &shortened));         \
    if (shortened && size > 1) size /= 2;                           \
    return real arguments;                                          \
  }
WRITE(write, (int fd, const void* data, size_t size), (fd, data, size))
WRITE(pwrite, (int fd, const void* data, size_t size, off_t at), (fd, data, size, at))
WRITE(pwrite64, (int fd, const void* data, size_t size, off64_t at), (fd, data, size, at))

#define CALL(type, name, does, parameters, path, arguments) \
  type name parameters {                                    \
    REAL(name);                                             \
    FAIL_IF(look(#name, does, path));                       \
    return real arguments;                                  \
  }
CALL(ssize_t, read, kReads, (int fd, void* data, size_t size), path_of(fd), (fd, data, size))
CALL(ssize_t, pread, kReads, (int fd, void* data, size_t size, off_t at), path_of(fd), (fd, data, size, at))
CALL(ssize_t, pread64, kReads, (int fd, void* data, size_t size, off64_t at), path_of(fd), (fd, data, size, at))
CALL(int, fsync, kCopies, (int fd), path_of(fd), (fd))
CALL(int, fdatasync, kCopies, (int fd), path_of(fd), (fd))
CALL(int, ftruncate, kMakes, (int fd, off_t size), path_of(fd), (fd, size))
CALL(int, ftruncate64, kMakes, (int fd, off64_t size), path_of(fd), (fd, size))
CALL(int, mkdir, kMakes, (const char* path, mode_t mode), path, (path, mode))
CALL(int, unlink, kMakes, (const char* path), path, (path))
CALL(int, unlinkat, kMakes, (int folder, const char* path, int flags), path_of(folder, path), (folder, path, flags))
CALL(int, rename, kMakes, (const char* from, const char* to), from, (from, to))
CALL(int, renameat2, kMakes, (int a, const char* from, int b, const char* to, unsigned flags), path_of(a, from), (a, from, b, to, flags))
CALL(ssize_t, sendfile, kCopies, (int out, int in, off_t* at, size_t size), path_of(out), (out, in, at, size))
CALL(ssize_t, copy_file_range, kCopies, (int in, off64_t* from, int out, off64_t* to, size_t size, unsigned flags), path_of(out), (in, from, out, to, size, flags))
}
