#include "modules/train/schedule.h"

#include <cmath>
#include <numbers>

#include "modules/base/error.h"

namespace saucier::train {

double learning_rate_scale(const options::TrainOptions& options, std::int64_t step, std::int64_t steps) {
  const auto warmup = static_cast<std::int64_t>(std::ceil(options.warmup_ratio * static_cast<double>(steps)));
  if (step < warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  const double floor = options.min_learning_rate_ratio;
  const double progress =
      steps > warmup ? static_cast<double>(step - warmup) / static_cast<double>(steps - warmup) : 1.0;
  double shape = 1;
  if (options.schedule == "cosine") {
    shape = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  } else if (options.schedule == "linear") {
    shape = 1 - progress;
  } else {
    SAUCIER_CHECK(options.schedule == "constant", "schedule {}", options.schedule);
  }
  return floor + (1 - floor) * shape;
}

}  // namespace saucier::train
