// The axes of a sweep and its points.
#pragma once

#include <string>
#include <vector>

#include "runner/recipe/assign.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

inline constexpr size_t kMostTrials = 100'000;

// The axes of [sweep.axes], then those of the command line, which replace or follow them. A path that `set` fixes is no
// axis any more. [sweep.axes] may quote its paths ("a.b" = [1, 2]) or nest them (a.b = [1, 2]).
std::vector<Assignment> sweep_axes(const Node& root, const std::vector<Assignment>& set,
                                   const std::vector<std::string>& sweep, Diagnostics& problems);

// Which value of each axis a point takes: every combination, the last axis fastest. One empty point without axes.
std::vector<std::vector<size_t>> grid(const std::vector<Assignment>& axes);

}  // namespace saucier::recipe
