#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "modules/base/rng.h"
#include "runner/search/pruners.h"
#include "tests/runner/search/made_space.h"

using namespace saucier;
using namespace saucier::search;

namespace {

double value_of(const Json& value) { return value.is_null() ? std::nan("") : value.get<double>(); }

Direction direction_of(const Json& one) { return one["direction"] == "minimize" ? Direction::kMinimize : Direction::kMaximize; }

}  // namespace

TEST_CASE("successive halving stops what Optuna's pruner stops") {
  const Json expected = fixture("halving.json");
  for (const Json& one : expected["asha"]) {
    const Halving halving{.direction = direction_of(one), .first_step = one["first_step"], .eta = one["eta"], .last_step = 0, .skipped_rungs = one["skipped_rungs"], .bootstrap = 0};
    std::vector<Rung> rungs;
    int stopped = 0;
    for (const Json& report : one["reports"]) {
      INFO(report.dump());
      const Decision decision = asha_stop(halving, rungs, report[0], report[1], value_of(report[2]));
      REQUIRE(decision.stop == report[3].get<bool>());
      rungs = decision.rungs;
      stopped += decision.stop;
    }
    CHECK(stopped > 20);
  }
}

TEST_CASE("the median rule stops what Optuna's pruner stops") {
  const Json expected = fixture("halving.json");
  for (const Json& one : expected["median"]) {
    const MedianRule rule{.direction = direction_of(one), .startup = one["startup"], .warmup = one["warmup"], .interval = one["interval"], .percentile = one["percentile"]};
    std::map<std::uint64_t, std::vector<CurvePoint>> running;
    std::vector<CompleteCurve> complete;
    int stopped = 0;
    for (const Json& report : one["reports"]) {
      INFO(report.dump());
      std::vector<CurvePoint>& own = running[report[0]];
      own.push_back({report[1], value_of(report[2])});
      const MedianDecision decision = median_rule(rule, complete, own);
      REQUIRE(decision.stop == report[3].get<bool>());
      stopped += decision.stop;
      if (!decision.stop && report[1] == one["steps"] && !report[2].is_null()) complete.push_back({report[0], own});
    }
    CHECK(stopped >= 5);
  }
}

TEST_CASE("a decision says what it was made from, and is made again from that") {
  const Halving halving{.first_step = 2, .last_step = 32, .bootstrap = 0};
  CHECK(rung_steps(halving) == std::vector<std::int64_t>{2, 8});
  std::vector<Rung> rungs;
  for (std::uint64_t trial = 0; trial < 8; ++trial) rungs = asha_stop(halving, rungs, trial, 2, static_cast<double>(trial)).rungs;
  const Decision third = asha_stop(halving, rungs, 8, 3, 1.5);  // reported late: it counts for the rung at 2
  CHECK(third.stop);
  CHECK(third.reason == "place 3 of 9 at step 2: the best 2 go on");
  REQUIRE(third.judged.size() == 1);
  CHECK(third.judged[0].place == 3);
  CHECK(third.rungs[0].entries.back() == RungEntry{8, 1.5});
  std::vector<Rung> before = third.rungs;
  before[0].entries.pop_back();
  CHECK(before == rungs);
  CHECK(asha_stop(halving, before, 8, 3, 1.5).reason == third.reason);

  const Decision first = asha_stop(halving, rungs, 9, 8, -1);  // two rungs at once
  CHECK_FALSE(first.stop);
  CHECK(first.judged.size() == 2);
  CHECK(first.reason == "place 1 of 1 at step 8: the best one goes on");
  const Decision again = asha_stop(halving, first.rungs, 9, 9, 100);  // it has been there
  CHECK_FALSE(again.stop);
  CHECK(again.judged.empty());
  CHECK(again.reason.empty());
  CHECK(again.rungs == first.rungs);
  CHECK(asha_stop(halving, rungs, 9, 1, -1).rungs == rungs);  // no rung reached
}

TEST_CASE("nothing is judged before enough trials are there; the default is eta") {
  const Halving halving{.first_step = 1};
  std::vector<Rung> rungs;
  for (std::uint64_t trial = 0; trial < 3; ++trial) {
    const Decision decision = asha_stop(halving, rungs, trial, 1, static_cast<double>(trial));
    CHECK_FALSE(decision.stop);
    CHECK(decision.judged[0].early);
    CHECK(decision.reason == fmt::format("{} of 4 trials at step 1: too few to judge", trial + 1));
    rungs = decision.rungs;
  }
  CHECK(asha_stop(halving, rungs, 3, 1, 3).stop);
  CHECK_FALSE(asha_stop(halving, rungs, 3, 1, -1).stop);
}

