#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "runner/cli/command.h"
#include "runner/cli/recipe_argument.h"
#include "runner/recipe/canonical.h"

namespace saucier::cli {
namespace {

const recipe::Trial& find_trial(const recipe::Recipe& recipe, const std::string& name) {
  std::vector<std::string> known;
  for (const recipe::Trial& trial : recipe.trials) {
    if (trial.name == name) return trial;
    known.push_back(trial.name);
  }
  throw Error(fmt::format("no trial '{}' in the recipe", name), suggestion(name, known));
}

}  // namespace

int show(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_recipe_options(options);
  options.add_options()("origins", "say of each value where it comes from")(
      "trial", po::value<std::string>()->value_name("NAME"), "which trial of a sweep (default: the first)")("json", "the resolved trial as one JSON object");
  const po::variables_map values = parse("show", arguments, options, {{"recipe", 1}});
  const recipe::Recipe recipe = read_recipe("show", values);
  if (!report_problems(recipe)) return kUsage;
  const recipe::Trial& trial = values.count("trial") ? find_trial(recipe, values["trial"].as<std::string>()) : recipe.trials.front();
  if (values.count("json")) {
    std::puts(trial.resolved.dump().c_str());
    return kDone;
  }
  if (recipe.trials.size() > 1) std::fputs(fmt::format("# {}, one of {} trials\n", trial.name, recipe.trials.size()).c_str(), stdout);
  std::fputs(recipe::to_toml(trial, values.count("origins") > 0).c_str(), stdout);
  return kDone;
}

}  // namespace saucier::cli
