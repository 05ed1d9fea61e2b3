// Dotted paths into a recipe: "mixture.instruct.weights". `stage.NAME` addresses a stage by its name. A name with dots stands
// in double quotes, as in TOML: stage.instruct.parts."language_model.lora".learning_rate
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runner/recipe/tree.h"

namespace saucier::recipe {

struct PathPart {
  std::string name;
  Position position;
};

// `text` ("a.b") stands in `position.source` at `position`: its parts with their places.
std::vector<PathPart> split_path(std::string_view text, const Position& position);

// The value at a path; nullptr where the recipe says none.
const Node* find_path(const Node& root, std::string_view path);
Node* find_path(Node& root, std::string_view path);

// Takes the value (or the stage) at a path out of the tree; false where there is none.
bool erase_path(Node& root, std::string_view path);

// A hint for a path that leads nowhere: the nearest name where it goes wrong.
std::string near_paths(const Node& root, std::string_view path);

}  // namespace saucier::recipe
