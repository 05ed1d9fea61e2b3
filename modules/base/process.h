// Child processes: their own process group, standard output and error read through pipes that sleep in poll().
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace saucier {

struct ProcessSpec {
  std::vector<std::string> command;                 // command[0] is the program, looked up in PATH
  std::map<std::string, std::string> environment;   // added to ours
  std::filesystem::path log;                        // standard error goes here (append); empty: ours
};

struct ExitStatus {
  int code = 0;     // exit code, or -1
  int signal = 0;   // the signal that ended it, or 0
  bool ok() const { return code == 0 && signal == 0; }
  std::string to_string() const;  // "exit code 3", "killed by signal 9 (SIGKILL)"
};

class Process {
 public:
  // Throws Error when it cannot be started. The kernel kills the child when the thread that started it ends, so start
  // it from one that outlives it.
  static Process start(const ProcessSpec& spec);
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();  // kills its group (SIGKILL) and reaps it if it still runs: no worker outlives its runner

  pid_t pid() const { return pid_; }
  int output() const { return out_; }               // read end of its standard output, non-blocking
  // Appends the complete lines that have come, without waiting; false at the end of the output. A last line without
  // its end was cut off and is dropped.
  bool read_lines(std::vector<std::string>& lines);
  std::optional<ExitStatus> poll();                 // reaps if ended, and kills what it left in its group
  ExitStatus wait();
  void signal(int number);                          // to its process group

 private:
  Process() = default;
  pid_t pid_ = -1;
  int out_ = -1;
  std::string partial_;
  std::optional<ExitStatus> status_;
};

// Sleeps until one of `fds` is readable (or closed at the other end), a signal comes or the time is over (negative:
// never); returns the readable ones.
std::vector<int> wait_readable(const std::vector<int>& fds, std::chrono::milliseconds timeout);

// Runs to the end and returns standard output (standard error goes to `log`, else to ours); throws Error on a bad exit.
std::string run_and_capture(const std::vector<std::string>& command, const std::filesystem::path& log = {});

}  // namespace saucier
