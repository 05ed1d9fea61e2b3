#include <algorithm>
#include <cmath>
#include <limits>

#include "modules/base/error.h"
#include "runner/search/pruners.h"

namespace saucier::search {
namespace {

// Linear between order statistics, as numpy's default.
double percentile(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  const double place = at / 100 * (static_cast<double>(values.size()) - 1);
  const auto below = static_cast<size_t>(place);
  const double share = place - static_cast<double>(below);
  return share == 0 ? values[below] : values[below] + share * (values[below + 1] - values[below]);
}

// A trial is looked at once an interval: at its first report there.
bool first_in_interval(const MedianRule& rule, std::span<const CurvePoint> own) {
  const std::int64_t step = own.back().step;
  const std::int64_t start = (step - rule.warmup) / rule.interval * rule.interval + rule.warmup;
  return std::none_of(own.begin(), own.end() - 1, [&](const CurvePoint& point) { return point.step >= start && point.step != step; });
}

}  // namespace

MedianDecision median_rule(const MedianRule& rule, std::span<const CompleteCurve> complete, std::span<const CurvePoint> own) {
  if (rule.interval < 1) throw Error(fmt::format("the median rule looks every {} steps (allowed: 1 or more)", rule.interval));
  if (!(rule.percentile >= 0 && rule.percentile <= 100)) throw Error(fmt::format("the median rule has percentile {} (allowed: 0 to 100)", rule.percentile));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  MedianDecision out{.stop = false, .reason = {}, .best = nan, .bound = nan, .table = {}};
  if (own.empty()) return out;
  const std::int64_t step = own.back().step;
  if (complete.size() < std::max<size_t>(rule.startup, 1)) {
    out.reason = fmt::format("{} of {} complete trials: too few to judge", complete.size(), std::max<size_t>(rule.startup, 1));
    return out;
  }
  if (step < rule.warmup || !first_in_interval(rule, own)) return out;
  const bool smaller = rule.direction == Direction::kMinimize;
  for (const CurvePoint& point : own)
    if (!std::isnan(point.value) && (std::isnan(out.best) || (smaller ? point.value < out.best : point.value > out.best))) out.best = point.value;
  std::vector<double> values;
  for (const CompleteCurve& curve : complete)
    for (const CurvePoint& point : curve.points)
      if (point.step == step) {
        out.table.push_back({curve.trial, point.value});
        if (!std::isnan(point.value)) values.push_back(point.value);
      }
  if (std::isnan(out.best)) {
    out.stop = true;
    out.reason = fmt::format("not a number up to step {}", step);
    return out;
  }
  if (values.empty()) {
    out.reason = fmt::format("no complete trial has a value at step {}", step);
    return out;
  }
  out.bound = percentile(values, smaller ? rule.percentile : 100 - rule.percentile);
  out.stop = smaller ? out.best > out.bound : out.best < out.bound;
  out.reason = fmt::format("its best {:.6g} is {} than {:.6g}, {} of {} trials at step {}", out.best, out.stop ? "worse" : "no worse", out.bound,
                           rule.percentile == 50 ? std::string("the median") : fmt::format("the {:g}th percentile", rule.percentile), values.size(), step);
  return out;
}

}  // namespace saucier::search
