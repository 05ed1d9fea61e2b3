#include "runner/plan/plan.h"

#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/recipe_argument.h"
#include "runner/report/table.h"

namespace saucier::cli {
namespace {

Json to_json(const recipe::Recipe& recipe, const plan::Plan& plan) {
  Json trials = Json::array();
  for (size_t t = 0; t < recipe.trials.size(); ++t) {
    Json stages = Json::array();
    for (size_t s = 0; s < recipe.trials[t].stages.size(); ++s) {
      const plan::Node& node = plan.nodes[static_cast<size_t>(plan.trial_nodes[t][s])];
      stages.push_back({{"name", recipe.trials[t].stages[s].name}, {"kind", node.kind}, {"key", node.key},
                        {"cached", node.cached}, {"reason", node.reason}});
    }
    trials.push_back({{"name", recipe.trials[t].name}, {"parameters", recipe.trials[t].parameters}, {"stages", stages}});
  }
  return {{"trials", trials}};
}

}  // namespace

int plan(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_recipe_options(options);
  add_store_option(options);
  options.add_options()("json", "the plan as one JSON object");
  const po::variables_map values = parse("plan", arguments, options, {{"recipe", 1}});
  const recipe::Recipe recipe = read_recipe("plan", values);
  if (!report_problems(recipe, Files::kNeeded)) return kUsage;
  plan::check_machine(recipe);
  const std::string file = values["store"].as<std::string>();
  const auto store = std::filesystem::exists(file) ? store::Store::open(file) : nullptr;
  const plan::Plan plan = plan::make_plan(recipe, store.get());
  if (values.count("json")) {
    std::puts(to_json(recipe, plan).dump().c_str());
    return kDone;
  }
  report::Table table{{"trial", "stage", "kind", "key", "what"}, {}};
  size_t shared = 0, cached = 0;
  std::vector<bool> shown(plan.nodes.size(), false);
  for (size_t t = 0; t < recipe.trials.size(); ++t) {
    for (size_t s = 0; s < recipe.trials[t].stages.size(); ++s) {
      const auto n = static_cast<size_t>(plan.trial_nodes[t][s]);
      const plan::Node& node = plan.nodes[n];
      std::string what = node.reason + (node.gates.empty() || node.cached ? "" : fmt::format("; only if round {} leads to another", plan.gates[static_cast<size_t>(node.gates.front())].round));
      if (shown[n]) {
        what = fmt::format("shared with {}", recipe.trials[static_cast<size_t>(node.trials.front())].name);
        ++shared;
      } else {
        cached += node.cached;
      }
      shown[n] = true;
      table.rows.push_back({recipe.trials[t].name, recipe.trials[t].stages[s].name, node.kind, node.key.substr(0, 8), what});
    }
  }
  std::fputs(report::to_text(table).c_str(), stdout);
  const size_t to_run = plan.nodes.size() - cached;
  std::puts(fmt::format("\n{} stage{} to run, {} cached, {} shared between trials", to_run, to_run == 1 ? "" : "s", cached, shared).c_str());
  return kDone;
}

}  // namespace saucier::cli
