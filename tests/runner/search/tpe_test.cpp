#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "runner/search/parzen.h"
#include "tests/runner/search/made_space.h"

using namespace saucier;
using namespace saucier::search;

namespace {

std::vector<std::int64_t> numbers(const std::vector<const Trial*>& trials) {
  std::vector<std::int64_t> out;
  for (const Trial* trial : trials) out.push_back(trial->number);
  return out;
}

std::vector<const Point*> points(const std::vector<const Trial*>& trials) {
  std::vector<const Point*> out;
  for (const Trial* trial : trials) out.push_back(&trial->point);
  return out;
}

std::vector<size_t> all_of(const Space& space) {
  std::vector<size_t> out;
  for (size_t i = 0; i < space.size(); ++i) out.push_back(i);
  return out;
}

// `n` complete trials of a space, with a value that likes small coordinates.
History grown(const Space& space, std::uint64_t n, std::uint64_t seed) {
  History history;
  for (std::uint64_t i = 0; i < n; ++i) {
    Trial trial{.number = static_cast<std::int64_t>(i), .point = tpe_point(space, seed, i, history), .outcome = Outcome::kComplete, .values = {0}, .step = 0};
    for (const double u : space.unit_of(trial.point)) trial.values[0] += u;
    history.trials.push_back(std::move(trial));
  }
  return history;
}

}  // namespace

TEST_CASE("densities, split and choice are Optuna's") {
  const Json expected = fixture("tpe.json");
  CHECK(expected["optuna"] == "5.0.0");
  REQUIRE(expected["cases"].size() >= 30);
  for (const Json& one : expected["cases"]) {
    INFO(one["name"] << " with " << one["trials"].size() << " trials");
    const Space space = space_of(one["space"]);
    const History history = history_of(one);
    const Split sides = split(history, true);
    CHECK(numbers(sides.below) == one["below"].get<std::vector<std::int64_t>>());
    CHECK(numbers(sides.above) == one["above"].get<std::vector<std::int64_t>>());
    const Parzen l(space, all_of(space), points(sides.below)), g(space, all_of(space), points(sides.above));
    size_t best = 0;
    double gain = -INFINITY;
    for (size_t c = 0; c < one["candidates"].size(); ++c) {
      const Point candidate = point_of(one["candidates"][c]);
      const double log_l = l.log_density(candidate), log_g = g.log_density(candidate);
      CHECK(std::abs(log_l - one["log_l"][c].get<double>()) < 1e-9);
      CHECK(std::abs(log_g - one["log_g"][c].get<double>()) < 1e-9);
      if (log_l - log_g > gain) {
        gain = log_l - log_g;
        best = c;
      }
    }
    // Among discrete candidates equal ones are common: the value chosen counts, not the place in the list.
    CHECK(one["candidates"][best] == one["candidates"][one["best"].get<size_t>()]);
  }
}

