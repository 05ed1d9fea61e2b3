#include <catch2/catch.hpp>

#include <cmath>
#include <set>

#include "runner/search/samplers.h"
#include "tests/runner/search/made_space.h"

using namespace saucier;
using namespace saucier::search;

TEST_CASE("a grid has every combination once, the last parameter fastest") {
  const Space space({list("a", 2), only_where(whole("b", 1, 3), 0, {1}), real("c", 0, 1)});
  const std::vector<Point> points = grid_points(space, 3, 100);
  REQUIRE(points.size() == 3 + 3 * 3);
  CHECK(points[0] == Point{0.0, std::nullopt, 0.0});
  CHECK(points[1] == Point{0.0, std::nullopt, 0.5});
  CHECK(points[2] == Point{0.0, std::nullopt, 1.0});
  CHECK(points[3] == Point{1.0, 1.0, 0.0});
  CHECK(points[11] == Point{1.0, 3.0, 1.0});
  CHECK(std::set<Point>(points.begin(), points.end()).size() == points.size());
  CHECK(grid_points(space, 1, 100).size() == 4);
  CHECK(grid_points(Space(), 3, 100).size() == 1);
  CHECK(refusal([&] { grid_points(space, 3, 11); }) == "the grid has more than 11 points\nhint: give the parameters fewer values\n");
  CHECK(refusal([&] { grid_points(Space({whole("n", 0, 1e9)}), 3, 1000); }) == "the grid has more than 1000 points\nhint: give the parameters fewer values\n");
}

TEST_CASE("random points are even over the values of every parameter") {
  const Space space({real("x", 2, 4), real("rate", 1e-4, 1e-2, true), list("kind", 3), whole("n", 4, 12, 4)});
  double x = 0, rate = 0;
  std::array<int, 3> kinds{}, sizes{};
  const int n = 3000;
  for (int i = 0; i < n; ++i) {
    const Point point = random_point(space, 7, static_cast<std::uint64_t>(i));
    REQUIRE(space.contains(point));
    x += *point[0] / n;
    rate += std::log10(*point[1]) / n;
    ++kinds[static_cast<size_t>(*point[2])];
    ++sizes[static_cast<size_t>(*point[3] / 4) - 1];
  }
  CHECK(x == Approx(3).margin(0.05));
  CHECK(rate == Approx(-3).margin(0.05));
  for (const auto& counts : {kinds, sizes})
    for (const int count : counts) CHECK(std::abs(count - n / 3) < 100);
}

TEST_CASE("another parameter changes nothing about what the others draw") {
  const Space few({real("x", 0, 1), list("kind", 3)}), more({whole("n", 1, 9), real("x", 0, 1), list("kind", 3)});
  for (std::uint64_t i = 0; i < 20; ++i) {
    CHECK(random_point(few, 1, i)[0] == random_point(more, 1, i)[1]);
    CHECK(random_point(few, 1, i)[1] == random_point(more, 1, i)[2]);
    CHECK(latin_point(few, 1, i, 20)[1] == latin_point(more, 1, i, 20)[2]);
  }
}

TEST_CASE("suggestions are a function of seed and number, and keep to the space") {
  const Space space = conditional_space();
  std::set<Point> seen;
  for (std::uint64_t i = 64; i-- > 0;) {  // in any order
    for (const Point& point : {random_point(space, 5, i), sobol_point(space, 5, i), latin_point(space, 5, i, 64)}) {
      CHECK(space.contains(point));
      seen.insert(point);
    }
    CHECK(random_point(space, 5, i) == random_point(space, 5, i));
    CHECK(sobol_point(space, 5, i) == sobol_point(space, 5, i));
    CHECK(sobol_point(space, 5, i) != sobol_point(space, 6, i));
    CHECK(latin_point(space, 5, i, 64) != latin_point(space, 6, i, 64));
  }
  CHECK(seen.size() == 3 * 64);
  // Fixed for ever: what a sweep draws must not change between versions.
  const Space three({real("x", 0, 1), real("rate", 1e-4, 1e-2, true), list("kind", 3)});
  CHECK(random_point(three, 42, 3) == Point{0.291878, 0.000305651, 1.0});
  CHECK(sobol_point(three, 42, 3) == Point{0.86599, 0.000129935, 1.0});
  CHECK(latin_point(three, 42, 3, 10) == Point{0.366513, 0.000218195, 0.0});
}

TEST_CASE("the Sobol sequence is scipy's") {
  const Json expected = fixture("sobol.json");
  for (std::uint64_t i = 0; i < expected["first"].size(); ++i)
    for (size_t d = 0; d < kSobolDimensions; ++d) REQUIRE(sobol_bits(d, i) == expected["first"][i][d].get<std::uint32_t>());
  for (std::uint64_t i = 0; i < expected["later"].size(); ++i)
    for (size_t d = 0; d < kSobolDimensions; ++d) REQUIRE(sobol_bits(d, 1'000'000 + i) == expected["later"][i][d].get<std::uint32_t>());
}

TEST_CASE("scrambled Sobol points keep the balance of the sequence") {
  for (const std::uint64_t seed : {0u, 1u, 99u}) {
    // Each of the 2^k slices of every dimension has one of 2^k points, from any multiple of 2^k on.
    for (size_t d = 0; d < kSobolDimensions; ++d)
      for (const std::uint64_t from : {0u, 64u, 1024u}) {
        std::set<int> slices;
        for (std::uint64_t i = 0; i < 64; ++i) slices.insert(static_cast<int>(64 * scrambled_sobol(d, from + i, seed, "s" + std::to_string(d))));
        CHECK(slices.size() == 64);
      }
    // The first two dimensions are a (0, 2)-sequence: every elementary box of area 1 / 64 has one of 64 points.
    for (const int wide : {1, 2, 4, 8, 16, 32, 64}) {
      std::set<std::pair<int, int>> boxes;
      for (std::uint64_t i = 0; i < 64; ++i)
        boxes.insert({static_cast<int>(wide * scrambled_sobol(0, i, seed, "a")), static_cast<int>(64 / wide * scrambled_sobol(1, i, seed, "b"))});
      CHECK(boxes.size() == 64);
    }
  }
  CHECK(scrambled_sobol(0, 0, 1, "a") != scrambled_sobol(0, 0, 1, "b"));
}

TEST_CASE("a Sobol sequence has an end") {
  std::vector<Parameter> many;
  for (int i = 0; i < 65; ++i) many.push_back(real("x" + std::to_string(i), 0, 1));
  CHECK(refusal([&] { sobol_point(Space(many), 0, 0); }) == "a Sobol sequence has at most 64 parameters (got 65)\nhint: search with method \"random\"\n");
  CHECK(refusal([&] { sobol_point(Space({real("x", 0, 1)}), 0, std::uint64_t{1} << 32); }) ==
        "a Sobol sequence ends after 4294967296 points (asked for number 4294967296)\n");
}

TEST_CASE("a Latin hypercube has one trial in each slice of every parameter") {
  const Space space = conditional_space();
  for (const std::uint64_t n : {1u, 7u, 30u})
    for (size_t d = 0; d < space.size(); ++d) {
      std::set<int> slices;
      for (std::uint64_t i = 0; i < n; ++i) slices.insert(static_cast<int>(static_cast<double>(n) * latin_unit(space, 4, i, n)[d]));
      CHECK(slices.size() == n);
    }
  bool other = false;
  for (std::uint64_t i = 0; i < 30; ++i) other = other || static_cast<int>(30 * latin_unit(space, 4, i, 30)[0]) != static_cast<int>(30 * latin_unit(space, 4, i, 30)[1]);
  CHECK(other);
}
