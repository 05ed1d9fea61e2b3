#include <catch2/catch.hpp>

#include <cmath>
#include <csignal>
#include <ctime>

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/process.h"
#include "runner/exec/schedule.h"
#include "store/database.h"
#include "tests/runner/exec/made_run.h"

using namespace saucier;

TEST_CASE("the schedule takes the longest chain first and skips what a failure reaches") {
  const auto node = [](std::vector<int> needs) {
    plan::Node out;
    out.needs = std::move(needs);
    return out;
  };
  plan::Plan plan;
  plan.nodes = {node({}), node({}), node({1}), node({2}), node({0, 3})};
  exec::Schedule schedule(plan);
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

TEST_CASE("a gate is waited for, and what it shuts does not run") {
  // again-1 (0), exam-1 (1), write-2 (2), again-2 (3), exam-2 (4), write-3 (5), of another trial that shares write-2 exam-1 (6)
  const auto node = [](std::vector<int> needs, std::vector<int> gates) {
    plan::Node out;
    out.needs = std::move(needs);
    out.gates = std::move(gates);
    return out;
  };
  plan::Plan plan;
  plan.nodes = {node({}, {}), node({0}, {}), node({0}, {0, 2}), node({2}, {0}), node({3}, {0}), node({3}, {1}), node({0}, {})};
  plan.gates.resize(3);
  plan.gates[0].waits = {0, 1};
  plan.gates[1].waits = {3, 4};
  plan.gates[2].waits = {0, 6};
  exec::Schedule schedule(plan);
  CHECK(schedule.ready() == std::vector<int>{0});
  schedule.start(0);
  schedule.done(0);
  CHECK(schedule.ready() == std::vector<int>{1, 6});
  schedule.start(1);
  schedule.done(1);
  CHECK(schedule.ready() == std::vector<int>{6});  // write-2 waits for both of its gates
  schedule.start(6);
  schedule.done(6);
  CHECK(schedule.ready() == std::vector<int>{2});
  schedule.start(2);
  schedule.done(2);
  CHECK(schedule.close(3) == 2);  // exam-2, and write-3, which goes on from again-2
  CHECK(schedule.state(4) == exec::State::kClosed);
  CHECK(schedule.state(5) == exec::State::kClosed);
  CHECK(schedule.over());
}

TEST_CASE("a round runs only if its gate opens, which is asked once when the round before has run") {
  Place place;
  auto recipe = sweep_of({1e-4});
  REQUIRE(recipe.trials[0].stages.size() == 3);  // align, instruct, bench: as if the last two were rounds
  recipe.trials[0].stages[1].round = {"loop", 1, "part"};
  recipe.trials[0].stages[2].round = {"loop", 2, "part"};
  recipe.trials[0].cycles = {{.name = "loop", .rounds = 2, .stages = {"part"}, .start = {}, .gain_stage = {}, .gain_benchmark = {}, .alpha = 0.05, .max_hours = 1}};
  Heard heard;
  int asked = 0;
  exec::RunOptions options;
  options.opens = [&](const plan::Gate& gate) {
    ++asked;
    CHECK(gate.round == 1);
    CHECK(heard.lines.back() == "done instruct");
    return false;
  };
  auto outcome = run(place.file, recipe, heard, options);
  CHECK(asked == 1);
  CHECK(outcome.ran == 2);
  CHECK(outcome.closed == 1);
  CHECK((outcome.skipped + outcome.failed) == 0);
  CHECK(place.count("runs.log", "bench") == 0);

  options.opens = [](const plan::Gate&) { return true; };
  outcome = run(place.file, recipe, heard, options);
  CHECK(outcome.cached == 2);
  CHECK(outcome.ran == 1);
  CHECK(outcome.closed == 0);
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
}

TEST_CASE("several slots run stages side by side, on the device they were given") {
  Place place;
  place.order("instruct", "slow 300");
  const auto recipe = sweep_of({1e-4, 2e-4, 3e-4, 4e-4});
  Heard heard;
  const auto outcome = run(place.file, recipe, heard, {.slots = exec::read_slots("cuda:2,3", 0), .worker = {}});
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
  calm.order("align", "state 30");
  Heard heard;
  run(calm.file, recipe, heard);

  ::setenv("SAUCIER_FAKE", place.control.c_str(), 1);
  place.order("align", "state 30");
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
  const auto recipe = sweep_of({1e-4, 2e-4});
  Heard heard;
  // A stage that is done at once, or ten steps that last longer than two waits, so that runners are killed in any case.
  const std::string orders[] = {"", "state 30"};
  std::string expected[2];
  for (size_t kind = 0; kind < 2; ++kind) {
    Place calm;
    calm.order("align", orders[kind]);
    run(calm.file, recipe, heard);
    expected[kind] = rows(calm.file);
  }

  std::uint32_t seed = 7;
  int kills = 0;
  for (size_t round = 0; round < 6; ++round) {
    Place place;
    place.order("align", orders[round % 2]);
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
    CHECK(rows(place.file) == expected[round % 2]);
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

TEST_CASE("metrics can be read while their stage runs") {
  Place place;
  place.order("align", "state 40");
  const pid_t child = run_in_child(place.file, recipe_of({{train_stage("align")}}), {.worker = {}, .metric_seconds = 0.005});
  while (place.count("runs.log", "align") == 0) ::usleep(2'000);
  Json half;
  for (int i = 0; i < 20'000 && half.empty(); ++i, ::usleep(2'000)) {
    half = store::Store::open_read_only(place.file)->query("SELECT state, metric, n, last, min FROM metric_last JOIN stage_cost USING(key) "
                                                            "WHERE state = 'running' AND n > 2").rows;
  }
  REQUIRE(half.size() == 1);
  CHECK(half[0][1] == "loss");
  CHECK(half[0][3] == half[0][4]);
  CHECK(wait_for(child) == 0);
  const auto all = store::Store::open_read_only(place.file)->query("SELECT count(*), max(n), max(first_step) FROM curve JOIN metric_last USING(key), attempt").rows;
  CHECK(Json(all[0]) == Json({10, 10, 1}));
}

TEST_CASE("a stage run keeps where it ran and how each attempt ended") {
  Place place;
  const fs::path folder = place.temp.path() / "recipes";
  fs::create_directories(folder);
  write_file_atomic(folder / "made.toml", "recipe = 1\n");
  const auto git = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"git", "-C", folder.string(), "-c", "user.name=a", "-c", "user.email=a@b"});
    return run_and_capture(arguments, "/dev/null");
  };
  git({"init"});
  git({"add", "."});
  git({"commit", "-m", "one"});
  const auto recipe = recipe_of({{train_stage("align")}});
  const exec::RunOptions options{.worker = {}, .recipe_file = folder / "made.toml"};
  const auto value = [&](const std::string& name) {
    const auto found = store::Store::open_read_only(place.file)->query("SELECT value FROM environment WHERE name = ?", {name}).rows;
    return found.empty() ? std::string() : found[0][0].get<std::string>();
  };
  Heard heard;
  place.order("align", "die");
  CHECK(run(place.file, recipe, heard, options).failed == 1);
  CHECK(value("recipe_changed") == "no");  // of a failed stage, too
  CHECK(value("recipe_commit") + "\n" == git({"rev-parse", "HEAD"}));

  write_file_atomic(folder / "made.toml", "recipe = 2\n");
  place.order("align", "");
  CHECK(run(place.file, recipe, heard, options).ran == 1);
  CHECK(value("recipe_changed") == "yes");
  for (const char* name : {"saucier", "sqlite", "host", "os", "kernel", "cpu", "cpus", "memory_bytes"}) {
    CAPTURE(name);
    CHECK(!value(name).empty());
  }
  CHECK(value("seed") == "42");
  CHECK(value("device") == "cpu");
  CHECK(value("content.scene_files.font").size() == 64);
  CHECK(Json(store::Store::open_read_only(place.file)->query("SELECT number, state, exit_status FROM attempt ORDER BY 1").rows) ==
        Json({{1, "failed", "killed by signal 9 (SIGKILL)"}, {2, "done", "exit code 0"}}));
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(place.file.string() + end);
  CHECK(run(place.file, recipe, heard).cached == 1);
  CHECK(value("recipe_changed") == "yes");  // the artifact knows it, too
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

TEST_CASE("speed of metrics through the runner", "[.][speed]") {
  Place place;
  place.order("align", "loud 100000");
  Heard heard;
  const auto recipe = recipe_of({{train_stage("align")}});
  const std::clock_t cpu = std::clock();
  const double begun = system_clock().steady_seconds();
  CHECK(run(place.file, recipe, heard).ran == 1);
  WARN("200,000 metric rows from a worker that does nothing else: " << system_clock().steady_seconds() - begun
       << " s, of the runner's CPU " << static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC << " s, live and replay");
}
