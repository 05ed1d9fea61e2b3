#include "modules/train/trainer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/rng.h"
#include "modules/base/stop.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/train/schedule.h"

namespace saucier::train {
namespace {

// Steps in a row whose gradient is not finite before the stage gives up.
constexpr int kMaxBadSteps = 20;

// Sums over the steps since the last metric row.
struct Window {
  double loss = 0, norm = 0;
  std::int64_t steps = 0, samples = 0, tokens = 0, learned = 0;
  std::map<std::string, double> extra;
  double started = 0;

  void add(const StepResult& result, double gradient_norm) {
    loss += result.loss;
    norm += gradient_norm;
    ++steps;
    samples += result.samples;
    tokens += result.tokens;
    learned += result.learned;
    for (const auto& [name, value] : result.extra) extra[name] += value;
  }
};

class TrainingState {
 public:
  explicit TrainingState(const options::Job& job)
      : file_(std::filesystem::path(job.work) / paths::kResume / "state.safetensors") {}

  // The step to go on from.
  std::int64_t load(AdamW& optimizer, Window& window) const {
    if (!std::filesystem::exists(file_)) return 0;
    auto state = with_context("while reading the training state of an earlier attempt",
                              [&] { return checkpoint::read_safetensors(file_); });
    const std::int64_t step = state.at("step").item<std::int64_t>();
    optimizer.restore(state.at("parameters"), state.at("first_moment"), state.at("second_moment"),
                      state.at("optimizer_steps").item<std::int64_t>());
    const at::Tensor sums = state.at("window");
    const auto sum = [&](std::int64_t i) { return sums[i].item<double>(); };
    const auto count = [&](std::int64_t i) { return static_cast<std::int64_t>(sum(i)); };
    window.loss = sum(0);
    window.norm = sum(1);
    window.steps = count(2);
    window.samples = count(3);
    window.tokens = count(4);
    window.learned = count(5);
    for (const auto& [name, value] : state)
      if (name.starts_with(kExtra)) window.extra[name.substr(kExtra.size())] = value.item<double>();
    return step;
  }

  void save(const AdamW& optimizer, const Window& window, std::int64_t step) const {
    make_folders(file_.parent_path());
    const auto whole = [](std::int64_t value) { return at::scalar_tensor(value, at::kLong).view({1}); };
    const std::vector<double> sums = {window.loss, window.norm, static_cast<double>(window.steps),
                                      static_cast<double>(window.samples), static_cast<double>(window.tokens),
                                      static_cast<double>(window.learned)};
    std::map<std::string, at::Tensor> state = {{"step", whole(step)},
                                               {"optimizer_steps", whole(optimizer.steps())},
                                               {"parameters", optimizer.parameters()},
                                               {"first_moment", optimizer.first_moment()},
                                               {"second_moment", optimizer.second_moment()},
                                               {"window", at::tensor(sums, at::kDouble)}};
    for (const auto& [name, value] : window.extra)
      state.emplace(std::string(kExtra) + name, at::full({1}, value, at::kDouble));
    checkpoint::write_safetensors(file_, state);
  }

 private:
  static constexpr std::string_view kExtra = "window.extra.";
  std::filesystem::path file_;
};

}  // namespace

void run(const options::Job& job, Objective& objective, AdamW& optimizer, EventWriter& events) {
  const options::TrainOptions& options = *job.train;
  const std::int64_t steps = objective.steps();
  if (steps < 1)
    throw Error(fmt::format("there are fewer samples than one batch of {}", options.global_batch), "lower global_batch, or give the stage more samples");
  const TrainingState state(job);
  Window window;  // of a metric row that an earlier attempt began, too: a resumed run has the same rows
  const std::int64_t first = state.load(optimizer, window);
  events.rewind(first);
  if (first > 0) events.log("info", fmt::format("goes on from step {} of {}", first, steps));

  const Clock& clock = system_clock();
  const double begin = clock.steady_seconds();
  double last_shown = begin;
  window.started = begin;
  int bad_steps = 0;
  for (std::int64_t step = first; step < steps; ++step) {
    if (stop_requested()) {
      objective.report(step);
      state.save(optimizer, window, step);
      throw Interrupted(fmt::format("stopped at step {} of {}", step, steps));
    }
    at::manual_seed(Rng(static_cast<std::uint64_t>(job.seed), "train.step." + job.stage,
                        static_cast<std::uint64_t>(step)).next64());
    const StepResult result = objective.step(step);
    const double scale = learning_rate_scale(options, step, steps);
    const double norm = optimizer.step(scale);
    if (!std::isfinite(norm) || !std::isfinite(result.loss)) {
      events.log("warning", fmt::format("step {}: loss {} with gradient norm {}; the step is skipped", step + 1,
                                        result.loss, norm));
      if (++bad_steps >= kMaxBadSteps)
        throw Error(fmt::format("the loss is not a number for {} steps in a row (step {})", bad_steps, step + 1),
                    "lower learning_rate, or raise warmup_ratio");
      continue;
    }
    bad_steps = 0;
    window.add(result, norm);

    const double now = clock.steady_seconds();
    const bool last = step + 1 == steps;
    if ((step + 1) % options.log_every == 0 || last) {
      const auto n = static_cast<double>(window.steps);
      const double seconds = std::max(now - window.started, 1e-9);
      std::map<std::string, double> values = {
          {"loss", window.loss / n},
          {"learning_rate", options.learning_rate * scale},
          {"gradient_norm", window.norm / n},
          {"samples", static_cast<double>((step + 1) * options.global_batch)},
          {"samples_per_second", static_cast<double>(window.samples) / seconds},
          {"tokens_per_second", static_cast<double>(window.tokens) / seconds},
          {"learned_tokens", static_cast<double>(window.learned) / n}};
      for (const auto& [name, value] : window.extra) values[name] = value / n;
      events.metric(step + 1, values);
      window = Window{};
      window.started = now;
    }
    if (now - last_shown >= 0.5 || last) {
      last_shown = now;
      const double rate = static_cast<double>(step + 1 - first) / std::max(now - begin, 1e-9);
      events.progress(step + 1, steps, rate * static_cast<double>(options.global_batch), "samples", result.loss,
                      static_cast<double>(steps - step - 1) / rate);
    }
    if ((step + 1) % options.checkpoint_every == 0 && !last) {
      objective.report(step + 1);
      state.save(optimizer, window, step + 1);
    }
  }
  objective.report(steps);
}

}  // namespace saucier::train