TEST_CASE("a NaN stops its trial, enters no table and never wins") {
  const Halving halving{.direction = Direction::kMaximize, .first_step = 1, .last_step = 16};
  const Decision decision = asha_stop(halving, {}, 7, 4, std::nan(""));
  CHECK(decision.stop);
  CHECK(decision.reason == "not a number at step 4");
  CHECK(decision.rungs.empty());
  const std::vector<RungEntry> entries = {{0, std::nan("")}, {1, 0.5}, {2, std::nan("")}, {3, 0.7}, {4, 0.6}};
  CHECK(survivors(entries, 2, Direction::kMaximize) == std::vector<RungEntry>{{3, 0.7}, {4, 0.6}});
  CHECK(survivors(entries, 2, Direction::kMinimize) == std::vector<RungEntry>{{1, 0.5}, {4, 0.6}});
  CHECK(survivors(std::vector<RungEntry>{{0, std::nan("")}}, 2, Direction::kMinimize).empty());
  CHECK(survivors(std::vector<RungEntry>{{0, 2.0}, {1, 1.0}}, 4, Direction::kMinimize) == std::vector<RungEntry>{{1, 1.0}});
  std::vector<Rung> rungs = {{1, entries}};
  rungs[0].entries.push_back({5, 0.1});
  CHECK(asha_promotion(halving, rungs, {})->trial == 3);
}

TEST_CASE("promotion takes the best paused trial of the highest rung that has one") {
  const Halving halving{.first_step = 1, .eta = 2, .last_step = 6};
  CHECK(rung_steps(halving) == std::vector<std::int64_t>{1, 2, 4});
  std::vector<Rung> rungs = {{1, {{0, 5}}}};
  std::vector<std::vector<std::uint64_t>> promoted(3);
  CHECK_FALSE(asha_promotion(halving, rungs, promoted));  // one of two
  rungs[0].entries.push_back({1, 3});
  const auto first = asha_promotion(halving, rungs, promoted);
  REQUIRE(first);
  CHECK(first->trial == 1);
  CHECK(first->to_step == 2);
  CHECK(first->reason == "place 1 of 2 at step 1: the best one goes on");
  CHECK(first->table == rungs[0].entries);
  promoted[0] = {1};
  CHECK_FALSE(asha_promotion(halving, rungs, promoted));
  rungs[0].entries.insert(rungs[0].entries.end(), {{2, 4}, {3, 9}});
  CHECK(asha_promotion(halving, rungs, promoted)->trial == 2);
  promoted[0].push_back(2);
  rungs.push_back({2, {{1, 3}, {2, 2}}});
  rungs.push_back({4, {{2, 1}, {9, 4}}});
  CHECK(asha_promotion(halving, rungs, promoted)->to_step == 6);  // from the top rung to the end
  promoted[2] = {2};
  CHECK(asha_promotion(halving, rungs, promoted)->trial == 2);
  CHECK(asha_promotion(halving, rungs, promoted)->from == 1);
}

TEST_CASE("rungs end at the last step or where numbers do") {
  CHECK(rung_steps({.first_step = 3, .eta = 3, .last_step = 82}) == std::vector<std::int64_t>{3, 9, 27, 81});
  CHECK(rung_steps({.first_step = 3, .eta = 3, .last_step = 81, .skipped_rungs = 1}) == std::vector<std::int64_t>{9, 27});
  CHECK(rung_steps({.first_step = 1, .eta = 10}).size() == 19);
  CHECK(rung_steps({.first_step = 100, .last_step = 50}).empty());
  CHECK_FALSE(asha_stop({.first_step = 100, .last_step = 50}, {}, 0, 50, 1).stop);
}

TEST_CASE("Hyperband's brackets get the trials that Optuna gives them") {
  const Json expected = fixture("halving.json");
  for (const Json& one : expected["hyperband"]) {
    const Halving halving{.first_step = one["first_step"], .eta = one["eta"], .last_step = one["last_step"]};
    const std::vector<double> shares = one["shares"];
    const std::vector<Halving> brackets = hyperband_brackets(halving);
    REQUIRE(brackets.size() == shares.size());
    for (size_t b = 0; b < brackets.size(); ++b) CHECK(brackets[b].skipped_rungs == static_cast<std::int64_t>(b));
    std::vector<double> dealt(shares.size(), 0);
    for (std::uint64_t trial = 0; trial < 4000; ++trial) ++dealt[hyperband_bracket(halving, 1, trial)];
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (size_t b = 0; b < shares.size(); ++b) CHECK(dealt[b] / 4000 == Approx(shares[b] / sum).margin(0.02));
    CHECK(hyperband_bracket(halving, 1, 7) == hyperband_bracket(halving, 1, 7));
  }
  CHECK(hyperband_brackets({.first_step = 5, .last_step = 4}).size() == 1);
}

