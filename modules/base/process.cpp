#include "modules/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "modules/base/error.h"

extern char** environ;

namespace saucier {
namespace {

constexpr int kPipeBytes = 1 << 19;  // a child goes on while its reader is busy; less than one read_lines takes

void close_quietly(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    read = ends[0];
    write = ends[1];
  }
  ~Pipe() {
    close_quietly(read);
    close_quietly(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!added.contains(std::string(text.substr(0, text.find('='))))) out.emplace_back(text);
  }
  for (const auto& [name, value] : added) out.push_back(fmt::format("{}={}", name, value));
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts)
    out.push_back(const_cast<char*>(text.c_str()));  // exec takes char*, writes none
  out.push_back(nullptr);
  return out;
}

// Runs in the child, between fork and exec: system calls only, no memory, no locks. Returns the errno of what failed.
int become(char* const* argv, char* const* envp, int out, int log, int null, pid_t parent) {
  if (::setpgid(0, 0) != 0) return errno;
  // The parent may have died before this took effect: then nobody would ever send the signal.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (::getppid() != parent) return ESRCH;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);  // ignored ones are inherited
  if (::dup2(null, STDIN_FILENO) < 0 || ::dup2(out, STDOUT_FILENO) < 0) return errno;
  if (log >= 0 && ::dup2(log, STDERR_FILENO) < 0) return errno;
  ::execvpe(argv[0], argv, envp);
  return errno;
}

ExitStatus status_of(int raw) {
  if (WIFSIGNALED(raw)) return {.code = -1, .signal = WTERMSIG(raw)};
  return {.code = WEXITSTATUS(raw), .signal = 0};
}

}  // namespace

std::string ExitStatus::to_string() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("killed by signal {}", signal)
                         : fmt::format("killed by signal {} (SIG{})", signal, name);
}

Process Process::start(const ProcessSpec& spec) {
  SAUCIER_CHECK(!spec.command.empty());
  const auto fail = [&](int code) {
    throw Error(fmt::format("cannot start '{}': {}", spec.command[0], std::strerror(code)));
  };
  const std::vector<std::string> environment = merged_environment(spec.environment);
  const std::vector<char*> argv = pointers(spec.command), envp = pointers(environment);
  Pipe output, problem;  // `problem` closes by itself on a successful exec
  int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) fail(errno);
  int log = -1;
  if (!spec.log.empty()) {
    log = ::open(spec.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log < 0) {
      const int code = errno;
      close_quietly(null);
      throw Error(fmt::format("cannot write '{}': {}", spec.log.string(), std::strerror(code)));
    }
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  const int fork_code = errno;
  if (pid == 0) {
    const int code = become(argv.data(), envp.data(), output.write, log, null, parent);
    [[maybe_unused]] const ssize_t told = ::write(problem.write, &code, sizeof code);
    ::_exit(127);
  }
  close_quietly(null);
  close_quietly(log);
  if (pid < 0) fail(fork_code);
  ::setpgid(pid, pid);  // here, too: whoever comes first, signal() finds the group
  close_quietly(output.write);
  close_quietly(problem.write);

  Process process;
  process.pid_ = pid;
  process.out_ = std::exchange(output.read, -1);
  int code = 0;
  ssize_t got = 0;
  do got = ::read(problem.read, &code, sizeof code);
  while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof code)) {
    process.wait();
    fail(code);
  }
  ::fcntl(process.out_, F_SETFL, O_NONBLOCK);
  ::fcntl(process.out_, F_SETPIPE_SZ, kPipeBytes);  // where it is refused, the usual 64 KB do
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      out_(std::exchange(other.out_, -1)),
      partial_(std::move(other.partial_)),
      status_(std::exchange(other.status_, std::nullopt)) {}

Process& Process::operator=(Process&& other) noexcept {
  Process taken(std::move(other));
  std::swap(pid_, taken.pid_);
  std::swap(out_, taken.out_);
  std::swap(partial_, taken.partial_);
  std::swap(status_, taken.status_);
  return *this;
}

Process::~Process() {
  if (pid_ > 0 && !status_) {
    ::kill(-pid_, SIGKILL);
    int raw = 0;
    while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
    }
  }
  close_quietly(out_);
}

bool Process::read_lines(std::vector<std::string>& lines) {
  std::array<char, 1 << 16> buffer;
  // At most a megabyte a call, so that one loud child cannot keep the others waiting.
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = ::read(out_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (got < 0) throw Error(fmt::format("cannot read the output of process {}: {}", pid_, std::strerror(errno)));
    if (got == 0) return false;
    std::string_view rest(buffer.data(), static_cast<size_t>(got));
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      partial_ += rest.substr(0, end);
      lines.push_back(std::exchange(partial_, {}));
      rest.remove_prefix(end + 1);
    }
    partial_ += rest;
  }
  return true;
}

std::optional<ExitStatus> Process::poll() {
  if (status_ || pid_ <= 0) return status_;
  // Looks without reaping: while the dead leader is not reaped its number cannot be given away, so the signal for what
  // it may have left in its group reaches nobody else.
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
    return std::nullopt;
  return wait();
}

ExitStatus Process::wait() {
  if (status_) return *status_;
  SAUCIER_CHECK(pid_ > 0, "no process to wait for");
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  ::kill(-pid_, SIGKILL);
  int raw = 0;
  while (::waitpid(pid_, &raw, 0) < 0) {
    if (errno != EINTR) throw Error(fmt::format("cannot wait for process {}: {}", pid_, std::strerror(errno)));
  }
  status_ = status_of(raw);
  return *status_;
}

void Process::signal(int number) {
  if (pid_ > 0 && !status_) ::kill(-pid_, number);
}

std::vector<int> wait_readable(const std::vector<int>& fds, std::chrono::milliseconds timeout) {
  std::vector<pollfd> entries;
  for (const int fd : fds) entries.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(timeout.count()));
  if (ready < 0 && errno != EINTR) throw Error(fmt::format("cannot wait for output: {}", std::strerror(errno)));
  std::vector<int> out;
  if (ready <= 0) return out;
  for (const pollfd& entry : entries)
    if ((entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0) out.push_back(entry.fd);
  return out;
}

std::string run_and_capture(const std::vector<std::string>& command, const std::filesystem::path& log) {
  Process process = Process::start({.command = command, .environment = {}, .log = log});
  std::string out;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t got = ::read(process.output(), buffer.data(), buffer.size());
    if (got == 0) break;
    if (got > 0)
      out.append(buffer.data(), static_cast<size_t>(got));
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      wait_readable({process.output()}, std::chrono::milliseconds(-1));
    else if (errno != EINTR)
      throw Error(fmt::format("cannot read the output of '{}': {}", command[0], std::strerror(errno)));
  }
  const ExitStatus status = process.wait();
  if (!status.ok()) throw Error(fmt::format("'{}' failed: {}", command[0], status.to_string()));
  return out;
}

}  // namespace saucier
