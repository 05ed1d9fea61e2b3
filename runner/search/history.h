// What a search knows: the trials so far. Every suggestion is a function of (seed, number of the trial, space, history);
// nothing else is kept, so a search can be resumed at any point and joined from any process.
#pragma once

#include <cstdint>
#include <vector>

#include "runner/search/space.h"

namespace saucier::search {

enum class Direction { kMinimize, kMaximize };

enum class Outcome {
  kComplete,  // has its values
  kPruned,    // stopped early: `step` and the one value it had there
  kRunning,   // or waiting to run: only its point is known
  kFailed,    // teaches nothing
};

struct Trial {
  // Trials are told apart, and ordered, by it, not by their place in the history. Those of earlier sweeps, given for a
  // warm start, have negative ones.
  std::int64_t number = 0;
  Point point;
  Outcome outcome = Outcome::kRunning;
  std::vector<double> values;  // one an objective; NaN counts as worse than all numbers
  std::int64_t step = 0;
};

struct History {
  std::vector<Direction> directions = {Direction::kMinimize};  // one an objective
  std::vector<Trial> trials;                                   // in any order
};

}  // namespace saucier::search
