// Values that are put into a tree at a dotted path: `--set`, and the points of a sweep.
//
// `stage.NAME.key` addresses a stage by its name; other paths are keys of tables, which are made where they are missing.
// Sources and mixtures must be there: a wrong name would only make a new one that nothing reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/recipe/tree.h"

namespace saucier::recipe {

struct PathPart {
  std::string name;
  Position position;
};

struct Assignment {
  std::string path;  // "stage.instruct.learning_rate"
  std::vector<PathPart> parts;
  std::vector<Node> values;  // one of `--set`, one or more of an axis
};

// `text` ("a.b") stands in `position.source` at `position`: its parts with their places.
std::vector<PathPart> split_path(std::string_view text, const Position& position);

// "a.b=value" of `--set`; nullopt when it cannot be read (reported).
std::optional<Assignment> parse_set(const std::string& argument, Diagnostics& problems);
// "a.b=v1,v2" of `--sweep`. Commas inside brackets and quotes do not separate; a single list is the list of values.
std::optional<Assignment> parse_sweep(const std::string& argument, Diagnostics& problems);

// Puts `value` at the path. False when there is no such place (reported).
bool assign(Node& root, const std::vector<PathPart>& path, Node value, Diagnostics& problems);

}  // namespace saucier::recipe
