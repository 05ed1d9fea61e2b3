#include "modules/train/trainer.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <span>

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/rng.h"
#include "modules/base/stop.h"
#include "modules/train/bad_steps.h"
#include "modules/train/gemm_rate.h"
#include "modules/train/gradient_sum.h"
#include "modules/train/states.h"
#include "modules/train/window.h"

namespace saucier::train {
namespace {

constexpr const char* kProgress = "progress";  // in a training state: the trainer's own, as JSON
constexpr const char* kParameters = "parameters";
constexpr double kBetweenLines = 0.5;  // seconds between progress lines

at::Tensor bytes_of(const std::string& text) {
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::copy(text.begin(), text.end(), bytes.mutable_data_ptr<std::uint8_t>());
  return bytes;
}

std::string text_of(const at::Tensor& bytes) {
  const auto* data = bytes.const_data_ptr<std::uint8_t>();
  return {data, data + bytes.numel()};
}

class Training {
 public:
  Training(const options::Job& job, Objective& objective, Optimizer& optimizer, Ranks& ranks, EventWriter& events)
      : job_(job), options_(*job.train), objective_(objective), optimizer_(optimizer), ranks_(ranks), events_(events), gradients_(ranks, optimizer),
        steps_(objective.steps()), states_(fs::path(job.work) / paths::kResume, options_.keep_states), bad_(options_) {}

  void run() {
    if (steps_ < 1)
      throw Error(fmt::format("there are fewer samples than one batch of {}", options_.global_batch), "lower global_batch, or give the stage more samples");
    peak_ = gemm_rate(options_.dtype == "bfloat16" ? at::kBFloat16 : at::kFloat, optimizer_.parameters().device()) * static_cast<double>(ranks_.count());
    ranks_.broadcast(optimizer_.parameters());
    first_ = load();
    events_.rewind(first_);
    if (first_ > 0) events_.log("info", fmt::format("goes on from step {} of {}", first_, steps_));
    else if (rolls_back()) save(0);
    begin_ = clock_.steady_seconds();
    step_ = first_;
    while (step_ < steps_ && !ended_early()) {
      if (stops()) {
        save(step_);
        states_.wait();
        throw Interrupted(fmt::format("stopped at step {} of {}", step_, steps_));
      }
      one_step();
    }
    objective_.report(step_);
    states_.wait();
    if (options_.use == "best" && ranks_.first()) take_best();
  }

 private:
  bool rolls_back() const { return options_.on_bad_step == "roll_back"; }
  bool last() const { return step_ == steps_; }
  bool stops() const { return ranks_.count() == 1 ? stop_requested().load() : stop_agreed_; }
  bool due(std::int64_t every) const { return step_ % every == 0 || last(); }
  std::int64_t anchor(std::int64_t step) const { return rolls_back() ? step / options_.roll_back_every * options_.roll_back_every : -1; }
  bool ended_early() const { return options_.early_stop.patience && no_better_ >= *options_.early_stop.patience; }

  void one_step() {
    const double start = clock_.steady_seconds();
    const std::string stream = "train.step." + job_.stage + (ranks_.first() ? "" : fmt::format(".rank{}", ranks_.rank()));
    at::manual_seed(Rng(static_cast<std::uint64_t>(job_.seed), stream, static_cast<std::uint64_t>(step_)).next64());
    StepResult result = objective_.step(step_, [&] {
      gradients_.expect();
      return ranks_.count() > 1;
    });
    sum_up(result);
    bool took_back = false;
    {
      const Stopwatch watch(result.spent.optimizer);
      const double norm = optimizer_.gradient_norm();
      if (const auto wrong = bad_.wrong_with(result.loss, norm)) {
        took_back = leave_out(*wrong);
      } else {
        bad_.good(result.loss, norm);
        optimizer_.step(rates(), norm);
        if (options_.shard_optimizer)
          for (std::int64_t rank = 0; rank < ranks_.count(); ++rank) ranks_.broadcast(optimizer_.part(rank), rank);
        window_.add(result, norm);
      }
    }
    ++step_;
    const double end = clock_.steady_seconds();
    window_.seconds += end - start;
    window_.spent.optimizer += result.spent.optimizer;  // which is measured only now
    say(result.loss);
    if (!last() && (took_back || step_ % options_.checkpoint_every == 0 || (rolls_back() && step_ % options_.roll_back_every == 0)))
      save(step_);
    const double logging = clock_.steady_seconds() - end - validating_;
    validating_ = 0;
    window_.spent.logging += logging;
    window_.seconds += logging;
  }

