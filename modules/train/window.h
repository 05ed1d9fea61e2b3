// Metric rows: sums over the steps since the last one. docs/training.md says what each metric is.
#pragma once

#include <map>
#include <string>

#include "modules/base/json.h"
#include "modules/train/step_result.h"

namespace saucier::train {

struct Window {
  double loss = 0, norm = 0, flops = 0, seconds = 0;
  std::int64_t steps = 0, samples = 0, tokens = 0, learned = 0;
  Spent spent;
  std::map<std::string, SourceLoss> by_source;
  std::map<std::string, double> extra;

  void add(const StepResult& result, double gradient_norm);
  // `peak`: FLOP/s that the machine reaches in plain products.
  std::map<std::string, double> row(double peak) const;
};

// To the last bit, for a training state.
Json to_json(const Window& window);
Window window_from_json(const Json& json);

double resident_megabytes();  // of this process; 0 where the system does not say

}  // namespace saucier::train
