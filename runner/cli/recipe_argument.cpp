#include "runner/cli/recipe_argument.h"

#include <cstdio>

#include "modules/base/error.h"
#include "runner/recipe/missing.h"

namespace saucier::cli {

std::string recipe_file(const std::string& name, const po::variables_map& values) {
  const std::vector<std::string> files = strings(values, "recipe");
  if (files.empty()) throw Error(fmt::format("'saucier {}' needs a recipe", name), command(name).example);
  return files.front();
}

recipe::Recipe read_recipe(const std::string& name, const po::variables_map& values) {
  return recipe::load(recipe_file(name, values), strings(values, "set"), strings(values, "sweep"));
}

bool report_problems(const recipe::Recipe& recipe, Files files) {
  const Diagnostics problems = files == Files::kNeeded ? recipe::with_files_needed(recipe.problems) : recipe.problems;
  std::fputs(problems.render().c_str(), stderr);
  return !problems.has_errors();
}

}  // namespace saucier::cli
