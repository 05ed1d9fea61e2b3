#include <catch2/catch.hpp>

#include <cmath>

#include "modules/base/error.h"
#include "runner/report/results.h"
#include "tests/runner/report/filled_store.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

std::vector<std::string> labels(const report::Table& table) {
  std::vector<std::string> out;
  for (const auto& row : table.rows) out.push_back(row[0].get<std::string>());
  return out;
}

}  // namespace

TEST_CASE("the results of a sweep: trials, blind, other stages, baselines; only axes that differ") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto sweep = fill_store(*store);
  const auto found = report::results(*store, sweep);
  REQUIRE(found);
  CHECK(labels(found->scores) == std::vector<std::string>{"x-1", "x-2", "x-3", "x-1 blind", "x-2 blind", "x-3 blind", "before",
                                                          "majority", "chance"});
  CHECK(found->scores.columns ==
        std::vector<std::string>{"trial", "stage.instruct.learning_rate", "scenes-count accuracy", "scenes-pope f1", "mean"});
  CHECK(found->trials == 3);
  CHECK(found->first_score == 2);
  CHECK(found->scores.rows[0] == std::vector<Json>{"x-1", "0.0025", 0.7, 0.5, 0.6});
  CHECK(found->scores.rows[6] == std::vector<Json>{"before", nullptr, nullptr, 0.1, nullptr});  // no mean of a part
  CHECK(found->scores.rows[8] == std::vector<Json>{"chance", nullptr, 0.5, 0.5, 0.5});
  CHECK(found->metric == "bench.scenes-pope.f1");
  CHECK(found->ranking == std::vector<std::string>{"x-3", "x-2", "x-1"});
  CHECK(found->best == "x-3");
  CHECK(found->best_stage == "bench");
}

TEST_CASE("a paired test over pictures, on the questions that the ranking is by") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto sweep = fill_store(*store);

  // x-2 is wrong on 18..21, x-1 on 0..19: of 40 pictures 18 have a difference of +1, two of -1.
  const auto clear = report::paired_test(*store, sweep, "x-2", "x-1");
  CHECK(clear.benchmark == "scenes-pope");
  CHECK(clear.questions == 40);
  CHECK(clear.only_a == 18);
  CHECK(clear.only_b == 2);
  CHECK(clear.difference == Approx(16.0 / 40));
  const double mean = 0.4, variance = (18 * 0.6 * 0.6 + 2 * 1.4 * 1.4 + 20 * 0.4 * 0.4) / 39;
  CHECK(clear.p_value == Approx(std::erfc(mean / std::sqrt(variance / 40) / std::sqrt(2.0))));
  CHECK(clear.p_value < 1e-4);
  CHECK(clear.holds());
  CHECK_FALSE(report::paired_test(*store, sweep, "x-1", "x-2").holds());  // the same test, the wrong way round

  // x-3 is wrong on 20..22, x-2 on 18..21: two pictures +1, one -1.
  const auto open = report::paired_test(*store, sweep, "x-3", "x-2");
  CHECK(open.only_a == 2);
  CHECK(open.only_b == 1);
  CHECK(open.p_value == Approx(std::erfc(0.025 / std::sqrt((3 - 40 * 0.025 * 0.025) / 39 / 40) / std::sqrt(2.0))));
  CHECK_FALSE(open.holds());

  const auto same = report::paired_test(*store, sweep, "x-1", "x-1");
  CHECK(same.p_value == 1);
  CHECK(same.difference == 0);
  CHECK_THROWS_AS(report::paired_test(*store, sweep, "x-1", "x-4"), Error);

  const std::string text = report::to_text(*report::results(*store, sweep));
  CHECK(text.find("\nbest trial by bench.scenes-pope.f1: x-3\n"
                  "x-3 over x-2: +0.025 correct, p = 0.56") != std::string::npos);
  CHECK(text.find("of 40 scenes-pope questions 2 right only in the first, 1 only in the second): the order is open\n"
                  "x-2 over x-1: +0.400 correct, p < 0.001") != std::string::npos);
  CHECK(text.find("the order holds\n") != std::string::npos);
}

TEST_CASE("without a metric of a benchmark all questions count") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  fill_store(*store);
  std::vector<store::TrialRow> rows;
  for (const std::string n : {"1", "2"})
    rows.push_back({.name = "y-" + n, .parameters = Json::object(), .resolved = canonical(resolved_recipe(n[0])),
                    .stages = {{"align", "a"}, {"instruct", "i" + n}, {"bench", "b" + n}}});
  const auto sweep = store->add_sweep("y", "y.toml", "", "maximize", rows);
  const auto pair = report::paired_test(*store, sweep, "y-2", "y-1");
  CHECK(pair.benchmark.empty());
  CHECK(pair.questions == 80);
  CHECK(pair.difference == Approx(16.0 / 80));
  CHECK(report::results(*store, sweep)->metric == "mean of main scores");
}

TEST_CASE("one trial, with the parts as they come asked last: 'before' is not its result") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  fill_store(*store);
  const auto sweep = store->add_sweep("one", "one.toml", "bench.scenes-pope.f1", "maximize",
                                      {{.name = "one-1", .parameters = Json::object(), .resolved = canonical(resolved_recipe(1)),
                                        .stages = {{"align", "a"}, {"instruct", "i1"}, {"bench", "b1"}, {"before", "z"}}}});
  const auto found = report::results(*store, sweep);
  REQUIRE(found);
  CHECK(labels(found->scores) == std::vector<std::string>{"one-1", "one-1 blind", "before", "majority", "chance"});
  CHECK(found->scores.rows[0] == std::vector<Json>{"one-1", 0.7, 0.5, 0.6});
  CHECK(found->neighbours.empty());
}

TEST_CASE("a trial whose bench is not done has no row, and a sweep without scores no results") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  CHECK_THROWS_WITH(report::find_sweep(*store, ""), "no sweep has been run yet");
  const auto row = [](const std::string& n) {
    return store::TrialRow{.name = "x-" + n, .parameters = {{"seed", n}}, .resolved = canonical(resolved_recipe(n[0])),
                           .stages = {{"align", "a"}, {"instruct", "i" + n}, {"bench", "b" + n}, {"before", "z"}}};
  };
  const auto sweep = store->add_sweep("x", "x.toml", "bench.scenes-pope.f1", "maximize", {row("1"), row("2")});
  CHECK_FALSE(report::results(*store, sweep));
  finish_stage(*store, "z", "before", "evaluate", {score_event("scenes-pope", "f1", "seen", 0.1)});
  finish_stage(*store, "b1", "bench", "evaluate", bench_events({0, 3}, 0.8, 0.4));
  const auto found = report::results(*store, sweep);
  REQUIRE(found);
  CHECK(labels(found->scores) == std::vector<std::string>{"x-1", "x-1 blind", "before", "majority", "chance"});
  CHECK(found->ranking == std::vector<std::string>{"x-1"});
}

TEST_CASE("sweeps are found by name, the newest first") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto add = [&](const std::string& name, const std::string& resolved) {
    return store->add_sweep(name, "r.toml", "", "maximize", {{.name = name + "-1", .parameters = Json::object(), .resolved = resolved, .stages = {}}});
  };
  add("quickstart", "{}");
  const auto newer = add("quickstart", "{\"seed\":2}");
  const auto other = add("study", "{}");
  CHECK(report::find_sweep(*store, "quickstart") == newer);
  CHECK(report::find_sweep(*store, "") == other);
  try {
    report::find_sweep(*store, "quikstart");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.render() == "error: no sweep 'quikstart'\nhint: did you mean 'quickstart'?\n");
  }
}
