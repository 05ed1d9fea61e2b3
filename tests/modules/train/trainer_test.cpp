#include <catch2/catch.hpp>
#include <cmath>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "tests/modules/train/line.h"

using namespace saucier;
using train::Line;

namespace {

struct Outcome {
  at::Tensor weight, bias;
  std::map<std::int64_t, double> losses;
  std::vector<std::int64_t> seen;
};

using Change = std::function<void(options::Job&, Line&)>;

// One run, cut off before the steps `stops`.
Outcome outcome(const Change& change, const std::vector<std::int64_t>& stops, const std::string& kind = "adamw") {
  TempFolder folder;
  options::Job job = train::job_in(folder.path());
  for (const std::int64_t stop : stops) {
    Line line;
    change(job, line);
    line.stop_before = stop;
    CHECK_THROWS_AS(train::run_in(job, line, kind), Interrupted);
    stop_requested().store(false);
  }
  Line line;
  change(job, line);
  train::run_in(job, line, kind);
  return {line.weight.detach().clone(), line.bias.detach().clone(), train::metric_in(folder.path(), "loss"), line.seen};
}

void check_equal(const Outcome& a, const Outcome& b) {
  CHECK(at::equal(a.weight, b.weight));
  CHECK(at::equal(a.bias, b.bias));
  CHECK(a.losses == b.losses);
}

std::string failure(const options::Job& job, Line& line) {
  try {
    train::run_in(job, line);
  } catch (const Error& error) {
    return error.render();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a run that is stopped goes on to the same bits and the same metric rows") {
  const std::string kind = GENERATE("adamw", "adamw_8bit", "sgd");
  const Change none = [](options::Job&, Line&) {};
  const Outcome calm = outcome(none, {}, kind);
  REQUIRE(calm.losses.size() == 6);
  check_equal(outcome(none, {6}, kind), calm);
  check_equal(outcome(none, {0, 3, 9, 10}, kind), calm);
}

TEST_CASE("a stop is said with the step it came at") {
  TempFolder folder;
  Line line;
  line.stop_before = 6;  // the flag is seen before step 7
  CHECK_THROWS_WITH(train::run_in(train::job_in(folder.path()), line), "stopped at step 7 of 12");
  stop_requested().store(false);
}

TEST_CASE("a step that is no number, or a spike, is skipped and counted") {
  const double factor = GENERATE(NAN, 1e4);
  TempFolder folder;
  options::Job job = train::job_in(folder.path());
  job.train->spike_factor = 20;
  job.train->spike_window = 4;
  Line line;
  line.spoilt = {{6, factor}};
  train::run_in(job, line);
  CHECK(line.seen.size() == 12);
  const auto skipped = train::metric_in(folder.path(), "skipped_steps");
  CHECK(skipped.size() == 3);  // of the rows of 6 … from the one of step 8 on
  CHECK(skipped.at(12) == 1);
  const auto said = train::events_in(folder.path(), "log");
  REQUIRE(said.size() == 1);
  const std::string text = said[0]["text"];
  CHECK(text.starts_with("step 7: "));
  CHECK(text.ends_with("; the step is skipped"));
  CHECK((text.find("times its median") != std::string::npos) == std::isfinite(factor));
  // The rows are means over the steps that counted.
  for (const auto& [step, loss] : train::metric_in(folder.path(), "loss")) CHECK(loss < 10);

  const Change spoil = [&](options::Job& cut, Line& one) {
    cut.train->spike_factor = 20;
    cut.train->spike_window = 4;
    one.spoilt = {{6, factor}};
  };
  check_equal(outcome(spoil, {5, 7}), outcome(spoil, {}));
}

TEST_CASE("nothing is a spike before the window is full, or where none is asked for") {
  TempFolder folder;
  options::Job job = train::job_in(folder.path());
  Line line;
  line.spoilt = {{6, 1e4}};
  SECTION("not asked for") {}
  SECTION("not full") {
    job.train->spike_factor = 20;
    job.train->spike_window = 7;
  }
  train::run_in(job, line);
  CHECK(train::metric_in(folder.path(), "skipped_steps").empty());
}

TEST_CASE("a bad step may end the stage, and too many of them do") {
  TempFolder folder;
  options::Job job = train::job_in(folder.path());
  Line line;
  line.spoilt = {{2, NAN}, {4, NAN}, {5, NAN}, {6, NAN}};
  SECTION("the first") {
    job.train->on_bad_step = "stop";
    CHECK(failure(job, line).find("step 3: loss nan with gradient norm nan\nhint: lower learning_rate, lengthen the warm-up, or set on_bad_step = \"skip\"") != std::string::npos);
  }
  SECTION("three in a row") {
    job.train->max_bad_steps = 3;
    CHECK(failure(job, line).find("3 bad steps in a row, the last of them step 7: loss nan with gradient norm nan\nhint: lower learning_rate, or lengthen the warm-up") != std::string::npos);
  }
}

TEST_CASE("a bad step is rolled back to the last state, and training goes on behind it") {
  const Change spoil = [](options::Job& job, Line& line) {
    job.train->on_bad_step = "roll_back";
    job.train->roll_back_every = 4;
    job.train->checkpoint_every = 3;
    line.spoilt = {{6, NAN}, {9, NAN}};
  };
  const Outcome calm = outcome(spoil, {});
  CHECK((calm.seen == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));

  // By hand: steps 0 … 3, then 7 with the parameters after 3; a state at 8, and 9 goes back to that.
  Line line;
  train::Optimizer optimizer = line.optimizer();
  for (const std::int64_t step : {0, 1, 2, 3, 7, 10, 11}) {
    at::manual_seed(Rng(3, "train.step.line", static_cast<std::uint64_t>(step)).next64());
    line.step(step, [] { return false; });
    const options::Job job = train::job_in(".");
    const double rate = 0.05 * train::learning_rate_scale(train::schedule_of(*job.train), step, 12);
    optimizer.step(std::vector<double>{rate}, optimizer.gradient_norm());
  }
  CHECK(at::equal(line.weight, calm.weight));

  // However the run is cut, and whatever further states were written.
  check_equal(outcome(spoil, {5}), calm);
  check_equal(outcome(spoil, {2, 5, 7, 8, 10}), calm);
}

TEST_CASE("as many states as asked for are kept, and no torn ones") {
  TempFolder folder;
  options::Job job = train::job_in(folder.path());
  job.train->checkpoint_every = 2;
  job.train->keep_states = 2;
  std::filesystem::create_directories(folder.path() / "resume");
  std::ofstream(folder.path() / "resume" / "state-10.safetensors.17.tmp") << "torn";
  Line line;
  train::run_in(job, line);
  CHECK((train::states_in(folder.path()) == std::set<std::string>{"state-10.safetensors", "state-8.safetensors"}));
}

TEST_CASE("a stage ends early when the validation loss no longer falls, and may leave its best weights") {
  const auto change = [](const char* use) -> Change {
    return [use](options::Job& job, Line& line) {
      job.train->validation = "data.held";
      job.train->validate_every = 2;
      job.train->early_stop.patience = 2;
      job.train->early_stop.min_delta = 0.1;
      job.train->use = use;
      job.train->checkpoint_every = 2;
      const std::vector<double> losses = {3, 2, 1.95, 2.5, 1, 1};
      line.validation = [losses](std::int64_t n) { return losses.at(static_cast<size_t>(n)); };
    };
  };
  TempFolder folder;
  options::Job job = train::job_in(folder.path());
  Line last;
  change("last")(job, last);
  train::run_in(job, last);
  CHECK(last.seen.size() == 8);  // 1.95 is no better by a tenth, and 2.5 neither
  const auto losses = train::metric_in(folder.path(), "validation_loss");
  CHECK((losses == std::map<std::int64_t, double>{{2, 3}, {4, 2}, {6, 1.95}, {8, 2.5}}));
  CHECK(train::events_in(folder.path(), "log").back()["text"] == "ends after step 8 of 12: no lower validation loss in 2 validations");

  const Outcome best = outcome(change("best"), {});
  CHECK_FALSE(at::equal(best.weight, last.weight));
  Line six;  // the lowest was after step 6
  train::Optimizer optimizer = six.optimizer();
  for (std::int64_t step = 0; step < 6; ++step) {
    at::manual_seed(Rng(3, "train.step.line", static_cast<std::uint64_t>(step)).next64());
    six.step(step, [] { return false; });
    optimizer.step(std::vector<double>{0.05 * train::learning_rate_scale(train::schedule_of(*job.train), step, 12)}, optimizer.gradient_norm());
  }
  CHECK(at::equal(best.weight, six.weight));
}

TEST_CASE("metric rows say what a step took and what each source cost") {
  TempFolder folder;
  options::Job job = train::job_in(folder.path());
  job.train->parts["line"] = {.learning_rate = 0.05};
  Line line;
  train::run_in(job, line);
  const Json values = train::events_in(folder.path(), "metric").at(1)["values"];
  CHECK(values.at("source_loss.a") == 0.5);
  CHECK(values.at("source_loss.b") == 1.5);
  CHECK(values.at("tokens") == 4);
  CHECK(values.at("memory_megabytes").get<double>() > 10);
  CHECK(values.at("learning_rate.line") == values.at("learning_rate"));
  for (const char* name : {"data_seconds", "vision_seconds", "forward_seconds", "backward_seconds"}) CHECK(values.at(name) == 0);
  CHECK(values.at("optimizer_seconds").get<double>() > 0);
  CHECK_FALSE(values.contains("mfu"));  // its work was not counted
}
