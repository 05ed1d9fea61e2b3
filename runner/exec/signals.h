// Ctrl-C and SIGTERM while a run goes on: counted, and readable as a descriptor so that a sleeping poll wakes up.
#pragma once

#include <csignal>

namespace saucier::exec {

class StopSignals {  // one at a time in a process
 public:
  StopSignals();
  ~StopSignals();  // the handlers that were there before come back
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  int descriptor() const;
  int count();  // how often people asked to stop, since the beginning

 private:
  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

}  // namespace saucier::exec
