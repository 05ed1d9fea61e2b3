#include "runner/exec/schedule.h"

#include <algorithm>
#include <set>

namespace saucier::exec {

namespace {

std::size_t at(int node) { return static_cast<std::size_t>(node); }

}  // namespace

Schedule::Schedule(const plan::Plan& plan)
    : states_(plan.nodes.size(), State::kWaiting), dependents_(plan.nodes.size()), waiters_(plan.nodes.size()), missing_(plan.nodes.size(), 0),
      chain_(plan.nodes.size(), 0), open_(static_cast<int>(plan.nodes.size())) {
  const std::vector<plan::Node>& nodes = plan.nodes;
  const int count = static_cast<int>(nodes.size());
  for (int n = 0; n < count; ++n) {
    for (const int need : nodes[at(n)].needs) {
      SAUCIER_CHECK(need < n, "a plan lists needs first");
      dependents_[at(need)].push_back(n);
      ++missing_[at(n)];
    }
    std::set<int> waits;  // for what it needs it waits anyway
    for (const int gate : nodes[at(n)].gates) waits.insert(plan.gates[at(gate)].waits.begin(), plan.gates[at(gate)].waits.end());
    for (const int need : nodes[at(n)].needs) waits.erase(need);
    for (const int wait : waits) {
      waiters_[at(wait)].push_back(n);
      ++missing_[at(n)];
    }
  }
  for (int n = count - 1; n >= 0; --n) chain_from(n);
  for (int n = 0; n < count; ++n) {
    if (missing_[at(n)] == 0) make_ready(n);
  }
}

// What waits may stand before what it waits for, so the order of the plan is not enough.
int Schedule::chain_from(int node) {
  int& chain = chain_[at(node)];
  if (chain > 0) return chain;
  int longest = 0;
  for (const auto* next : {&dependents_[at(node)], &waiters_[at(node)]})
    for (const int other : *next) longest = std::max(longest, chain_from(other));
  return chain = longest + 1;
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
  count_down(dependents_[at(node)]);
  count_down(waiters_[at(node)]);
}

void Schedule::count_down(const std::vector<int>& nodes) {
  for (const int node : nodes)
    if (--missing_[at(node)] == 0 && state(node) == State::kWaiting) make_ready(node);
}

int Schedule::close(int node) {
  leave_ready(node);
  set(node, State::kClosed);
  --open_;
  int closed = 0;
  for (const int dependent : dependents_[at(node)])
    if (state(dependent) == State::kWaiting) closed += 1 + close(dependent);
  count_down(waiters_[at(node)]);
  return closed;
}

int Schedule::fail(int node) {
  leave_ready(node);
  set(node, State::kFailed);
  --open_;
  int skipped = 0;
  std::vector<int> reach = dependents_[at(node)];
  reach.insert(reach.end(), waiters_[at(node)].begin(), waiters_[at(node)].end());
  while (!reach.empty()) {
    const int next = reach.back();
    reach.pop_back();
    if (state(next) != State::kWaiting) continue;
    set(next, State::kSkipped);
    --open_;
    ++skipped;
    reach.insert(reach.end(), dependents_[at(next)].begin(), dependents_[at(next)].end());
    reach.insert(reach.end(), waiters_[at(next)].begin(), waiters_[at(next)].end());
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