TEST_CASE("running trials are bad ones to a constant liar and unknown without, failed ones are never there") {
  History history;
  for (std::int64_t i = 0; i < 4; ++i) history.trials.push_back({.number = i, .point = {}, .outcome = Outcome::kComplete, .values = {static_cast<double>(-i)}, .step = 0});
  history.trials[1].outcome = Outcome::kRunning;
  history.trials[2].outcome = Outcome::kFailed;
  CHECK(numbers(split(history, true).above) == std::vector<std::int64_t>{0, 1});
  CHECK(numbers(split(history, false).above) == std::vector<std::int64_t>{0});
  CHECK(numbers(split(history, true).below) == std::vector<std::int64_t>{3});
  std::reverse(history.trials.begin(), history.trials.end());
  CHECK(numbers(split(history, true).above) == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("a NaN is never among the good trials while there is another") {
  History history;
  history.directions = {Direction::kMaximize};
  history.trials = {{0, {}, Outcome::kComplete, {std::nan("")}, 0}, {1, {}, Outcome::kPruned, {std::nan("")}, 9}, {2, {}, Outcome::kPruned, {}, 0}};
  CHECK(numbers(split(history, true).below) == std::vector<std::int64_t>{1});  // behind it only those that had no number at all
  history.trials.push_back({3, {}, Outcome::kPruned, {0.1}, 9});
  CHECK(numbers(split(history, true).below) == std::vector<std::int64_t>{3});
  history.trials.push_back({4, {}, Outcome::kComplete, {-5}, 0});
  CHECK(numbers(split(history, true).below) == std::vector<std::int64_t>{4});
}

TEST_CASE("draws follow the density they are drawn from") {
  // Observations at an end, in the middle, and two alike; the share of draws in each tenth is the density's.
  const Space space({real("x", 0, 10), real("rate", 1e-3, 1, true), list("kind", 3)});
  const std::vector<Point> observed = {{0.0, 1e-3, 0.0}, {4.0, 0.1, 2.0}, {4.0, 0.1, 2.0}, {9.0, 1.0, 1.0}};
  std::vector<const Point*> given;
  for (const Point& point : observed) given.push_back(&point);
  for (const size_t parameter : {0u, 1u}) {
    const Parzen density(space, {parameter}, given);
    Rng rng(1, "test");
    std::vector<double> share(10, 0);
    const int n = 20'000;
    for (int i = 0; i < n; ++i) {
      const Point point = density.draw(rng);
      CHECK_FALSE(point[2].has_value());
      share[std::min<size_t>(9, static_cast<size_t>(10 * unit_at(space[parameter], *point[parameter])))] += 1.0 / n;
    }
    double sum = 0;
    for (size_t tenth = 0; tenth < 10; ++tenth) {
      double mass = 0;
      for (int i = 0; i < 100; ++i) {
        Point point(3);
        const double unit = (static_cast<double>(tenth) + (i + 0.5) / 100) / 10;
        point[parameter] = parameter == 0 ? 10 * unit : std::exp(std::log(1e-3) * (1 - unit));
        mass += std::exp(density.log_density(point)) * (parameter == 0 ? 10 : std::log(1e3)) / 1000;  // Optuna's log density is one of the logarithm
      }
      CHECK(share[tenth] == Approx(mass).margin(0.012));
      sum += mass;
    }
    CHECK(sum == Approx(1).margin(0.001));
  }
  const Parzen kinds(space, {2}, given);
  Rng rng(2, "test");
  std::vector<double> share(3, 0);
  for (int i = 0; i < 20'000; ++i) share[static_cast<size_t>(*kinds.draw(rng)[2])] += 1 / 20'000.0;
  double sum = 0;
  for (size_t c = 0; c < 3; ++c) {
    const double mass = std::exp(kinds.log_density({std::nullopt, std::nullopt, static_cast<double>(c)}));
    CHECK(share[c] == Approx(mass).margin(0.012));
    sum += mass;
  }
  CHECK(sum == Approx(1).margin(1e-12));
}

TEST_CASE("the mass of a normal keeps its digits in both tails") {
  // scipy.special.log_ndtr and its differences
  CHECK(log_normal_mass(-1, 1) == Approx(std::log(0.682689492137086)).epsilon(1e-13));
  CHECK(log_normal_mass(8, 9) == Approx(-35.01361859343716).epsilon(1e-13));
  CHECK(log_normal_mass(-29.9, -29.8) == Approx(-448.38625359036274).epsilon(1e-13));
  CHECK(log_normal_mass(-9, -8) == log_normal_mass(8, 9));
  CHECK(log_normal_mass(-41, -40) == Approx(-804.6084420137539).epsilon(1e-13));
  CHECK(log_normal_mass(-50, 50) == 0);
}

TEST_CASE("parameters that were always present together are drawn together") {
  const Space space = conditional_space();
  History history;
  using Groups = std::vector<std::vector<size_t>>;
  CHECK(groups(space, history, true) == Groups{{0}, {1}, {2}, {3}, {4}, {5}});  // nothing is known
  history.trials.push_back({0, {0.1, 0.0, 0.5, 0.0, std::nullopt, std::nullopt}, Outcome::kComplete, {1}, 0});
  CHECK(groups(space, history, true) == Groups{{0, 1, 2, 3}, {4}, {5}});
  history.trials.push_back({1, {0.1, 1.0, std::nullopt, 1.0, 3.0, 2.0}, Outcome::kPruned, {1}, 5});
  history.trials.push_back({2, {0.1, 1.0, std::nullopt, 1.0, 0.0, std::nullopt}, Outcome::kRunning, {}, 0});
  CHECK(groups(space, history, true) == Groups{{0, 1, 3}, {2}, {4, 5}});
  CHECK(groups(space, history, false) == Groups{{0}, {1}, {2}, {3}, {4}, {5}});
  CHECK(groups(Space({real("x", 1, 1), real("y", 0, 1)}), history, false) == Groups{{1}});
}

TEST_CASE("a suggestion is a function of seed, number and history, in whichever order that is given") {
  const Space space = conditional_space();
  const History history = grown(space, 40, 3);
  History shuffled = history;
  Rng rng(1, "test");
  rng.shuffle(shuffled.trials);
  for (std::uint64_t number = 40; number < 60; ++number) {
    const Point point = tpe_point(space, 3, number, history);
    CHECK(space.contains(point));
    CHECK(tpe_point(space, 3, number, shuffled) == point);
    CHECK(tpe_point(space, 4, number, history) != point);
    History with_own = history;  // the trial itself may be in the history already
    with_own.trials.push_back({static_cast<std::int64_t>(number), point, Outcome::kRunning, {}, 0});
    CHECK(tpe_point(space, 3, number, with_own) == point);
  }
}

TEST_CASE("the first ten trials are random ones") {
  const Space space = conditional_space();
  const History nine = grown(space, 9, 3);
  CHECK(tpe_point(space, 3, 9, nine) == random_point(space, 3, 9));
  History running = nine;  // those that run do not count
  for (std::int64_t i = 9; i < 30; ++i) running.trials.push_back({i, random_point(space, 3, static_cast<std::uint64_t>(i)), Outcome::kRunning, {}, 0});
  CHECK(tpe_point(space, 3, 30, running) == random_point(space, 3, 30));
  CHECK(tpe_point(space, 3, 10, grown(space, 10, 3)) != random_point(space, 3, 10));
}

TEST_CASE("axes are never asked for where they are absent, and points of another space are passed over") {
  const Space space = conditional_space();
  History history = grown(space, 60, 8);
  int absent = 0;
  for (const Trial& trial : history.trials) {
    REQUIRE(space.contains(trial.point));
    absent += !trial.point[2].has_value();
  }
  CHECK(absent > 5);
  const Point alone = tpe_point(space, 8, 60, history);
  History mixed = history;
  mixed.trials.push_back({-1, {1.0}, Outcome::kComplete, {-100}, 0});
  mixed.trials.push_back({-2, {5.0, 0.0, 0.5, 0.0, std::nullopt, std::nullopt}, Outcome::kComplete, {-100}, 0});
  CHECK(tpe_point(space, 8, 60, mixed) == alone);
}

TEST_CASE("workers that ask at once get different points, and no point twice while others are left") {
  const Space space({list("a", 3), list("b", 4)});
  History history;
  for (std::uint64_t i = 0; i < 12; ++i) {
    const Point point = tpe_point(space, 1, i, history);
    for (const Trial& trial : history.trials) CHECK(trial.point != point);
    history.trials.push_back({static_cast<std::int64_t>(i), point, i % 3 == 0 ? Outcome::kRunning : Outcome::kComplete, {*point[0] + *point[1]}, 0});
  }
  CHECK(space.contains(tpe_point(space, 1, 12, history)));  // all are tried: it repeats one
}

TEST_CASE("several objectives: good is what little dominates") {
  const Space space({real("x", 0, 1)});
  History history;
  history.directions = {Direction::kMinimize, Direction::kMaximize};
  for (std::int64_t i = 0; i < 40; ++i) {
    const double x = static_cast<double>(i) / 39;
    history.trials.push_back({i, {x}, Outcome::kComplete, {std::abs(x - 0.8), -std::abs(x - 0.8)}, 0});
  }
  const Split sides = split(history, true);
  CHECK(sides.below.size() == 4);
  for (const Trial* trial : sides.below) CHECK(std::abs(*trial->point[0] - 0.8) < 0.06);
  double mean = 0;
  for (std::uint64_t i = 0; i < 20; ++i) mean += *tpe_point(space, 1, 40 + i, history)[0] / 20;
  CHECK(mean == Approx(0.8).margin(0.1));
}
