#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "modules/base/rng.h"

using namespace saucier;

TEST_CASE("Philox4x32-10 gives Random123's known answers") {
  using Block = std::array<std::uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a sequence is a function of seed, stream and index") {
  const auto draw = [](std::uint64_t seed, std::string_view stream, std::uint64_t index) {
    Rng rng(seed, stream, index);
    std::vector<std::uint32_t> out(9);
    for (std::uint32_t& x : out) x = rng.next32();
    return out;
  };
  CHECK(draw(1, "a", 2) == draw(1, "a", 2));
  CHECK(std::set{draw(1, "a", 2), draw(2, "a", 2), draw(1, "b", 2), draw(1, "a", 3), draw(1, "a", 1ull << 32)}.size() ==
        5);
}

TEST_CASE("uniform numbers and integers stay inside and fill it") {
  Rng rng(3, "test");
  double sum = 0;
  for (int i = 0; i < 20000; ++i) {
    const double x = rng.uniform();
    REQUIRE((x >= 0 && x < 1));
    sum += x;
  }
  CHECK(sum / 20000 == Approx(0.5).margin(0.01));  // five standard errors
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[static_cast<size_t>(rng.integer(-3, 3) + 3)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 500);
  for (int i = 0; i < 1000; ++i) REQUIRE(rng.uniform(1.0, std::nextafter(1.0, 2.0)) == 1.0);
  CHECK(rng.integer(5, 5) == 5);
  rng.integer(INT64_MIN, INT64_MAX);
}

TEST_CASE("weights") {
  Rng rng(4, "test");
  std::vector<int> counts(4);
  for (int i = 0; i < 40000; ++i) ++counts[rng.weighted(std::vector<double>{1, 0, 2, 1})];
  CHECK(counts[1] == 0);
  CHECK(std::abs(counts[0] - 10000) < 500);
  CHECK(std::abs(counts[2] - 20000) < 500);
}

TEST_CASE("normal quantiles agree with 50-digit arithmetic") {
  // mpmath: sqrt(2) * erfinv(2 p - 1).
  CHECK(normal_quantile(0.5) == 0);
  CHECK(normal_quantile(0.975) == Approx(1.9599639845400542355).epsilon(1e-15));
  CHECK(normal_quantile(0.07) == Approx(-1.4757910281791707352).epsilon(2e-15));
  CHECK(normal_quantile(1e-3) == Approx(-3.0902323061678135415).epsilon(2e-15));
  CHECK(normal_quantile(1e-10) == Approx(-6.3613409024040562047).epsilon(2e-15));
  CHECK(normal_quantile(1e-16) == Approx(-8.2220822161304356127).epsilon(2e-15));
  // Against libm, the other way round: the tail probability of what comes out is what went in.
  for (double p = 1e-15; p < 0.5; p *= 1.7)
    CHECK(0.5 * std::erfc(-normal_quantile(p) / std::sqrt(2.0)) == Approx(p).epsilon(1e-13));
}

TEST_CASE("draws are pinned: results of old seeds must not change, here or on another machine") {
  Rng rng(5, "test");
  for (const double x : {0x1.ac5394bbb293ep-2, -0x1.29e1cf4801525p-2, -0x1.bc94746b629d6p-2, -0x1.4914ec1d89846p-1})
    CHECK(rng.normal() == x);
  Rng other(5, "test", 7);
  CHECK(other.integer(0, 999999) == 51798);
  CHECK(other.next32() == 0x96f8446f);
  std::vector<std::uint64_t> order;
  for (std::uint64_t i = 0; i < 6; ++i) order.push_back(permuted_index(i, 6, 1, 0));
  CHECK(order == std::vector<std::uint64_t>{5, 2, 3, 4, 1, 0});
}

TEST_CASE("normal draws have the moments of a normal distribution") {
  Rng rng(5, "test");
  double sum = 0, squares = 0, fourth = 0;
  constexpr int n = 50000;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  CHECK(sum / n == Approx(0).margin(0.025));
  CHECK(squares / n == Approx(1).margin(0.04));
  CHECK(fourth / n == Approx(3).margin(0.3));
}

TEST_CASE("permuted_index is a permutation, another one each epoch and seed") {
  for (const std::uint64_t size : {1, 2, 3, 5, 16, 17, 1000}) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t x = permuted_index(i, size, 9, 2);
      REQUIRE(x < size);
      seen.insert(x);
    }
    REQUIRE(seen.size() == size);
  }
  const auto order = [](std::uint64_t seed, std::uint64_t epoch) {
    std::vector<std::uint64_t> out(100);
    for (size_t i = 0; i < out.size(); ++i) out[i] = permuted_index(i, out.size(), seed, epoch);
    return out;
  };
  CHECK(std::set{order(1, 0), order(1, 1), order(2, 0)}.size() == 3);
  CHECK(permuted_index(12345678901234, 98765432109876, 1, 0) < 98765432109876);
}

TEST_CASE("each position of a permutation goes everywhere over the epochs") {
  std::vector<int> counts(10);
  for (std::uint64_t epoch = 0; epoch < 10000; ++epoch) ++counts[permuted_index(3, 10, 1, epoch)];
  for (const int count : counts) CHECK(std::abs(count - 1000) < 160);  // five standard errors
}
