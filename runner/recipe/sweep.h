// What a sweep tries: its axes and the points that become trials.
//
//   [sweep.axes]
//   "stage.instruct.learning_rate" = [1e-4, 2e-4]                 values
//   "stage.instruct.lora.rank" = { values = [8, 64], when = { "stage.instruct.trains" = [["projector", "language_model.lora"]] } }
//   "seed" = { range = [1, 5] }                                   1, 2, 3, 4, 5; a third number is the step
//   "stage.align.learning_rate" = { log = [1e-4, 1e-2, 5] }       five points; `linear` the same on a straight scale
//   "stage.align.warmup_ratio" = { uniform = [0, 0.1] }           drawn: uniform, loguniform, int, choice (method = "random")
//   "mixture.instruct.weights" = { simplex = 12, prior = "natural" }   twelve points of the mixture simplex, the prior first
//   [[sweep.zip]]                                                 axes that move together
//   [[sweep.exclude]]                                             combinations that are left out
//
// On the command line the same words: --sweep "stage.align.learning_rate=log(1e-4,1e-2,5)".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner/recipe/assign.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

struct Sweep {
  std::vector<Assignment> axes;
  // Which value of each axis a point takes; none where a condition leaves the axis out. One empty point without axes.
  std::vector<std::vector<std::optional<std::uint32_t>>> points;
};

// The axes of [sweep], then those of the command line, which replace or follow them. A path that `set` fixes is no axis
// any more. Points in order: every combination, the last axis fastest, repeats over seeds innermost; or, with
// method = "random", `trials` drawn ones, the same on every machine.
Sweep read_sweep(const Node& root, const std::vector<Assignment>& set, const std::vector<std::string>& arguments,
                 size_t most_trials, Diagnostics& problems);

}  // namespace saucier::recipe