  // Gradients and what the step reports, over all ranks; and whether one of them was asked to stop.
  void sum_up(StepResult& result) {
    if (ranks_.count() == 1) return;
    const Stopwatch watch(result.spent.exchange);
    gradients_.finish();
    const std::vector<std::string> sources = objective_.sources();
    std::vector<double> values = {stop_requested() ? 1.0 : 0.0, result.loss, static_cast<double>(result.samples), static_cast<double>(result.tokens),
                                  static_cast<double>(result.learned), result.flops};
    append(values, result.by_source, sources);
    ranks_.sum(values);
    stop_agreed_ = values[0] > 0;
    result.loss = values[1];
    result.samples = static_cast<std::int64_t>(values[2]);
    result.tokens = static_cast<std::int64_t>(values[3]);
    result.learned = static_cast<std::int64_t>(values[4]);
    result.flops = values[5];
    result.by_source = by_source(std::span(values).subspan(6), sources);
  }

  static void append(std::vector<double>& values, const std::map<std::string, SourceLoss>& losses, const std::vector<std::string>& sources) {
    for (const std::string& name : sources) {
      const auto found = losses.find(name);
      const SourceLoss loss = found == losses.end() ? SourceLoss{} : found->second;
      values.insert(values.end(), {loss.sum, static_cast<double>(loss.tokens)});
    }
  }

  static std::map<std::string, SourceLoss> by_source(std::span<const double> values, const std::vector<std::string>& sources) {
    std::map<std::string, SourceLoss> losses;
    for (size_t i = 0; i < sources.size(); ++i)
      if (values[2 * i + 1] > 0) losses[sources[i]] = {values[2 * i], static_cast<std::int64_t>(values[2 * i + 1])};
    return losses;
  }

  std::map<std::string, SourceLoss> validation_losses() {
    const auto losses = objective_.validate();
    if (ranks_.count() == 1) return losses;
    const std::vector<std::string> sources = objective_.validation_sources();
    std::vector<double> values;
    append(values, losses, sources);
    ranks_.sum(values);
    return by_source(values, sources);
  }

  std::vector<double> rates() const {
    std::vector<double> rates;
    for (const ParameterGroup& group : optimizer_.groups()) rates.push_back(group.learning_rate * learning_rate_scale(group.schedule, step_, steps_));
    return rates;
  }

  // True where the parameters are those of an earlier step now.
  bool leave_out(const std::string& wrong) {
    optimizer_.discard();
    bad_.bad(step_, wrong);
    const std::int64_t back = anchor(step_);
    events_.log("warning", fmt::format("step {}: {}; {}", step_ + 1, wrong,
                                       rolls_back() ? fmt::format("goes back to the parameters of step {} and on behind it", back) : "the step is skipped"));
    if (!rolls_back()) return false;
    restore(back);
    return true;
  }

  // A metric row and a progress line where they are due.
  void say(double loss) {
    std::map<std::string, double> values;
    if (due(options_.log_every) && window_.steps > 0) {
      values = window_.row(peak_);
      add_rates(values);
      values["samples"] = static_cast<double>(step_ * options_.global_batch);
      if (bad_.total() > 0) values["skipped_steps"] = static_cast<double>(bad_.total());
      window_ = Window{};
    }
    if (!options_.validation.empty() && due(options_.validate_every)) validate(values);
    if (!values.empty()) events_.metric(step_, values);
    const double now = clock_.steady_seconds();
    if (now - last_line_ < kBetweenLines && !last()) return;
    last_line_ = now;
    const double rate = static_cast<double>(step_ - first_) / std::max(now - begin_, 1e-9);
    events_.progress(step_, steps_, rate * static_cast<double>(options_.global_batch), "samples", loss, static_cast<double>(steps_ - step_) / rate);
  }

  void add_rates(std::map<std::string, double>& values) const {
    const std::int64_t step = step_ - 1;  // the one that was taken
    values["learning_rate"] = options_.learning_rate * learning_rate_scale(schedule_of(options_), step, steps_);
    for (const ParameterGroup& group : optimizer_.groups())
      if (options_.parts.contains(group.name))
        values["learning_rate." + group.name] = group.learning_rate * learning_rate_scale(group.schedule, step, steps_);
  }

  void validate(std::map<std::string, double>& values) {
    const double start = clock_.steady_seconds();
    SourceLoss all;
    const auto losses = validation_losses();
    for (const auto& [name, loss] : losses) {
      all.sum += loss.sum;
      all.tokens += loss.tokens;
      if (losses.size() > 1) values["validation_loss." + name] = loss.sum / static_cast<double>(loss.tokens);
    }
    SAUCIER_CHECK(all.tokens > 0, "a validation without learned tokens");
    const double loss = all.sum / static_cast<double>(all.tokens);
    values["validation_loss"] = loss;
    no_better_ = loss < best_loss_ - options_.early_stop.min_delta ? 0 : no_better_ + 1;
    if (loss < best_loss_) {
      best_loss_ = loss;
      best_step_ = step_;
      if (options_.use == "best" && ranks_.first()) states_.write_best(step_, {{kParameters, optimizer_.parameters()}});
    }
    if (ended_early() && !last())
      events_.log("info", fmt::format("ends after step {} of {}: no lower validation loss in {} validations", step_, steps_, no_better_));
    validating_ = clock_.steady_seconds() - start;
  }

