// One axis as a recipe or `--sweep` says it: a list, or a form such as { log = [1e-5, 1e-3, 7] }.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "modules/base/rng.h"
#include "runner/recipe/assign.h"

namespace saucier::recipe {

enum class Distribution { kNone, kUniform, kLogUniform, kInteger, kChoice };

struct Axis {
  Assignment values;  // of a distribution: none yet
  Distribution distribution = Distribution::kNone;
  double low = 0, high = 0;    // of a distribution of numbers
  std::vector<Node> choices;   // of kChoice
  Node said;                   // what the recipe says, for places
  std::vector<std::pair<std::string, std::vector<Json>>> when;  // path of another axis, values that make this one count

  Node draw(Rng& rng) const;   // of a distribution
};

// Is this table a form, rather than a part of a path (a.b = [1, 2] inside [sweep.axes])?
bool is_axis_form(const Node& table);

// `said` is a list or a form. `root` and `seed` are what a simplex needs: the sources, and where its points come from.
// nullopt after a problem.
std::optional<Axis> read_axis(const Node& said, std::string path, std::vector<PathPart> parts, const Node& root, std::uint64_t seed,
                              Diagnostics& problems);

// "a.b=1,2", "a.b=[1,2]", "a.b=log(1e-5,1e-3,7)".
std::optional<Axis> read_axis_argument(const std::string& argument, const Node& root, std::uint64_t seed, Diagnostics& problems);

}  // namespace saucier::recipe
