// Recipes made in code, for the tests of plan and exec: no parser in between.
#pragma once

#include "runner/recipe/recipe.h"

namespace saucier {

inline recipe::Stage train_stage(const std::string& name, const std::string& from = "", double learning_rate = 1e-3) {
  recipe::Stage stage;
  stage.name = name;
  stage.kind = "train";
  stage.from = from;
  if (!from.empty()) stage.needs = {from};
  stage.job.stage = name;
  stage.job.kind = "train";
  stage.job.seed = 42;
  options::TrainOptions train;
  train.trains = {"projector"};
  train.data = "data.scenes";
  train.learning_rate = learning_rate;
  stage.job.train = train;
  options::DataOptions data;
  data.format = "scenes";
  stage.job.data["scenes"] = data;
  return stage;
}

inline recipe::Stage evaluate_stage(const std::string& name, const std::string& from) {
  recipe::Stage stage;
  stage.name = name;
  stage.kind = "evaluate";
  stage.from = from;
  stage.needs = {from};
  stage.job.stage = name;
  stage.job.kind = "evaluate";
  stage.job.seed = 42;
  options::EvaluateOptions evaluate;
  evaluate.benchmarks = {"scenes-pope"};
  stage.job.evaluate = evaluate;
  return stage;
}

inline recipe::Recipe recipe_of(std::vector<std::vector<recipe::Stage>> trials) {
  recipe::Recipe out;
  out.name = "made";
  out.seed = 42;
  for (auto& stages : trials) {
    recipe::Trial trial;
    trial.name = "made-" + std::to_string(out.trials.size() + 1);
    trial.resolved = {{"trial", trial.name}};
    trial.stages = std::move(stages);
    out.trials.push_back(std::move(trial));
  }
  return out;
}

// align → one instruct a learning rate → bench
inline recipe::Recipe sweep_of(const std::vector<double>& rates) {
  std::vector<std::vector<recipe::Stage>> trials;
  for (const double rate : rates)
    trials.push_back({train_stage("align"), train_stage("instruct", "align", rate), evaluate_stage("bench", "instruct")});
  return recipe_of(std::move(trials));
}

}  // namespace saucier
