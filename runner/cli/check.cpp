#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/recipe_argument.h"

namespace saucier::cli {

int check(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_recipe_options(options);
  options.add_options()("json", "problems as one JSON object");
  const po::variables_map values = parse("check", arguments, options, {{"recipe", 1}});
  const recipe::Recipe recipe = recipe::load(recipe_file("check", values), strings(values, "set"), strings(values, "sweep"), {.text_of = {}, .renames = nullptr, .most_trials = recipe::kMostTrials, .trials = false});
  if (values.count("json")) {
    // A recipe may hold bytes that are no text.
    std::puts(Json{{"problems", recipe.problems.to_json()}}.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    std::fputs(recipe.problems.render().c_str(), stderr);
    if (!recipe.problems.has_errors()) {
      std::puts(fmt::format("{}: {} trial{} of {} stage{}", recipe.name, recipe.count, recipe.count == 1 ? "" : "s", recipe.stages,
                            recipe.stages == 1 ? "" : "s").c_str());
    }
  }
  return recipe.problems.has_errors() ? kUsage : kDone;
}

}  // namespace saucier::cli
