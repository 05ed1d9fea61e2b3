#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "runner/search/pareto.h"
#include "tests/runner/search/made_space.h"

using namespace saucier;
using namespace saucier::search;

TEST_CASE("ranks and crowding distances are Optuna's NSGA-II's") {
  const Json expected = fixture("pareto.json");
  REQUIRE(expected["cases"].size() == 4);
  for (const Json& one : expected["cases"]) {
    const std::vector<std::vector<double>> values = one["values"];
    const std::vector<Direction> directions(values[0].size(), Direction::kMinimize);
    const std::vector<size_t> ranks = domination_ranks(values, directions);
    CHECK(ranks == one["ranks"].get<std::vector<size_t>>());
    std::vector<std::vector<double>> first;
    for (const size_t i : pareto_front(values, directions)) first.push_back(values[i]);
    const std::vector<double> crowding = crowding_distances(first);
    for (size_t i = 0; i < one["crowding"].size(); ++i) {
      if (one["crowding"][i].is_null()) CHECK(std::isinf(crowding[i]));
      else CHECK(crowding[i] == Approx(one["crowding"][i].get<double>()).epsilon(1e-12));
    }
  }
}

TEST_CASE("a front has directions, ties and numbers only") {
  const std::vector<Direction> directions = {Direction::kMinimize, Direction::kMaximize};
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> values = {{1, 1}, {2, 2}, {2, 1}, {1, 1}, {nan, 9}, {3, infinity}, {nan, 2}, {nan, nan}};
  CHECK(pareto_front(values, directions) == std::vector<size_t>{0, 1, 3, 5});
  CHECK(domination_ranks(values, directions) == std::vector<size_t>{0, 0, 1, 0, 1, 0, 2, 3});
  CHECK(pareto_front({}, directions).empty());
  CHECK(pareto_front(std::vector<std::vector<double>>{{nan, 1}}, directions).empty());
  CHECK(crowding_distances({}).empty());
  CHECK(by_domination(values, directions).size() == values.size());
}

TEST_CASE("among equals the least crowded comes first") {
  const std::vector<Direction> directions = {Direction::kMinimize, Direction::kMinimize};
  const std::vector<std::vector<double>> values = {{0, 10}, {1, 9}, {2, 8}, {6, 4}, {10, 0}, {11, 11}};
  CHECK(by_domination(values, directions) == std::vector<size_t>{0, 4, 3, 2, 1, 5});
}
