#include <cmath>

#include "modules/base/error.h"
#include "runner/search/samplers.h"

namespace saucier::search {
namespace {

std::vector<double> values_of(const Parameter& p, size_t per_real) {
  std::vector<double> values;
  if (const size_t count = count_of(p)) {
    for (size_t i = 0; i < count; ++i) values.push_back(tidy(p, low_of(p) + static_cast<double>(i) * step_of(p)));
    return values;
  }
  if (per_real < 2 || p.low == p.high) return {value_at(p, 0.5)};
  for (size_t i = 0; i < per_real; ++i) values.push_back(value_at(p, static_cast<double>(i) / static_cast<double>(per_real - 1)));
  return values;
}

}  // namespace

std::vector<Point> grid_points(const Space& space, size_t per_real, size_t most) {
  std::vector<Point> points;
  std::vector<std::vector<double>> values(space.size());
  for (size_t i = 0; i < space.size(); ++i) {
    if (count_of(space[i]) > most) throw Error(fmt::format("the grid has more than {} points", most), "give the parameters fewer values");
    values[i] = values_of(space[i], per_real);
  }
  Point point(space.size());
  const auto walk = [&](const auto& self, size_t parameter) -> void {
    if (parameter == space.size()) {
      if (points.size() == most) throw Error(fmt::format("the grid has more than {} points", most), "give the parameters fewer values");
      points.push_back(point);
      return;
    }
    if (!space.present(parameter, point)) {
      point[parameter].reset();
      return self(self, parameter + 1);
    }
    for (const double value : values[parameter]) {
      point[parameter] = value;
      self(self, parameter + 1);
    }
    point[parameter].reset();
  };
  walk(walk, 0);
  return points;
}

}  // namespace saucier::search
