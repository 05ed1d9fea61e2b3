// Rounds of a cycle: whether another one begins, and what they reached, as a table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner/report/table.h"
#include "store/store.h"

namespace saucier::report {

struct RoundQuestion {
  std::int64_t sweep = 0, number = 0;  // the trial: its place in the sweep, from 1
  std::string cycle;
  std::int64_t round = 1;              // that has run
  std::string stage, stage_before;     // evaluate stages whose answers are compared; "" where there is no round before
  std::string benchmark;
  double alpha = 0.05;
  std::optional<double> max_hours;
  std::vector<std::string> keys;       // stage keys of the rounds so far
};

// No further round where the hours are used up, or where the answers are not better than those of the round before: a paired
// test over pictures (see Paired) with p < alpha and more questions right. A function of what the store holds.
store::RoundVerdict judge_round(const store::Store& store, const RoundQuestion& question);

// One row a trial, cycle and round, with a column for each main score.
Table rounds(const store::Store& store, std::int64_t sweep);

}  // namespace saucier::report