  void save(std::int64_t step) {
    objective_.report(step);
    Tensors state = whole_state();
    if (!ranks_.first()) return;
    Json progress = {{"window", to_json(window_)}, {"bad_steps", bad_.to_json()}, {"best_step", best_step_}, {"no_better", no_better_},
                     {"objective", objective_.state()}};
    if (best_step_ >= 0) progress["best_loss"] = best_loss_;
    state[kProgress] = bytes_of(progress.dump());
    states_.write(step, state, anchor(step), options_.use == "best" ? best_step_ : -1);
  }

  // The step to go on from.
  std::int64_t load() {
    return with_context("while reading the training state of an earlier attempt", [&]() -> std::int64_t {
      double told = ranks_.first() ? static_cast<double>(states_.newest().value_or(-1)) : 0;
      ranks_.sum(std::span(&told, 1));  // all know what the first one has
      const auto step = static_cast<std::int64_t>(told);
      if (step < 0) return 0;
      const Json progress = parse_json(restore(step), "the progress of a training state");
      window_ = window_from_json(progress.at("window"));
      bad_.restore(progress.at("bad_steps"));
      objective_.restore(progress.at("objective"));
      best_step_ = progress.at("best_step").get<std::int64_t>();
      no_better_ = progress.at("no_better").get<std::int64_t>();
      if (best_step_ >= 0) best_loss_ = progress.at("best_loss").get<double>();
      return step;
    });
  }

  // The optimizer's state, whole in the first rank.
  Tensors whole_state() {
    Tensors state = optimizer_.state();
    for (auto& [name, tensor] : state) {
      if (!optimizer_.in_shards(name)) continue;
      std::vector<at::Tensor> parts;
      for (std::int64_t rank = 0; rank < ranks_.count(); ++rank) {
        const at::Tensor part = rank == ranks_.rank() ? tensor : at::empty_like(tensor);
        ranks_.broadcast(part, rank);
        if (ranks_.first()) parts.push_back(part);
      }
      if (ranks_.first()) tensor = at::cat(parts).narrow(0, 0, optimizer_.whole_size(name));
    }
    return state;
  }

  // Parameters and optimizer of that step, which the first rank has on disk; returns the trainer's own part.
  std::string restore(std::int64_t step) {
    if (ranks_.count() == 1) {
      const Tensors state = states_.read(step);
      optimizer_.restore(state);
      return text_of(state.at(kProgress));
    }
    Tensors whole, state = optimizer_.state();
    if (ranks_.first()) whole = states_.read(step);
    for (auto& [name, tensor] : state) {
      const bool shards = optimizer_.in_shards(name);
      const std::int64_t size = shards ? tensor.numel() * ranks_.count() : tensor.numel();
      at::Tensor all = shards ? at::zeros({size}, tensor.options()) : tensor;
      if (ranks_.first()) {
        const auto kept = whole.find(name);
        if (kept == whole.end() || kept->second.numel() != optimizer_.whole_size(name) || kept->second.scalar_type() != tensor.scalar_type())
          throw Error(fmt::format("training state has no '{}' of {} numbers, which this stage keeps", name, optimizer_.whole_size(name)));
        all.narrow(0, 0, kept->second.numel()).copy_(kept->second);
      }
      ranks_.broadcast(all);
      tensor = shards ? all.narrow(0, ranks_.rank() * tensor.numel(), tensor.numel()) : all.clone();
    }
    optimizer_.restore(state);
    return ranks_.broadcast(ranks_.first() ? text_of(whole.at(kProgress)) : std::string());
  }

  void take_best() {
    if (best_step_ < 0) throw Error("no validation gave a number, so no step was the best", "lower learning_rate, or write use = \"last\"");
    Tensors state = optimizer_.state();  // this shard's, which stays
    state[kParameters] = states_.read_best(best_step_).at(kParameters);
    optimizer_.restore(state);
    events_.log("info", fmt::format("leaves the parameters of step {}, with validation loss {:.4f}", best_step_, best_loss_));
  }

  const options::Job& job_;
  const options::TrainOptions& options_;
  Objective& objective_;
  Optimizer& optimizer_;
  Ranks& ranks_;
  EventWriter& events_;
  GradientSum gradients_;
  const Clock& clock_ = system_clock();
  const std::int64_t steps_;
  States states_;
  BadSteps bad_;
  Window window_;  // of a metric row that an earlier attempt began, too: a resumed run has the same rows
  std::int64_t first_ = 0, step_ = 0;  // steps that are done
  std::int64_t best_step_ = -1, no_better_ = 0;
  double best_loss_ = std::numeric_limits<double>::infinity();
  double peak_ = 0, begin_ = 0, last_line_ = 0, validating_ = 0;
  bool stop_agreed_ = false;  // by all ranks, in the last step
};

}  // namespace

void run(const options::Job& job, Objective& objective, Optimizer& optimizer, Ranks& ranks, EventWriter& events) {
  Training(job, objective, optimizer, ranks, events).run();
}

}  // namespace saucier::train