TEST_CASE("what no pruner can take is said") {
  CHECK(refusal([] { check({.eta = 1}); }) == "successive halving keeps one trial in 1 (allowed: 2 or more)\n");
  CHECK(refusal([] { check({.first_step = 0}); }) == "the first rung is at step 0 (allowed: 1 or more)\n");
  CHECK(refusal([] { check({.last_step = -1}); }) == "the last step is -1 (allowed: 0 or more)\n");
  CHECK(refusal([] { check({.skipped_rungs = -1}); }) == "-1 rungs are skipped (allowed: 0 or more)\n");
  CHECK(refusal([] { hyperband_brackets({}); }) == "Hyperband needs a last step\n");
  CHECK(refusal([] { median_rule({.interval = 0}, {}, {}); }) == "the median rule looks every 0 steps (allowed: 1 or more)\n");
  CHECK(refusal([] { median_rule({.percentile = 101}, {}, {}); }) == "the median rule has percentile 101 (allowed: 0 to 100)\n");
}

TEST_CASE("the median rule says why") {
  std::vector<CompleteCurve> complete;
  for (std::uint64_t trial = 0; trial < 4; ++trial) complete.push_back({trial, {{1, 1.0 + static_cast<double>(trial)}, {2, 0.5}}});
  const std::vector<CurvePoint> own = {{1, 3.0}};
  CHECK(median_rule({}, complete, own).reason == "4 of 5 complete trials: too few to judge");
  const MedianDecision decision = median_rule({.startup = 4}, complete, own);
  CHECK(decision.stop);
  CHECK(decision.reason == "its best 3 is worse than 2.5, the median of 4 trials at step 1");
  CHECK(decision.table.size() == 4);
  CHECK(median_rule({.startup = 4, .percentile = 25}, complete, std::vector<CurvePoint>{{1, 1.5}}).reason == "its best 1.5 is no worse than 1.75, the 25th percentile of 4 trials at step 1");
  CHECK(median_rule({.startup = 4}, complete, std::vector<CurvePoint>{{1, std::nan("")}}).reason == "not a number up to step 1");
  CHECK(median_rule({.startup = 4}, complete, std::vector<CurvePoint>{{7, 1}}).reason == "no complete trial has a value at step 7");
  CHECK_FALSE(median_rule({}, complete, {}).stop);
}

// Recorded losses of 100 networks (tests/tools/learning_curves.py), run by four workers that take turns, in ten orders.
TEST_CASE("ASHA saves most of the steps and keeps the winner on recorded curves") {
  const Json curves = fixture("curves.json")["curves"];
  const auto steps = static_cast<std::int64_t>(curves[0].size());
  size_t winner = 0;
  const auto last = [&](size_t trial) { return curves[trial].back().is_null() ? INFINITY : curves[trial].back().get<double>(); };
  for (size_t i = 0; i < curves.size(); ++i)
    if (last(i) < last(winner)) winner = i;
  const Halving halving{.first_step = steps / 16, .last_step = steps};  // eta squared: two rungs
  int same = 0;
  double most_used = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<std::uint64_t> waiting(curves.size());
    std::iota(waiting.begin(), waiting.end(), std::uint64_t{0});
    Rng rng(seed, "test.order");
    rng.shuffle(waiting);
    std::vector<std::pair<std::uint64_t, std::int64_t>> running;  // trial, steps
    std::vector<Rung> rungs;
    std::int64_t used = 0;
    std::optional<std::uint64_t> best;
    while (!running.empty() || !waiting.empty()) {
      while (running.size() < 4 && !waiting.empty()) {
        running.emplace_back(waiting.back(), 0);
        waiting.pop_back();
      }
      const auto turn = static_cast<size_t>(rng.integer(0, static_cast<std::int64_t>(running.size()) - 1));
      auto& [trial, step] = running[turn];
      const double value = value_of(curves[trial][static_cast<size_t>(step)]);
      ++step;
      ++used;
      Decision decision = asha_stop(halving, std::move(rungs), trial, step, value);
      rungs = std::move(decision.rungs);
      if (step == steps && !decision.stop && (!best || last(trial) < last(*best))) best = trial;
      if (step == steps || decision.stop) running.erase(running.begin() + static_cast<std::ptrdiff_t>(turn));
    }
    same += best == winner;
    most_used = std::max(most_used, static_cast<double>(used) / static_cast<double>(steps * static_cast<std::int64_t>(curves.size())));
    UNSCOPED_INFO("seed " << seed << ": winner " << winner << ", got " << best.value_or(999) << ", steps " << used);
  }
  CHECK(same >= 9);
  CHECK(most_used <= 0.4);
}
