// The learning rate over the steps, as a share of its highest value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "modules/options/stage_options.h"

namespace saucier::train {

struct Schedule {
  std::string kind = "cosine";  // linear | constant | wsd
  double warmup_ratio = 0.03;
  std::optional<std::int64_t> warmup_steps = {};  // in the place of the ratio
  double floor = 0;                               // where it ends
  double decay_ratio = 0.2;                       // of wsd
  std::string decay_shape = "linear";             // 1-sqrt
};

Schedule schedule_of(const options::TrainOptions& options);
// With what options.parts says of the part.
Schedule schedule_of(const options::TrainOptions& options, const std::string& part);

// Step counts from 0. Rises linearly over the warm-up, ceil(warmup_ratio * steps) steps by transformers' rule, then falls
// by the named schedule to `floor`. wsd stays at its highest until the last floor(decay_ratio * steps) steps and falls in
// these, in a line or by 1 - √progress (Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
// Durations", NeurIPS 2024).
double learning_rate_scale(const Schedule& schedule, std::int64_t step, std::int64_t steps);

}  // namespace saucier::train
