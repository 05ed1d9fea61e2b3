#include <catch2/catch.hpp>

#include <cmath>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "tests/runner/search/made_space.h"

using namespace saucier;
using namespace saucier::search;

namespace {

std::string refusal(std::vector<Parameter> parameters) {
  try {
    Space space(std::move(parameters));
  } catch (const Error& error) {
    return error.render("");
  }
  return "none";
}

}  // namespace

TEST_CASE("each value of a list has an equal share of the unit interval") {
  const Parameter p = list("kind", 4);
  for (const auto& [unit, value] : {std::pair{0.0, 0.0}, {0.2499, 0.0}, {0.2501, 1.0}, {0.5001, 2.0}, {0.7499, 2.0}, {0.7501, 3.0}, {1.0, 3.0}}) CHECK(value_at(p, unit) == value);
  CHECK(unit_at(p, 0) == 0.125);
  CHECK(unit_at(p, 3) == 0.875);
  CHECK(count_of(p) == 4);
}

TEST_CASE("integers and steps keep to their grid, a high end between two steps is lowered") {
  const Space space({whole("width", 16, 100, 16), whole("layers", 1, 3), real("dropout", 0, 0.5)});
  CHECK(space[0].high == 96);
  CHECK(count_of(space[0]) == 6);
  CHECK(value_at(space[0], 0.999) == 96);
  CHECK(value_at(space[0], 0) == 16);
  CHECK(value_at(space[1], 0.34) == 2);
  CHECK(count_of(space[2]) == 0);
  Parameter tenths = real("tenths", 0, 1);
  tenths.step = 0.1;
  CHECK(Space({tenths})[0].high == 1.0);
  CHECK(count_of(tenths) == 11);
}

TEST_CASE("a logarithmic range is even in its logarithm") {
  const Parameter p = real("rate", 1e-4, 1e-2, true);
  CHECK(value_at(p, 0.5) == 1e-3);
  CHECK(value_at(p, 0) == 1e-4);
  CHECK(value_at(p, 1) == 1e-2);
  CHECK(value_at(p, 0.3) == 0.000398107);  // six digits
  CHECK(unit_at(p, 1e-3) == Approx(0.5).margin(1e-15));
  Parameter rank = whole("rank", 1, 512);
  rank.log = true;
  CHECK(value_at(rank, 0.0) == 1);
  CHECK(value_at(rank, 0.05) == 1);  // from 0.5 to 1.5
  CHECK(value_at(rank, 1.0) == 512);
}

TEST_CASE("six digits, and more where the range is narrow") {
  CHECK(tidy(real("x", 0, 1), 0.123456789) == 0.123457);
  CHECK(tidy(real("x", 1000, 1000.1), 1000.0123456789) == 1000.012346);
  CHECK(tidy(real("x", 0.1234564, 0.2), 0.12345642) == 0.1234564);  // never outside
  CHECK(tidy(real("x", 1, 1.001, true), 1.000123456789) == 1.000123457);
  CHECK(tidy(real("x", 5, 5), 5) == 5);
}

TEST_CASE("points go to the unit cube and back") {
  const Space space = conditional_space();
  Rng rng(3, "test");
  for (int i = 0; i < 500; ++i) {
    std::vector<double> unit;
    for (size_t d = 0; d < space.size(); ++d) unit.push_back(rng.uniform());
    const Point point = space.at(unit);
    REQUIRE(space.contains(point));
    const std::vector<double> back = space.unit_of(point);
    for (size_t d = 0; d < space.size(); ++d) {
      if (!point[d]) CHECK(back[d] == 0.5);
      else CHECK(std::abs(back[d] - unit[d]) <= (count_of(space[d]) ? 0.5 / static_cast<double>(count_of(space[d])) + 1e-9 : 1e-5));
    }
    CHECK(space.at(back) == point);
  }
}

TEST_CASE("a parameter is absent where its condition fails, and where what it hangs on is absent") {
  const Space space = conditional_space();
  Point point = space.at(std::vector<double>(6, 0.999));  // optimizer 2, trains 1, rank 4
  CHECK_FALSE(point[2].has_value());
  CHECK(point[4] == 4.0);
  REQUIRE(point[5].has_value());
  CHECK(space.contains(point));
  point[4] = 0;
  CHECK_FALSE(space.contains(point));  // alpha must go
  CHECK_FALSE(space.without_absent(point)[5].has_value());
  point[3] = 0;
  CHECK(space.without_absent(point) == Point{point[0], 2.0, std::nullopt, 0.0, std::nullopt, std::nullopt});
  Point outside = space.without_absent(point);
  outside[0] = 0.2;
  CHECK_FALSE(space.contains(outside));
  outside[0] = std::nan("");
  CHECK_FALSE(space.contains(outside));
  outside[0] = 0.01;
  CHECK(space.contains(outside));
  outside[1] = 0.5;
  CHECK_FALSE(space.contains(outside));
  CHECK_FALSE(space.contains({0.01}));
}

TEST_CASE("what no search can take is said") {
  Parameter log_step = real("x", 1, 2, true);
  log_step.step = 0.5;
  Parameter below = real("x", 0, 1);
  below.step = -1;
  CHECK(refusal({real("x", 2, 1)}) == "parameter 'x' goes from 2 down to 1\nhint: write the smaller number first\n");
  CHECK(refusal({real("x", 0, INFINITY)}) == "parameter 'x' goes from 0 to inf: both ends must be finite\n");
  CHECK(refusal({real("x", 0, 1, true)}) == "parameter 'x' is logarithmic and begins at 0 (allowed: above 0)\n");
  CHECK(refusal({log_step}) == "parameter 'x' is logarithmic and has a step\nhint: remove one of the two\n");
  CHECK(refusal({below}) == "parameter 'x' has a step of -1 (allowed: 0 or more)\n");
  CHECK(refusal({whole("n", 1, 2.5)}) == "parameter 'n' has integers from 1 to 2.5 by 0: all three must be whole\n");
  CHECK(refusal({list("kind", 0)}) == "parameter 'kind' has no values\n");
  CHECK(refusal({real("x", 0, 1), real("x", 0, 1)}) == "a second parameter 'x'\n");
  CHECK(refusal({only_where(real("x", 0, 1), 0, {1})}) == "parameter 'x' can only hang on one before it\n");
}
