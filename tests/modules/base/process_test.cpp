#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <csignal>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/process.h"
#include "tests/modules/base/scratch.h"

using namespace saucier;
using namespace std::chrono_literals;

namespace {

Process shell(const std::string& script, const fs::path& log = {}) {
  return Process::start({.command = {"sh", "-c", script}, .environment = {{"SAUCIER_TEST", "set"}}, .log = log});
}

std::vector<std::string> all_lines(Process& process) {
  std::vector<std::string> lines;
  while (process.read_lines(lines)) wait_readable({process.output()}, 10s);
  return lines;
}

// Whether the process ends (is gone or a zombie nobody reaps) within ten seconds.
bool ends(pid_t pid) {
  for (int i = 0; i < 1000; ++i) {
    if (::kill(pid, 0) != 0) return true;
    try {
      const std::string status = read_file(fmt::format("/proc/{}/stat", pid));
      if (status[status.rfind(')') + 2] == 'Z') return true;
    } catch (const Error&) {
      return true;
    }
    ::usleep(10000);
  }
  return false;
}

}  // namespace

TEST_CASE("lines, environment, standard input and exit code of a child") {
  Process process = shell("echo $SAUCIER_TEST; read x || echo no input; printf 'a\\n\\nb'; exit 3");
  CHECK(all_lines(process) == std::vector<std::string>{"set", "no input", "a", ""});  // 'b' has no end
  const ExitStatus status = process.wait();
  CHECK_FALSE(status.ok());
  CHECK(status.to_string() == "exit code 3");
  CHECK(process.poll()->code == 3);
}

TEST_CASE("more output than a pipe holds") {
  Process process =
      shell("i=0; while [ $i -lt 5000 ]; do echo 'line of more than thirty letters' $i; i=$((i+1)); done");
  const std::vector<std::string> lines = all_lines(process);
  REQUIRE(lines.size() == 5000);
  CHECK(lines[4999] == "line of more than thirty letters 4999");
  CHECK(process.wait().ok());
}

TEST_CASE("reading does not wait, and a running child has no status") {
  Process process = shell("echo first; sleep 100");
  wait_readable({process.output()}, 10s);
  std::vector<std::string> lines;
  CHECK(process.read_lines(lines));
  CHECK(lines == std::vector<std::string>{"first"});
  CHECK(process.read_lines(lines));
  CHECK(wait_readable({process.output()}, 1ms).empty());
  CHECK_FALSE(process.poll().has_value());
  process.signal(SIGTERM);
  CHECK(process.wait().to_string() == "killed by signal 15 (SIGTERM)");
}

TEST_CASE("standard error goes to the log, behind what is there") {
  const Scratch scratch;
  write_file_atomic(scratch / "log", "before\n");
  Process process = shell("echo out; echo problem >&2", scratch / "log");
  CHECK(all_lines(process) == std::vector<std::string>{"out"});
  CHECK(process.wait().ok());
  CHECK(read_file(scratch / "log") == "before\nproblem\n");
}

TEST_CASE("a program that cannot be started is an error at once") {
  CHECK_THROWS_WITH(Process::start({.command = {"saucier-no-such-program"}, .environment = {}, .log = {}}),
                    "cannot start 'saucier-no-such-program': No such file or directory");
  CHECK_THROWS_WITH(Process::start({.command = {"/"}, .environment = {}, .log = {}}),
                    "cannot start '/': Permission denied");
}

TEST_CASE("a child inherits none of our files") {
  Process other = shell("sleep 100");
  const std::string pipe = fs::read_symlink(fmt::format("/proc/self/fd/{}", other.output())).string();
  REQUIRE(pipe.starts_with("pipe:["));
  const std::string open_there = run_and_capture({"ls", "-l", "/proc/self/fd"});
  CHECK(open_there.find("pipe:[") != std::string::npos);  // its own standard output
  CHECK(open_there.find(pipe) == std::string::npos);
}

TEST_CASE("the destructor ends the whole group") {
  pid_t leader = 0, grandchild = 0;
  {
    Process process = shell("sleep 100 & echo $!; wait");
    wait_readable({process.output()}, 10s);
    std::vector<std::string> lines;
    while (lines.empty() && process.read_lines(lines)) wait_readable({process.output()}, 10s);
    leader = process.pid();
    grandchild = std::stoi(lines.at(0));
    CHECK(::kill(grandchild, 0) == 0);
  }
  CHECK(::kill(leader, 0) != 0);  // reaped
  CHECK(ends(grandchild));
}

TEST_CASE("what a child leaves in its group ends with it") {
  Process process = shell("sleep 100 >/dev/null & echo $!");
  const std::vector<std::string> lines = all_lines(process);
  CHECK(process.wait().ok());
  CHECK(ends(std::stoi(lines.at(0))));
}

TEST_CASE("a child does not outlive a runner that is killed") {
  int ends_of_pipe[2];
  REQUIRE(::pipe(ends_of_pipe) == 0);
  const pid_t runner = ::fork();
  if (runner == 0) {
    Process worker = shell("sleep 100");
    const pid_t pid = worker.pid();
    [[maybe_unused]] const ssize_t told = ::write(ends_of_pipe[1], &pid, sizeof pid);
    ::raise(SIGKILL);
  }
  pid_t worker = 0;
  REQUIRE(::read(ends_of_pipe[0], &worker, sizeof worker) == static_cast<ssize_t>(sizeof worker));
  ::waitpid(runner, nullptr, 0);
  ::close(ends_of_pipe[0]);
  ::close(ends_of_pipe[1]);
  CHECK(ends(worker));
}

TEST_CASE("run_and_capture") {
  CHECK(run_and_capture({"printf", "a\\nb"}) == "a\nb");
  CHECK_THROWS_WITH(run_and_capture({"false"}), "'false' failed: exit code 1");
}
