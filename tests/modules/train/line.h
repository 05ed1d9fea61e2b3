// An objective small enough for tests of the loop around it, and what a run of it said.
#pragma once

#include <ATen/ATen.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "modules/base/json.h"
#include "modules/base/stop.h"
#include "modules/train/trainer.h"
#include "tests/temp_folder.h"

namespace saucier::train {

// Least squares: y = W x + b towards fixed targets, samples a function of the step.
class Line : public Objective {
 public:
  Line() : weight(at::ones({2, 3})), bias(at::zeros({2})) {}
  std::int64_t steps() const override { return count; }
  StepResult step(std::int64_t step, const std::function<bool()>& last) override {
    seen.push_back(step);
    if (step == stop_before) stop_requested().store(true);
    const at::Tensor x = at::arange(12, at::kFloat).view({4, 3}).add(static_cast<double>(step)).cos();
    const at::Tensor noise = at::randn({4, 2}) * 0.1;  // the generator is part of what a resumed run must repeat
    at::Tensor loss = (at::linear(x, weight, bias) - x.narrow(1, 0, 2) - noise).pow(2).mean();
    if (const auto factor = spoilt.find(step); factor != spoilt.end()) loss = loss * factor->second;
    last();
    loss.backward();
    return {.loss = loss.item<double>(), .samples = 4, .tokens = 4, .learned = 4, .by_source = {{"a", {1.0, 2}}, {"b", {3.0, 2}}}};
  }
  std::map<std::string, SourceLoss> validate() override { return {{"held", {validation(validated++) * 10, 10}}}; }
  Optimizer optimizer(const std::string& kind = "adamw") {
    ParameterGroup group{"line", {&weight, &bias}, 0.05, 0.1};
    return Optimizer({group}, {.kind = kind, .beta2 = 0.99, .clip_norm = 1});
  }
  at::Tensor weight, bias;
  std::int64_t count = 12, stop_before = -1;
  std::map<std::int64_t, double> spoilt;                                   // step → what its loss is multiplied with
  std::function<double(std::int64_t)> validation = [](std::int64_t) { return 1.0; };  // n-th → its loss
  std::int64_t validated = 0;
  std::vector<std::int64_t> seen;
};

inline options::Job job_in(const std::filesystem::path& folder) {
  options::Job job;
  job.stage = "line";
  job.seed = 3;
  job.work = folder.string();
  job.train = options::TrainOptions{};
  job.train->learning_rate = 0.05;
  job.train->log_every = 2;
  job.train->checkpoint_every = 5;
  return job;
}

inline void run_in(const options::Job& job, Line& line, const std::string& kind = "adamw") {
  EventWriter events(std::filesystem::path(job.work) / "events.jsonl", false);
  Optimizer optimizer = line.optimizer(kind);
  Ranks alone;
  run(job, line, optimizer, alone, events);
}

inline std::vector<Json> events_in(const std::filesystem::path& folder, const std::string& kind) {
  std::vector<Json> out;
  std::ifstream in(folder / "events.jsonl");
  for (std::string line; std::getline(in, line);)
    if (Json event = parse_json(line, "an event"); event["event"] == kind) out.push_back(event);
  return out;
}

// A metric by step, as events.jsonl has it.
inline std::map<std::int64_t, double> metric_in(const std::filesystem::path& folder, const std::string& metric) {
  std::map<std::int64_t, double> out;
  for (const Json& event : events_in(folder, "metric"))
    if (event["values"].contains(metric)) out[event["step"].get<std::int64_t>()] = event["values"][metric].get<double>();
  return out;
}

inline std::set<std::string> states_in(const std::filesystem::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "resume")) out.insert(entry.path().filename().string());
  return out;
}

}  // namespace saucier::train
