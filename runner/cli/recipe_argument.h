// The recipe that check, plan and run take.
#pragma once

#include "runner/cli/command.h"
#include "runner/recipe/recipe.h"

namespace saucier::cli {

// Throws Error when none or no readable one is named.
recipe::Recipe read_recipe(const std::string& command, const po::variables_map& values);

// Prints the problems to standard error; false when one of them is an error. What runs a recipe, or needs its keys, cannot
// do without the files that it names: then one that is missing is an error, too.
enum class Files { kMayBeMissing, kNeeded };
bool report_problems(const recipe::Recipe& recipe, Files files = Files::kMayBeMissing);

}  // namespace saucier::cli
