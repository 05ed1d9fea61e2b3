#include "runner/cli/stage_job.h"

#include <algorithm>
#include <filesystem>

#include "modules/base/error.h"
#include "modules/base/suggest.h"

namespace saucier::cli {

const recipe::Trial& trial_of(const recipe::Recipe& recipe, const std::string& wanted) {
  if (wanted.empty()) return recipe.trials.front();
  std::vector<std::string> known;
  for (const recipe::Trial& trial : recipe.trials) {
    if (trial.name == wanted) return trial;
    known.push_back(trial.name);
  }
  throw Error(fmt::format("'{}' has no trial '{}'", recipe.name, wanted), suggestion(wanted, known));
}

plan::Plan plan_of(const recipe::Recipe& recipe, const recipe::Trial& trial, const std::string& store_file) {
  recipe::Recipe alone = recipe;
  alone.trials = {trial};
  const auto store = std::filesystem::exists(store_file) ? store::Store::open_read_only(store_file) : nullptr;
  return plan::make_plan(alone, store.get());
}

options::Job job_as_it_is(const plan::Plan& plan, const plan::Node& node, const std::string& recipe_name) {
  options::Job job = node.job;
  for (const auto& [name, need] : node.need_of) {
    const plan::Node& needed = plan.nodes[static_cast<size_t>(need)];
    if (needed.cached) continue;
    job.artifacts.erase(name);
    if (name == node.from) job.from.clear();
    const bool reads = std::ranges::any_of(job.data, [&](const auto& source) { return source.second.stage == name; });
    if (reads)
      throw Error(fmt::format("stage '{}' reads what stage '{}' writes, which is not there yet", node.name, name),
                  fmt::format("'saucier run {}' makes it; or look at another stage with --stage", recipe_name));
  }
  return job;
}

}  // namespace saucier::cli
