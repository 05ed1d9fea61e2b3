// Values that are put into a tree at a dotted path: `--set`, and the points of a sweep.
//
// `stage.NAME.key` addresses a stage by its name; other paths are keys of tables, which are made where they are missing.
// Sources, mixtures and variables must be there: a wrong name would only make a new one that nothing reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/recipe/path.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

struct Assignment {
  std::string path;  // "stage.instruct.learning_rate"
  std::vector<PathPart> parts;
  std::vector<Node> values;  // one of `--set`, all of an axis
};

// "a.b=value" of `--set`; nullopt when it cannot be read (reported).
std::optional<Assignment> parse_set(const std::string& argument, Diagnostics& problems);
// "a.b=v1,v2" of `--sweep`: the path, and one list, or a form as a file says it: "log(1e-5,1e-3,7)" is { log = [1e-5, 1e-3,
// 7] }. Commas inside brackets and quotes do not separate; a single list is the list of values.
struct SweepArgument {
  Assignment at;
  Node said;
};
std::optional<SweepArgument> parse_sweep(const std::string& argument, Diagnostics& problems);

// Puts `value` at the path. False when there is no such place (reported).
bool assign(Node& root, const std::vector<PathPart>& path, Node value, Diagnostics& problems);

}  // namespace saucier::recipe
