#include <cmath>

#include "modules/base/rng.h"
#include "runner/search/samplers.h"

namespace saucier::search {

Point random_point(const Space& space, std::uint64_t seed, std::uint64_t number) {
  Point point(space.size());
  for (size_t i = 0; i < space.size(); ++i) {
    if (!space.present(i, point)) continue;
    const Parameter& p = space[i];
    Rng rng(seed, "sweep." + p.name, number);  // a stream of its own: another parameter changes nothing here
    if (step_of(p) > 0 && !p.log)
      point[i] = tidy(p, low_of(p) + static_cast<double>(rng.integer(0, static_cast<std::int64_t>(count_of(p)) - 1)) * step_of(p));
    else if (step_of(p) > 0)
      point[i] = value_at(p, rng.uniform());
    else
      point[i] = tidy(p, p.log ? std::exp(rng.uniform(std::log(p.low), std::log(p.high))) : rng.uniform(p.low, p.high));
  }
  return point;
}

}  // namespace saucier::search
