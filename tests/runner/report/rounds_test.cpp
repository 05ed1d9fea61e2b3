#include "runner/report/rounds.h"

#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "tests/runner/report/filled_store.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

report::RoundQuestion question(std::int64_t sweep, int round) {
  return {.sweep = sweep, .number = 1, .cycle = "loop", .round = round, .stage = "exam-" + std::to_string(round),
          .stage_before = round == 1 ? "bench" : "exam-1", .benchmark = "scenes-pope", .alpha = 0.05, .max_hours = {},
          .keys = {"w1", "e1", "w1"}};
}

}  // namespace

TEST_CASE("a round leads to another when its answers are better, and says so") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto sweep = fill_rounds(*store);
  const auto first = report::judge_round(*store, question(sweep, 1));
  CHECK(first.goes_on);
  CHECK(first.difference == Approx(0.5));
  CHECK(first.reason.starts_with("gain: scenes-pope +0.500 correct, p = "));
  const auto second = report::judge_round(*store, question(sweep, 2));
  CHECK_FALSE(second.goes_on);
  CHECK(second.reason == "no gain: scenes-pope -0.050 correct, p = 0.15");

  report::RoundQuestion strict = question(sweep, 1);
  strict.alpha = 1e-12;
  CHECK_FALSE(report::judge_round(*store, strict).goes_on);
}

TEST_CASE("a round is the last when its hours are used up; each stage counts once") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto sweep = fill_rounds(*store);
  report::RoundQuestion asked = question(sweep, 1);
  asked.stage_before = "";
  CHECK(report::judge_round(*store, asked).reason == "no round before it to compare with");
  asked.max_hours = 26.0 / 3600;  // 12.5 s each
  CHECK(report::judge_round(*store, asked).goes_on);
  asked.max_hours = 25.0 / 3600;
  const auto verdict = report::judge_round(*store, asked);
  CHECK_FALSE(verdict.goes_on);
  CHECK(verdict.reason == "25 s of 25 s used");
}

TEST_CASE("answers that have nothing in common are no comparison") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto sweep = fill_rounds(*store);
  report::RoundQuestion asked = question(sweep, 1);
  asked.benchmark = "scenes-position";
  CHECK_THROWS_WITH(report::judge_round(*store, asked), "stages 'exam-1' and 'bench' answered no question of 'scenes-position' in common");
}

TEST_CASE("the table of rounds begins with what stood before, and a verdict closes the rounds behind it") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto sweep = fill_rounds(*store);
  CHECK(store->query("SELECT state FROM trial_view WHERE trial = 'c-1'").rows[0][0] == "partial");
  store->add_verdict(report::judge_round(*store, question(sweep, 1)));
  store->add_verdict(report::judge_round(*store, question(sweep, 2)));
  store->add_verdict(report::judge_round(*store, question(sweep, 2)));
  const report::Table table = report::rounds(*store, sweep);
  CHECK(table.columns == std::vector<std::string>{"trial", "cycle", "round", "written", "kept", "exam.scenes-count.accuracy", "exam.scenes-pope.f1", "seconds", "verdict"});
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[0] == std::vector<Json>{"c-1", "loop", 0, nullptr, nullptr, 0.7, 0.5, 12.5, nullptr});
  CHECK(table.rows[1][3] == 50.0);
  CHECK(table.rows[1][4] == 30.0);
  CHECK(table.rows[2][6] == 0.95);
  CHECK(table.rows[2][8] == "no gain: scenes-pope -0.050 correct, p = 0.15");
  CHECK(store->query("SELECT round, gain FROM round_view WHERE benchmark = 'scenes-pope' ORDER BY round").rows[1][1].get<double>() == Approx(0.5));
  CHECK(store->query("SELECT state FROM stage_cost WHERE stage = 'exam-3'").rows[0][0] == "closed");
  CHECK(store->query("SELECT state, stages, stages_done FROM trial_view WHERE trial = 'c-1'").rows[0] == std::vector<Json>{"done", 5, 5});
  CHECK(store->query("SELECT value FROM leaderboard WHERE trial = 'c-1'").rows[0][0] == 0.95);  // of the last round

  // Another sweep runs what this one did not come to: nothing changes here.
  finish_stage(*store, "e3", "exam-3", "evaluate", bench_events({0, 0}, 0.99, 0.7));
  CHECK(report::rounds(*store, sweep).rows.size() == 3);
  CHECK(store->query("SELECT state FROM stage_cost WHERE stage = 'exam-3'").rows[0][0] == "closed");
  CHECK(store->query("SELECT value FROM leaderboard WHERE trial = 'c-1'").rows[0][0] == 0.95);
}
