// The learning rate over the steps, as a share of its highest value.
#pragma once

#include <cstdint>

#include "modules/options/stage_options.h"

namespace saucier::train {

// Step counts from 0. Rises linearly over ceil(warmup_ratio * steps) steps (transformers' rule), then falls by the named
// schedule to min_learning_rate_ratio.
double learning_rate_scale(const options::TrainOptions& options, std::int64_t step, std::int64_t steps);

}  // namespace saucier::train
