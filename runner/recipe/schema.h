// What a recipe may say, written out from the declarations of its options: for editors, for people, for the shell.
#pragma once

#include <string>
#include <vector>

#include "runner/recipe/recipe.h"

namespace saucier::recipe {

// JSON Schema, draft 7: docs/recipe.schema.json, which `#:schema` names. Fragments are recipes too, so nothing is required.
Json recipe_schema();

// Markdown: docs/recipe-reference.md.
std::string recipe_reference();

// One part of each: what a table may hold.
Json schema_of(const options::Table& table);
std::string reference_of(const std::string& title, const std::string& help, const options::Table& table);

// All keys that --set and --sweep take for this trial: "stage.align.learning_rate", "mixture.instruct.weights" …
std::vector<std::string> settable_keys(const Trial& trial);

}  // namespace saucier::recipe
