#include "runner/exec/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "modules/base/error.h"

namespace saucier::exec {

namespace {

// A handler gets no argument of ours, so what it touches has to be here.
std::atomic<int> g_count{0};
std::atomic<int> g_write_end{-1};
int g_read_end = -1;

void on_stop(int) {
  const int code = errno;
  ++g_count;
  [[maybe_unused]] const ssize_t written = ::write(g_write_end.load(), "s", 1);  // a full pipe wakes as well
  errno = code;
}

}  // namespace

StopSignals::StopSignals() {
  std::array<int, 2> ends{};
  SAUCIER_CHECK(g_read_end < 0, "two runs in one process");
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw Error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  g_read_end = ends[0];
  g_write_end = ends[1];
  g_count = 0;
  struct sigaction action {};
  action.sa_handler = on_stop;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &before_int_);
  ::sigaction(SIGTERM, &action, &before_term_);
}

StopSignals::~StopSignals() {
  ::sigaction(SIGINT, &before_int_, nullptr);
  ::sigaction(SIGTERM, &before_term_, nullptr);
  ::close(g_write_end.exchange(-1));
  ::close(g_read_end);
  g_read_end = -1;
}

int StopSignals::descriptor() const { return g_read_end; }

int StopSignals::count() {
  std::array<char, 64> drained;
  while (::read(g_read_end, drained.data(), drained.size()) > 0) {
  }
  return g_count.load();
}

}  // namespace saucier::exec
