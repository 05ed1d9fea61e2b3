#include "runner/exec/schedule.h"

#include <algorithm>

namespace saucier::exec {

namespace {

std::size_t at(int node) { return static_cast<std::size_t>(node); }

}  // namespace

Schedule::Schedule(const std::vector<plan::Node>& nodes)
    : states_(nodes.size(), State::kWaiting), dependents_(nodes.size()), missing_(nodes.size(), 0),
      chain_(nodes.size(), 1), open_(static_cast<int>(nodes.size())) {
  const int count = static_cast<int>(nodes.size());
  for (int n = 0; n < count; ++n) {
    for (const int need : nodes[at(n)].needs) {
      SAUCIER_CHECK(need < n, "a plan lists needs first");
      dependents_[at(need)].push_back(n);
      ++missing_[at(n)];
    }
  }
  for (int n = count - 1; n >= 0; --n) {
    for (const int dependent : dependents_[at(n)]) chain_[at(n)] = std::max(chain_[at(n)], chain_[at(dependent)] + 1);
  }
  for (int n = 0; n < count; ++n) {
    if (missing_[at(n)] == 0) make_ready(n);
  }
}

void Schedule::set(int node, State state) { states_[at(node)] = state; }

void Schedule::make_ready(int node) {
  set(node, State::kReady);
  // Equal chains keep the order of the plan, so trials finish one after another.
  const auto place = std::find_if(ready_.begin(), ready_.end(), [&](int other) {
    return chain_[at(other)] < chain_[at(node)] || (chain_[at(other)] == chain_[at(node)] && other > node);
  });
  ready_.insert(place, node);
}

void Schedule::leave_ready(int node) { ready_.erase(std::remove(ready_.begin(), ready_.end(), node), ready_.end()); }

void Schedule::start(int node) {
  leave_ready(node);
  set(node, State::kRunning);
}

void Schedule::put_back(int node) { make_ready(node); }

void Schedule::done(int node) {
  leave_ready(node);
  set(node, State::kDone);
  --open_;
  for (const int dependent : dependents_[at(node)]) {
    if (--missing_[at(dependent)] == 0 && state(dependent) == State::kWaiting) make_ready(dependent);
  }
}

int Schedule::fail(int node) {
  leave_ready(node);
  set(node, State::kFailed);
  --open_;
  int skipped = 0;
  std::vector<int> reach = dependents_[at(node)];
  while (!reach.empty()) {
    const int next = reach.back();
    reach.pop_back();
    if (state(next) != State::kWaiting) continue;
    set(next, State::kSkipped);
    --open_;
    ++skipped;
    reach.insert(reach.end(), dependents_[at(next)].begin(), dependents_[at(next)].end());
  }
  return skipped;
}

int Schedule::skip_rest() {
  int skipped = 0;
  for (State& state : states_) {
    if (state != State::kReady && state != State::kWaiting) continue;
    state = State::kSkipped;
    --open_;
    ++skipped;
  }
  ready_.clear();
  return skipped;
}

}  // namespace saucier::exec
