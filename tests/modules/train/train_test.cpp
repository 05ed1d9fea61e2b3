#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "modules/base/stop.h"
#include "modules/train/schedule.h"
#include "modules/train/trainer.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

// Least squares: y = W x + b towards fixed targets, samples a function of the step.
class Line : public train::Objective {
 public:
  Line() : weight(at::ones({2, 3})), bias(at::zeros({2})) {}
  std::int64_t steps() const override { return 12; }
  train::StepResult step(std::int64_t step) override {
    if (step == stop_before) stop_requested().store(true);
    const at::Tensor x = at::arange(12, at::kFloat).view({4, 3}).add(static_cast<double>(step)).cos();
    const at::Tensor noise = at::randn({4, 2}) * 0.1;  // the generator is part of what a resumed run must repeat
    const at::Tensor loss = (at::linear(x, weight, bias) - x.narrow(1, 0, 2) - noise).pow(2).mean();
    loss.backward();
    return {.loss = loss.item<double>(), .samples = 4, .tokens = 4, .learned = 4};
  }
  train::AdamW optimizer() {
    return train::AdamW({{"line", {&weight, &bias}, 0.05, 0.1}}, {.beta2 = 0.99, .clip_norm = 1});
  }
  at::Tensor weight, bias;
  std::int64_t stop_before = -1;
};

options::Job job_in(const std::filesystem::path& folder) {
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

std::string file_text(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("AdamW takes the step of the paper's formula") {
  at::Tensor weight = at::full({1, 2}, 2.0), bias = at::full({2}, 3.0);
  train::AdamW optimizer({{"all", {&weight, &bias}, 0.1, 0.5}}, {.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .clip_norm = 0});
  REQUIRE(weight.requires_grad());
  REQUIRE(optimizer.count() == 4);
  (weight * 3).sum().add((bias * -2).sum()).backward();
  const double norm = optimizer.step(0.5);
  CHECK(norm == Approx(std::sqrt(2 * 9.0 + 2 * 4.0)));
  // First step: both moments are corrected to g and g², so the update is rate * sign(g); the matrix decays, the vector not.
  CHECK(weight[0][0].item<double>() == Approx(2.0 * (1 - 0.05 * 0.5) - 0.05));
  CHECK(bias[0].item<double>() == Approx(3.0 + 0.05));
  // The gradients are cleared: a second step without a backward pass follows the first moment alone.
  optimizer.step(0.5);
  const double first = 0.9 * 0.3 / (1 - 0.81), second = 0.99 * 0.09 / (1 - 0.9801);
  CHECK(weight[0][0].item<double>() == Approx((2.0 * 0.975 - 0.05) * 0.975 - 0.05 * first / std::sqrt(second)));
}

TEST_CASE("gradients are clipped by their common norm, and a step that is not finite changes nothing") {
  at::Tensor weight = at::zeros({3});
  train::AdamW optimizer({{"all", {&weight}, 1, 0}}, {.beta2 = 0.9, .clip_norm = 0.5});
  (weight * 100).sum().backward();
  CHECK(optimizer.step(1) == Approx(100 * std::sqrt(3.0)));
  CHECK(optimizer.first_moment()[0].item<double>() == Approx(0.1 * 0.5 / std::sqrt(3.0)));
  const at::Tensor before = weight.detach().clone();
  (weight * INFINITY).sum().backward();
  CHECK_FALSE(std::isfinite(optimizer.step(1)));
  CHECK(at::equal(weight, before));
  CHECK(optimizer.steps() == 1);
}

TEST_CASE("a training state of another size is refused") {
  at::Tensor weight = at::zeros({3});
  train::AdamW optimizer({{"all", {&weight}, 1, 0}}, {});
  CHECK_THROWS_WITH(optimizer.restore(at::zeros({4}), at::zeros({4}), at::zeros({4}), 1),
                    "training state holds 4 parameters, this stage trains 3");
}

TEST_CASE("the learning rate warms up and falls") {
  options::TrainOptions options;
  options.warmup_ratio = 0.1;
  options.min_learning_rate_ratio = 0.2;
  const auto at_step = [&](std::int64_t step) { return train::learning_rate_scale(options, step, 100); };
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
}

TEST_CASE("a run that is stopped goes on to the same bits and the same metric rows") {
  TempFolder calm_folder, stopped_folder;
  Line calm;
  {
    EventWriter events(calm_folder.path() / "events.jsonl", false);
    train::AdamW optimizer = calm.optimizer();
    train::run(job_in(calm_folder.path()), calm, optimizer, events);
  }
  {
    Line first;
    first.stop_before = 6;  // the flag is seen before step 7
    EventWriter events(stopped_folder.path() / "events.jsonl", false);
    train::AdamW optimizer = first.optimizer();
    CHECK_THROWS_WITH(train::run(job_in(stopped_folder.path()), first, optimizer, events), "stopped at step 7 of 12");
    stop_requested().store(false);
  }
  Line second;
  {
    EventWriter events(stopped_folder.path() / "events.jsonl", false);
    train::AdamW optimizer = second.optimizer();
    train::run(job_in(stopped_folder.path()), second, optimizer, events);
  }
  CHECK(at::equal(calm.weight, second.weight));
  CHECK(at::equal(calm.bias, second.bias));
  // Losses by step, as events.jsonl has them; rates depend on the clock.
  const auto losses = [](const std::filesystem::path& folder) {
    std::map<std::int64_t, double> out;
    std::istringstream lines(file_text(folder / "events.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const Json event = parse_json(line, "an event");
      if (event["event"] == "metric") out[event["step"].get<std::int64_t>()] = event["values"]["loss"].get<double>();
    }
    return out;
  };
  const auto calm_losses = losses(calm_folder.path()), other_losses = losses(stopped_folder.path());
  REQUIRE(calm_losses.size() == 6);
  for (const auto& [step, loss] : calm_losses) {
    INFO("step " << step);
    CHECK(other_losses.at(step) == loss);
  }
}
