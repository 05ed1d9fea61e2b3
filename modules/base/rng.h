// Random numbers that are a function of (seed, stream, index), the same on every machine and in every order of use.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace saucier {

// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), counter-based.
class Rng {
 public:
  // Different (seed, stream, index) give independent sequences; `stream` names the purpose ("scene.layout").
  Rng(std::uint64_t seed, std::string_view stream, std::uint64_t index = 0);

  std::uint32_t next32();
  std::uint64_t next64();
  double uniform();                                  // [0, 1), 53 bits
  double uniform(double low, double high);           // [low, high)
  std::int64_t integer(std::int64_t low, std::int64_t high);  // both ends included, unbiased
  double normal();                                   // normal_quantile of a uniform draw: no libm, so equal everywhere
  bool chance(double probability);
  // Index drawn with the given non-negative weights (their sum > 0).
  size_t weighted(std::span<const double> weights);
  template <class T>
  const T& pick(const std::vector<T>& items) { return items[static_cast<size_t>(integer(0, static_cast<std::int64_t>(items.size()) - 1))]; }
  template <class T>
  void shuffle(std::vector<T>& items) {  // Fisher-Yates
    for (size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[static_cast<size_t>(integer(0, static_cast<std::int64_t>(i) - 1))]);
  }

 private:
  void refill();
  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

// Ten rounds of Philox on one counter: what Rng is made of, open for the published test vectors.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// The x with P(standard normal < x) = p for 0 < p < 1, to about 1e-15 relative; only + - * / and sqrt, which IEEE 754
// rounds alike everywhere (Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", 1988).
double normal_quantile(double p);

// Position `index` of a random permutation of 0..size-1 that needs no memory (a keyed bijection, cycle-walked), so that
// an epoch's order can be entered anywhere. `epoch` gives another order.
std::uint64_t permuted_index(std::uint64_t index, std::uint64_t size, std::uint64_t seed, std::uint64_t epoch);

}  // namespace saucier
