#include "runner/search/space.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "modules/base/error.h"

namespace saucier::search {
namespace {

bool is_list(const Parameter& p) { return p.kind == Kind::kOrdered || p.kind == Kind::kCategory; }

// The ends between which values are even: half a step beyond the outermost ones, so that these get a whole share, too.
double edge(const Parameter& p, double end, double half_steps) {
  const double out = end + half_steps * step_of(p) / 2;
  return p.log ? std::log(out) : out;
}

void check(const Parameter& p) {
  if (is_list(p)) {
    if (p.choices == 0) throw Error(fmt::format("parameter '{}' has no values", p.name));
    return;
  }
  if (!std::isfinite(p.low) || !std::isfinite(p.high)) throw Error(fmt::format("parameter '{}' goes from {} to {}: both ends must be finite", p.name, p.low, p.high));
  if (p.low > p.high) throw Error(fmt::format("parameter '{}' goes from {} down to {}", p.name, p.low, p.high), "write the smaller number first");
  if (p.kind == Kind::kInteger && (p.low != std::floor(p.low) || p.high != std::floor(p.high) || p.step != std::floor(p.step)))
    throw Error(fmt::format("parameter '{}' has integers from {} to {} by {}: all three must be whole", p.name, p.low, p.high, p.step));
  if (!(p.step >= 0) || !std::isfinite(p.step)) throw Error(fmt::format("parameter '{}' has a step of {} (allowed: 0 or more)", p.name, p.step));
  if (p.log && p.low <= 0) throw Error(fmt::format("parameter '{}' is logarithmic and begins at {} (allowed: above 0)", p.name, p.low));
  if (p.log && p.step != 0 && !(p.kind == Kind::kInteger && p.step == 1)) throw Error(fmt::format("parameter '{}' is logarithmic and has a step", p.name), "remove one of the two");
}

}  // namespace

Space::Space(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& p = parameters_[i];
    check(p);
    for (size_t j = 0; j < i; ++j)
      if (parameters_[j].name == p.name) throw Error(fmt::format("a second parameter '{}'", p.name));
    for (const Condition& condition : p.when)
      if (condition.on >= i) throw Error(fmt::format("parameter '{}' can only hang on one before it", p.name));
    if (!is_list(p) && step_of(p) > 0) p.high = p.low + std::floor((p.high - p.low) / step_of(p) * (1 + 1e-12)) * step_of(p);
  }
}

bool Space::present(size_t parameter, const Point& point) const {
  const auto& when = parameters_[parameter].when;
  return std::all_of(when.begin(), when.end(), [&](const Condition& c) {
    return point[c.on] && std::find(c.values.begin(), c.values.end(), *point[c.on]) != c.values.end();
  });
}

Point Space::without_absent(Point point) const {
  for (size_t i = 0; i < size(); ++i)
    if (!present(i, point)) point[i].reset();
  return point;
}

bool Space::contains(const Point& point) const {
  if (point.size() != size()) return false;
  for (size_t i = 0; i < size(); ++i) {
    const Parameter& p = parameters_[i];
    if (point[i].has_value() != present(i, point)) return false;
    if (!point[i]) continue;
    const double value = *point[i], step = step_of(p);
    if (!(value >= low_of(p) && value <= high_of(p))) return false;
    if (step > 0 && std::abs((value - low_of(p)) / step - std::round((value - low_of(p)) / step)) > 1e-9) return false;
  }
  return true;
}

Point Space::at(std::span<const double> unit) const {
  SAUCIER_CHECK(unit.size() == size(), "{} coordinates for {} parameters", unit.size(), size());
  Point point(size());
  for (size_t i = 0; i < size(); ++i)
    if (present(i, point)) point[i] = value_at(parameters_[i], unit[i]);
  return point;
}

std::vector<double> Space::unit_of(const Point& point) const {
  std::vector<double> unit(size(), 0.5);
  for (size_t i = 0; i < size(); ++i)
    if (point[i]) unit[i] = unit_at(parameters_[i], *point[i]);
  return unit;
}

double step_of(const Parameter& p) {
  if (is_list(p)) return 1;
  return p.kind == Kind::kInteger && p.step == 0 ? 1 : p.step;
}

double low_of(const Parameter& p) { return is_list(p) ? 0 : p.low; }

double high_of(const Parameter& p) { return is_list(p) ? static_cast<double>(p.choices) - 1 : p.high; }

size_t count_of(const Parameter& p) {
  const double step = step_of(p);
  return step == 0 ? 0 : static_cast<size_t>(std::llround((high_of(p) - low_of(p)) / step)) + 1;
}

double value_at(const Parameter& p, double unit) {
  const double low = edge(p, low_of(p), -1), high = edge(p, high_of(p), 1);
  const double x = low + unit * (high - low);
  return tidy(p, p.log ? std::exp(x) : x);
}

double unit_at(const Parameter& p, double value) {
  const double low = edge(p, low_of(p), -1), high = edge(p, high_of(p), 1);
  if (high <= low) return 0.5;
  const double x = p.log ? std::log(value) : value;
  return std::clamp((x - low) / (high - low), 0.0, 1.0);
}

double tidy(const Parameter& p, double value) {
  const double low = low_of(p), high = high_of(p), step = step_of(p);
  if (step > 0) return std::clamp(low + std::round((value - low) / step) * step, low, high);
  // Six digits of the number, and more where the range is narrow beside it: [1000, 1000.1].
  const double largest = std::max(std::abs(low), std::abs(high));
  const int more = high > low && !p.log ? static_cast<int>(std::floor(std::log10(largest / (high - low)))) : 0;
  const int digits = p.log ? 6 + std::max(0, static_cast<int>(-std::floor(std::log10(std::max(std::log(high / low), 1e-9))))) : 6 + std::max(0, more);
  return std::clamp(std::strtod(fmt::format("{:.{}g}", value, std::min(digits, 17)).c_str(), nullptr), low, high);
}

}  // namespace saucier::search
