// Being asked to stop: a worker that gets SIGTERM writes a training state and ends with kExitInterrupted, and the runner
// puts the stage back instead of calling it failed.
#pragma once

#include <atomic>
#include <exception>
#include <string>
#include <utility>

namespace saucier {

inline constexpr int kExitInterrupted = 75;  // EX_TEMPFAIL of sysexits.h: try again later

// Set by the signal handler of saucier-worker; stages look at it between steps.
std::atomic<bool>& stop_requested();

// Thrown by a stage that was asked to stop, after it has written what it goes on from. Not an Error: nothing is wrong.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }  // "stopped at step 40 of 800"

 private:
  std::string message_;
};

}  // namespace saucier
