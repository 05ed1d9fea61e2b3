// The order of a run, as pure logic: which stage may start next, and what a failure takes with it.
#pragma once

#include <vector>

#include "runner/plan/plan.h"

namespace saucier::exec {

enum class State { kWaiting, kReady, kRunning, kDone, kFailed, kSkipped, kClosed };

class Schedule {
 public:
  explicit Schedule(const plan::Plan& plan);

  // Stages whose needs are done and whose gates can be asked, the longest remaining chain first.
  const std::vector<int>& ready() const { return ready_; }
  State state(int node) const { return states_[static_cast<std::size_t>(node)]; }

  void start(int node);
  void put_back(int node);              // runs again later: ready once more
  void done(int node);
  int fail(int node);                   // returns how many dependents are skipped with it
  int close(int node);                  // its gates are shut: it will not run; returns how many more go with it
  int skip_rest();                      // all that has not started; returns how many
  bool over() const { return open_ == 0; }  // nothing ready, waiting or running

 private:
  void make_ready(int node);
  void leave_ready(int node);
  void set(int node, State state);
  void count_down(const std::vector<int>& nodes);
  int chain_from(int node);

  std::vector<State> states_;
  std::vector<std::vector<int>> dependents_;  // what reads its artifact
  std::vector<std::vector<int>> waiters_;     // what only waits until it is over
  std::vector<int> missing_;   // needs that are not done yet
  std::vector<int> chain_;     // stages on the longest way from here to an end, this one included
  std::vector<int> ready_;
  int open_ = 0;
};

}  // namespace saucier::exec
