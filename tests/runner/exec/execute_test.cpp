#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "modules/base/clock.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "runner/exec/execute.h"
#include "runner/exec/schedule.h"
#include "store/database.h"
#include "tests/runner/made_recipe.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

struct Heard : exec::Listener {
  std::vector<std::string> lines;
  std::string failure, tail;
  double loss = 0;
  void started(const plan::Node& node) override { lines.push_back("start " + node.name); }
  void cached(const plan::Node& node) override { lines.push_back("cached " + node.name); }
  void progress(const plan::Node&, const Json& event) override { loss = event.value("loss", 0.0); }
  void finished(const plan::Node& node, double) override { lines.push_back("done " + node.name); }
  void failed(const plan::Node& node, const std::string& message, const std::string& log_tail) override {
    lines.push_back("failed " + node.name);
    failure = message;
    tail = log_tail;
  }
  void message(const std::string& text) override { messages.push_back(text); }
  std::vector<std::string> messages;
};

struct Place {
  TempFolder temp;
  fs::path control = temp.path() / "control", file = temp.path() / "results" / "s.db";
  Place() {
    fs::create_directories(control);
    ::setenv("SAUCIER_FAKE", control.c_str(), 1);
    ::unsetenv("CUDA_VISIBLE_DEVICES");
  }
  void order(const std::string& stage, const std::string& what) { write_file_atomic(control / (stage + ".do"), what); }
  std::vector<std::string> lines(const char* log) const {
    std::vector<std::string> out;
    if (!fs::exists(control / log)) return out;
    std::istringstream in(read_file(control / log));
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  long count(const char* log, const std::string& stage) const {
    const auto all = lines(log);
    return std::count(all.begin(), all.end(), stage);
  }
};

exec::Outcome run(const fs::path& file, const recipe::Recipe& recipe, exec::Listener& listener, exec::RunOptions options = {}) {
  options.worker = SAUCIER_BINARY_DIR "/saucier_fake_worker";
  const auto store = store::Store::open(file);
  const auto plan = plan::make_plan(recipe, store.get());
  std::vector<store::TrialRow> rows;
  for (std::size_t t = 0; t < recipe.trials.size(); ++t) {
    store::TrialRow row{.name = recipe.trials[t].name, .parameters = Json::object(), .resolved = recipe.trials[t].resolved.dump(), .stages = {}};
    for (const int n : plan.trial_nodes[t]) row.stages.emplace_back(plan.nodes[n].name, plan.nodes[n].key);
    rows.push_back(row);
  }
  store->add_sweep(recipe.name, "made.toml", "", "maximize", rows);
  return exec::execute(plan, *store, options, listener);
}

pid_t run_in_child(const fs::path& file, const recipe::Recipe& recipe, const exec::RunOptions& options = {}) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    int code = 99;
    try {
      Heard heard;
      const auto outcome = run(file, recipe, heard, options);
      code = outcome.interrupted ? 50 : outcome.failed;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(code);
  }
  return pid;
}

int wait_for(pid_t pid) {
  int raw = 0;
  ::waitpid(pid, &raw, 0);
  return WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
}

