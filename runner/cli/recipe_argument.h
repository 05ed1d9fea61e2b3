// The recipe that check, plan and run take.
#pragma once

#include "runner/cli/command.h"
#include "runner/recipe/recipe.h"

namespace saucier::cli {

// Throws Error when none is named.
std::string recipe_file(const std::string& command, const po::variables_map& values);
// Throws Error also when it cannot be read.
recipe::Recipe read_recipe(const std::string& command, const po::variables_map& values);

// Prints the problems to standard error; false when one of them is an error. What runs a recipe, or needs its keys, cannot
// do without the files that it names: then one that is missing is an error, too.
enum class Files { kMayBeMissing, kNeeded };
bool report_problems(const recipe::Recipe& recipe, Files files = Files::kMayBeMissing);

}  // namespace saucier::cli
