#include "modules/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "modules/base/error.h"

namespace saucier::train {

Schedule schedule_of(const options::TrainOptions& options) {
  return {.kind = options.schedule, .warmup_ratio = options.warmup_ratio, .warmup_steps = options.warmup_steps,
          .floor = options.min_learning_rate_ratio, .decay_ratio = options.decay_ratio, .decay_shape = options.decay_shape};
}

Schedule schedule_of(const options::TrainOptions& options, const std::string& part) {
  Schedule schedule = schedule_of(options);
  const auto own = options.parts.find(part);
  if (own == options.parts.end()) return schedule;
  const options::PartOptions& said = own->second;
  schedule.kind = said.schedule.value_or(schedule.kind);
  if (said.warmup_ratio) {
    schedule.warmup_ratio = *said.warmup_ratio;
    schedule.warmup_steps.reset();
  }
  if (said.warmup_steps) schedule.warmup_steps = said.warmup_steps;
  schedule.floor = said.min_learning_rate_ratio.value_or(schedule.floor);
  schedule.decay_ratio = said.decay_ratio.value_or(schedule.decay_ratio);
  schedule.decay_shape = said.decay_shape.value_or(schedule.decay_shape);
  return schedule;
}

double learning_rate_scale(const Schedule& schedule, std::int64_t step, std::int64_t steps) {
  const auto all = static_cast<double>(steps);
  const std::int64_t warmup = schedule.warmup_steps.value_or(static_cast<std::int64_t>(std::ceil(schedule.warmup_ratio * all)));
  if (step < warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  std::int64_t begin = warmup;  // of the fall
  if (schedule.kind == "wsd") begin = std::max(warmup, steps - static_cast<std::int64_t>(schedule.decay_ratio * all));
  if (step < begin) return 1;
  const double progress = steps > begin ? static_cast<double>(step - begin) / static_cast<double>(steps - begin) : 1.0;
  double shape = 1;
  if (schedule.kind == "cosine") {
    shape = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  } else if (schedule.kind == "linear" || (schedule.kind == "wsd" && schedule.decay_shape == "linear")) {
    shape = 1 - progress;
  } else if (schedule.kind == "wsd") {
    SAUCIER_CHECK(schedule.decay_shape == "1-sqrt", "decay shape {}", schedule.decay_shape);
    shape = 1 - std::sqrt(progress);
  } else {
    SAUCIER_CHECK(schedule.kind == "constant", "schedule {}", schedule.kind);
  }
  return schedule.floor + (1 - schedule.floor) * shape;
}

}  // namespace saucier::train