// All rows that a run leaves, times and attempts aside.
std::string rows(const fs::path& file) {
  const auto store = store::Store::open_read_only(file);
  std::string out;
  for (const char* sql : {"SELECT trial, stage, state, shared_by, summary FROM stage_cost ORDER BY number, position",
                          "SELECT trial, stage, metric, step, value, kind FROM curve ORDER BY 1, 2, 3, 4",
                          "SELECT trial, stage, metric, last, min, max, n FROM metric_last ORDER BY 1, 2, 3",
                          "SELECT trial, stage, benchmark, condition, metric, value, main FROM trial_score ORDER BY 1, 2, 3, 4, 5",
                          "SELECT trial, stage, sample, answer FROM prediction_detail ORDER BY 1, 2, 3"}) {
    for (const auto& row : store->query(sql).rows) out += Json(row).dump() + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("the schedule takes the longest chain first and skips what a failure reaches") {
  const auto node = [](std::vector<int> needs) {
    plan::Node out;
    out.needs = std::move(needs);
    return out;
  };
  exec::Schedule schedule({node({}), node({}), node({1}), node({2}), node({0, 3})});
  CHECK(schedule.ready() == std::vector<int>{1, 0});
  schedule.start(1);
  schedule.done(1);
  CHECK(schedule.ready() == std::vector<int>{2, 0});
  schedule.start(2);
  CHECK(schedule.fail(2) == 2);
  CHECK(schedule.state(4) == exec::State::kSkipped);
  CHECK(!schedule.over());
  schedule.start(0);
  schedule.done(0);
  CHECK(schedule.over());
}

TEST_CASE("a sweep runs each stage once, and again takes everything from the store") {
  Place place;
  const auto recipe = sweep_of({1e-4, 2e-4});
  Heard heard;
  auto outcome = run(place.file, recipe, heard);
  CHECK(outcome.ran == 5);
  CHECK((outcome.cached + outcome.failed + outcome.skipped) == 0);
  CHECK(place.lines("runs.log").size() == 5);
  CHECK(place.count("runs.log", "align") == 1);
  CHECK(heard.lines.front() == "start align");
  CHECK(std::isnan(heard.loss));
  const std::string before = rows(place.file);
  CHECK(std::count(before.begin(), before.end(), '\n') == 6 + 3 * 40 + 3 * 4 + 6 + 6 * 4);

  Heard again;
  outcome = run(place.file, recipe, again);
  CHECK(outcome.cached == 5);
  CHECK(outcome.ran == 0);
  CHECK(rows(place.file) == before);
  const auto store = store::Store::open(place.file);
  CHECK(fs::is_empty(store->work()));
  for (const auto& folder : fs::directory_iterator(store->artifacts())) {
    CHECK(fs::exists(folder.path() / paths::kManifest));
    CHECK(fs::exists(folder.path() / paths::kEvents));
    CHECK(fs::exists(folder.path() / "model" / "weights"));
  }
  CHECK(store->query("SELECT DISTINCT value FROM environment WHERE name = 'visible'").rows == std::vector<std::vector<Json>>{{""}});
}

TEST_CASE("a failed stage says why, skips its dependents, and runs again next time") {
  Place place;
  // Two trials that differ in their first stage already.
  const auto recipe = recipe_of({{train_stage("align"), evaluate_stage("bench", "align")},
                                 {train_stage("other"), evaluate_stage("bench", "other")}});
  place.order("align", "fail");
  Heard heard;
  SECTION("others do not start") {
    const auto outcome = run(place.file, recipe, heard);
    CHECK(outcome.failed == 1);
    CHECK(outcome.skipped == 3);
    CHECK(outcome.ran == 0);
    CHECK(heard.failure == "nothing to learn from\nnote: in stage 'align'\nhint: give it data");
    CHECK(heard.tail == "a line for the log\nanother one\n");
    const auto store = store::Store::open(place.file);
    CHECK(store->query("SELECT state FROM trial_view ORDER BY number").rows == std::vector<std::vector<Json>>{{"failed"}, {"queued"}});
    CHECK(plan::make_plan(recipe, store.get()).nodes[0].reason == "to run: it failed before");
  }
  SECTION("with keep_going they do") {
    const auto outcome = run(place.file, recipe, heard, {.keep_going = true, .worker = {}});
    CHECK(outcome.failed == 1);
    CHECK(outcome.skipped == 1);
    CHECK(outcome.ran == 2);
  }
  place.order("align", "");
  Heard again;
  const auto outcome = run(place.file, recipe, again);
  CHECK(outcome.failed == 0);
  CHECK(outcome.ran + outcome.cached == 4);
}

TEST_CASE("a worker that dies or says nothing has failed") {
  Place place;
  const auto recipe = recipe_of({{train_stage("align")}});
  Heard heard;
  place.order("align", "die");
  CHECK(run(place.file, recipe, heard).failed == 1);
  CHECK(heard.failure == "the worker ended with killed by signal 9 (SIGKILL)");
  place.order("align", "silent");
  CHECK(run(place.file, recipe, heard).failed == 1);
  CHECK(heard.failure == "the worker ended without saying that it is done");
  exec::RunOptions no_worker;
  const auto store = store::Store::open(place.file);
  no_worker.worker = "/nowhere/worker";
  CHECK(exec::execute(plan::make_plan(recipe, store.get()), *store, no_worker, heard).failed == 1);
  CHECK_THAT(heard.failure, Catch::Contains("cannot start"));
  CHECK_THROWS_WITH(exec::execute(plan::make_plan(recipe, store.get()), *store, {.devices = {"tpu"}, .worker = {}}, heard), Catch::Contains("'tpu'"));
}

TEST_CASE("several slots run stages side by side, on the device they were given") {
  Place place;
  place.order("instruct", "slow 300");
  const auto recipe = sweep_of({1e-4, 2e-4, 3e-4, 4e-4});
  Heard heard;
  const auto outcome = run(place.file, recipe, heard, {.devices = {"cuda:2", "3"}, .worker = {}});
  CHECK(outcome.ran == 9);
  int running = 0, most = 0;
  for (const std::string& line : heard.lines) {
    running += line.starts_with("start") ? 1 : -1;
    most = std::max(most, running);
  }
  CHECK(most == 2);
  const auto store = store::Store::open(place.file);
  CHECK(store->query("SELECT DISTINCT value FROM environment WHERE name = 'visible' ORDER BY 1").rows ==
        std::vector<std::vector<Json>>{{"2"}, {"3"}});
  CHECK(store->query("SELECT DISTINCT value FROM environment WHERE name = 'device'").rows == std::vector<std::vector<Json>>{{"cuda:0"}});
}

TEST_CASE("two runners at once run each stage once") {
  Place place;
  const auto recipe = sweep_of({1e-4, 2e-4, 3e-4});
  place.order("align", "slow 100");
  store::Store::open(place.file).reset();
  const pid_t one = run_in_child(place.file, recipe), two = run_in_child(place.file, recipe), three = run_in_child(place.file, recipe);
  CHECK(wait_for(one) == 0);
  CHECK(wait_for(two) == 0);
  CHECK(wait_for(three) == 0);
  CHECK(place.lines("runs.log").size() == 7);
  Heard heard;
  CHECK(run(place.file, recipe, heard).cached == 7);
}

TEST_CASE("Ctrl-C stops a worker at a training state, and the same command goes on from there") {
  Place place, calm;
  const auto recipe = recipe_of({{train_stage("align"), evaluate_stage("bench", "align")}});
  ::setenv("SAUCIER_FAKE", calm.control.c_str(), 1);
  calm.order("align", "state");
  Heard heard;
  run(calm.file, recipe, heard);

  ::setenv("SAUCIER_FAKE", place.control.c_str(), 1);
  place.order("align", "state");
  const pid_t child = run_in_child(place.file, recipe);
  while (place.count("runs.log", "align") == 0) ::usleep(2'000);
  ::usleep(120'000);
  ::kill(child, SIGINT);
  CHECK(wait_for(child) == 50);
  const auto store = store::Store::open(place.file);
  const std::string key = plan::make_plan(recipe, store.get()).nodes[0].key;
  CHECK(store->state_of(key) == "released");
  CHECK(place.count("ends.log", "align") == 0);
  const int step = std::stoi(read_file(store->work() / key / paths::kResume / "step"));
  CHECK(step > 0);
  CHECK(step < 10);
  const auto outcome = run(place.file, recipe, heard);
  CHECK(outcome.ran == 2);
  CHECK(rows(place.file) == rows(calm.file));
}

TEST_CASE("a runner killed at any moment leaves what the next one finishes") {
  Place calm;
  const auto recipe = sweep_of({1e-4, 2e-4});
  Heard heard;
  run(calm.file, recipe, heard);
  const std::string expected = rows(calm.file);

  std::uint32_t seed = 7;
  int kills = 0;
  for (int round = 0; round < 6; ++round) {
    Place place;
    place.order("align", round % 2 == 0 ? "" : "slow 30");
    for (int attempt = 0; attempt < 60; ++attempt) {
      const pid_t child = run_in_child(place.file, recipe);
      seed = seed * 1664525 + 1013904223;
      ::usleep(5'000 + (seed >> 8) % 120'000);
      ::kill(child, SIGKILL);
      const int code = wait_for(child);
      if (code == 0) break;
      ++kills;
      CHECK(code == -SIGKILL);
    }
    CHECK(run(place.file, recipe, heard).failed == 0);
    CHECK(rows(place.file) == expected);
    const auto store = store::Store::open(place.file);
    for (const auto& folder : fs::directory_iterator(store->artifacts()))
      CHECK(folder.path().filename().string().find("broken") == std::string::npos);
  }
  CHECK(kills > 6);
}

TEST_CASE("a finished folder without its row is adopted") {
  Place place;
  const auto recipe = recipe_of({{train_stage("align")}});
  Heard heard;
  run(place.file, recipe, heard);
  const std::string before = rows(place.file);
  const fs::path database = place.file;
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(database.string() + end);
  CHECK(run(place.file, recipe, heard).cached == 1);
  CHECK(rows(place.file) == before);
  CHECK(place.lines("runs.log").size() == 1);
}

TEST_CASE("a stage that another process took over is not written by the first one") {
  Place place;
  place.order("align", "slow 1200");
  const auto recipe = recipe_of({{train_stage("align")}});
  const pid_t child = run_in_child(place.file, recipe);
  while (place.count("runs.log", "align") == 0) ::usleep(2'000);
  // As after a minute of silence: this process takes the stage and finishes it itself.
  const auto store = store::Store::open(place.file);
  const auto node = plan::make_plan(recipe, store.get()).nodes[0];
  {
    store::Database raw(place.file, store::Database::Mode::kWrite);
    raw.execute("UPDATE stage_run SET heartbeat_us = 0");
  }
  const auto mine = store->claim(node.key, node.name, node.kind, node.key_text);
  REQUIRE(mine);
  ::usleep(1'600'000);
  CHECK(store->state_of(node.key) == "running");  // the child's worker is done by now; its result was refused
  CHECK(store->release(*mine, "test"));
  CHECK(wait_for(child) == 0);  // which then runs it under a claim of its own
  CHECK(store->state_of(node.key) == "done");
  CHECK(store->query("SELECT max(attempt) FROM stage_run").rows[0][0] == 3);
}

TEST_CASE("speed of the runner beside its stages", "[.][speed]") {
  Place place;
  std::vector<recipe::Stage> chain{train_stage("s0")};
  for (int i = 1; i < 20; ++i) chain.push_back(train_stage("s" + std::to_string(i), "s" + std::to_string(i - 1)));
  Heard heard;
  const double begun = system_clock().steady_seconds();
  CHECK(run(place.file, recipe_of({chain}), heard).ran == 20);
  const double each = (system_clock().steady_seconds() - begun) / 20;
  WARN("seconds a stage, the fake worker's own time included: " << each);
}
