#include <bit>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "runner/search/samplers.h"
#include "runner/search/sobol_table.h"

namespace saucier::search {
namespace {

// The direction numbers of one dimension as fractions of 2^32, by the recurrence of its primitive polynomial (Bratley
// and Fox, "Algorithm 659", 1988).
using Directions = std::array<std::uint32_t, 32>;

Directions directions_of(size_t dimension) {
  Directions v{};
  if (dimension == 0) {  // van der Corput's sequence
    for (size_t i = 0; i < 32; ++i) v[i] = std::uint32_t{1} << (31 - i);
    return v;
  }
  const SobolRow& row = kSobolRows[dimension];
  const size_t degree = static_cast<size_t>(std::bit_width(row.polynomial)) - 1;
  for (size_t i = 0; i < degree; ++i) v[i] = std::uint32_t{row.initial[i]} << (31 - i);
  for (size_t i = degree; i < 32; ++i) {
    v[i] = v[i - degree] ^ (v[i - degree] >> degree);
    for (size_t k = 1; k < degree; ++k)
      if ((row.polynomial >> (degree - k)) & 1) v[i] ^= v[i - k];
  }
  return v;
}

const std::array<Directions, kSobolDimensions>& directions() {
  static const std::array<Directions, kSobolDimensions> kAll = [] {
    std::array<Directions, kSobolDimensions> all{};
    for (size_t d = 0; d < kSobolDimensions; ++d) all[d] = directions_of(d);
    return all;
  }();
  return kAll;
}

}  // namespace

std::uint32_t sobol_bits(size_t dimension, std::uint64_t number) {
  std::uint32_t bits = 0;
  std::uint64_t gray = number ^ (number >> 1);
  for (size_t i = 0; gray != 0; ++i, gray >>= 1)
    if (gray & 1) bits ^= directions()[dimension][i];
  return bits;
}

double scrambled_sobol(size_t dimension, std::uint64_t number, std::uint64_t seed, std::string_view stream) {
  const std::uint32_t bits = sobol_bits(dimension, number);
  const std::uint64_t key = Rng(seed, stream).next64();
  std::uint32_t out = 0;
  for (std::uint32_t depth = 0; depth < 32; ++depth) {
    // Points that agree above this bit share its flip; those that differ there have flips of their own.
    const std::uint32_t above = depth == 0 ? 0 : bits >> (32 - depth);
    const std::uint32_t flip = philox4x32({above, depth, 0, 0}, {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)})[0] & 1;
    out |= (((bits >> (31 - depth)) & 1) ^ flip) << (31 - depth);
  }
  return (static_cast<double>(out) + 0.5) * 0x1p-32;
}

Point sobol_point(const Space& space, std::uint64_t seed, std::uint64_t number) {
  if (space.size() > kSobolDimensions)
    throw Error(fmt::format("a Sobol sequence has at most {} parameters (got {})", kSobolDimensions, space.size()), "search with method \"random\"");
  if (number >> 32) throw Error(fmt::format("a Sobol sequence ends after 4294967296 points (asked for number {})", number));
  std::vector<double> unit;
  for (size_t i = 0; i < space.size(); ++i) unit.push_back(scrambled_sobol(i, number, seed, "sobol." + space[i].name));
  return space.at(unit);
}

}  // namespace saucier::search
