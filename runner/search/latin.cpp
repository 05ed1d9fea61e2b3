#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "runner/search/samplers.h"

namespace saucier::search {

std::vector<double> latin_unit(const Space& space, std::uint64_t seed, std::uint64_t number, std::uint64_t trials) {
  SAUCIER_CHECK(number < trials, "trial {} of {}", number, trials);
  std::vector<double> unit;
  for (const Parameter& p : space.parameters()) {
    const std::uint64_t order = Rng(seed, "latin.order." + p.name).next64();
    const double slice = static_cast<double>(permuted_index(number, trials, seed, order));
    unit.push_back((slice + Rng(seed, "latin." + p.name, number).uniform()) / static_cast<double>(trials));
  }
  return unit;
}

Point latin_point(const Space& space, std::uint64_t seed, std::uint64_t number, std::uint64_t trials) {
  return space.at(latin_unit(space, seed, number, trials));
}

}  // namespace saucier::search
