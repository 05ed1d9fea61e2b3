#include <catch2/catch.hpp>

#include "modules/train/schedule.h"

using namespace saucier;

TEST_CASE("the learning rate warms up and falls") {
  options::TrainOptions options;
  options.warmup_ratio = 0.1;
  options.min_learning_rate_ratio = 0.2;
  const auto at_step = [&](std::int64_t step) { return train::learning_rate_scale(train::schedule_of(options), step, 100); };
  CHECK(at_step(0) == 0);
  CHECK(at_step(5) == Approx(0.5));
  CHECK(at_step(10) == Approx(1));
  CHECK(at_step(55) == Approx(0.6));  // cosine: half-way between 1 and 0.2
  CHECK(at_step(100) == Approx(0.2));
  options.schedule = "linear";
  CHECK(at_step(55) == Approx(0.6));
  CHECK(at_step(82) == Approx(0.2 + 0.8 * 0.2));
  options.schedule = "constant";
  CHECK(at_step(99) == Approx(1));
  options.warmup_steps = 50;  // in the place of the ratio
  CHECK(at_step(25) == Approx(0.5));
  options.warmup_steps = 0;
  CHECK(at_step(0) == Approx(1));
}

TEST_CASE("warm-up, stay, decay") {
  train::Schedule schedule{.kind = "wsd", .warmup_ratio = 0.1, .floor = 0.1, .decay_ratio = 0.25};
  const auto at_step = [&](std::int64_t step) { return train::learning_rate_scale(schedule, step, 100); };
  CHECK(at_step(5) == Approx(0.5));
  CHECK(at_step(10) == 1);
  CHECK(at_step(75) == Approx(1));
  CHECK(at_step(85) == Approx(0.1 + 0.9 * 0.6));
  CHECK(at_step(100) == Approx(0.1));
  schedule.decay_shape = "1-sqrt";
  CHECK(at_step(75) == Approx(1));
  CHECK(at_step(84) == Approx(0.1 + 0.9 * (1 - 0.6)));  // √(9 / 25)
}

TEST_CASE("a part has its own schedule where it says so") {
  options::TrainOptions options;
  options.warmup_steps = 10;
  options.parts["projector"] = {.schedule = "constant", .warmup_ratio = 0.5};
  CHECK(train::schedule_of(options, "language_model").warmup_steps == 10);
  const train::Schedule own = train::schedule_of(options, "projector");
  CHECK(own.kind == "constant");
  CHECK(train::learning_rate_scale(own, 25, 100) == Approx(0.5));
}
