#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "modules/base/error.h"
#include "runner/search/pareto.h"
#include "runner/search/parzen.h"

namespace saucier::search {
namespace {

bool finished(const Trial& trial) { return trial.outcome == Outcome::kComplete || trial.outcome == Outcome::kPruned; }

bool has_nan(const Trial& trial) {
  return trial.values.empty() || std::any_of(trial.values.begin(), trial.values.end(), [](double v) { return std::isnan(v); });
}

std::vector<const Trial*> by_number(const History& history) {
  std::vector<const Trial*> trials;
  for (const Trial& trial : history.trials)
    if (trial.outcome != Outcome::kFailed) trials.push_back(&trial);
  std::stable_sort(trials.begin(), trials.end(), [](const Trial* a, const Trial* b) { return a->number < b->number; });
  return trials;
}

// The order among pruned trials: the longest first, then by value; those without any value, and complete ones with NaN,
// come last.
std::pair<double, double> pruned_place(const Trial& trial, Direction direction) {
  if (trial.outcome == Outcome::kComplete) return {2, 0};
  if (trial.values.empty()) return {1, 0};
  const double value = trial.values[0];
  if (std::isnan(value)) return {-static_cast<double>(trial.step), std::numeric_limits<double>::infinity()};
  return {-static_cast<double>(trial.step), direction == Direction::kMinimize ? value : -value};
}

std::vector<const Trial*> best_first(const std::vector<const Trial*>& finished_trials, const std::vector<Direction>& directions) {
  std::vector<const Trial*> complete, rest;
  for (const Trial* trial : finished_trials) (trial->outcome == Outcome::kComplete && !has_nan(*trial) ? complete : rest).push_back(trial);
  if (directions.size() == 1) {
    const double sign = directions[0] == Direction::kMinimize ? 1 : -1;
    std::stable_sort(complete.begin(), complete.end(), [&](const Trial* a, const Trial* b) { return sign * a->values[0] < sign * b->values[0]; });
  } else {
    std::vector<std::vector<double>> values;
    for (const Trial* trial : complete) values.push_back(trial->values);
    std::vector<const Trial*> sorted;
    for (const size_t i : by_domination(values, directions)) sorted.push_back(complete[i]);
    complete = std::move(sorted);
  }
  std::stable_sort(rest.begin(), rest.end(), [&](const Trial* a, const Trial* b) { return pruned_place(*a, directions[0]) < pruned_place(*b, directions[0]); });
  complete.insert(complete.end(), rest.begin(), rest.end());
  return complete;
}

std::vector<const Point*> points_with(const std::vector<const Trial*>& trials, const std::vector<size_t>& parameters) {
  std::vector<const Point*> points;
  for (const Trial* trial : trials)
    if (std::all_of(parameters.begin(), parameters.end(), [&](size_t p) { return trial->point[p].has_value(); })) points.push_back(&trial->point);
  return points;
}

}  // namespace

Split split(const History& history, bool constant_liar) {
  Split out;
  std::vector<const Trial*> done;
  for (const Trial* trial : by_number(history)) {
    if (finished(*trial)) done.push_back(trial);
    else if (constant_liar) out.above.push_back(trial);
  }
  const auto tenth = static_cast<size_t>(std::ceil(0.1 * static_cast<double>(done.size())));
  const size_t good = history.directions.size() == 1 ? std::min<size_t>(tenth, 25) : tenth;
  const std::vector<const Trial*> sorted = best_first(done, history.directions);
  for (size_t i = 0; i < sorted.size(); ++i) (i < good ? out.below : out.above).push_back(sorted[i]);
  for (auto* side : {&out.below, &out.above}) std::stable_sort(side->begin(), side->end(), [](const Trial* a, const Trial* b) { return a->number < b->number; });
  return out;
}

std::vector<std::vector<size_t>> groups(const Space& space, const History& history, bool multivariate) {
  std::vector<std::vector<size_t>> out;
  std::map<std::vector<bool>, size_t> group_of;  // by which trials had the parameter
  for (size_t p = 0; p < space.size(); ++p) {
    if (low_of(space[p]) == high_of(space[p])) continue;
    std::vector<bool> had;
    if (multivariate)
      for (const Trial& trial : history.trials)
        if (finished(trial)) had.push_back(trial.point[p].has_value());
    const bool seen = std::find(had.begin(), had.end(), true) != had.end();
    const auto known = group_of.find(had);
    if (seen && known != group_of.end()) {
      out[known->second].push_back(p);
    } else {
      if (seen) group_of[had] = out.size();
      out.push_back({p});
    }
  }
  return out;
}

Point tpe_point(const Space& space, std::uint64_t seed, std::uint64_t number, const History& given, const TpeOptions& options) {
  SAUCIER_CHECK(!given.directions.empty());
  History history{.directions = given.directions, .trials = {}};
  for (const Trial& trial : given.trials)
    if (trial.number != static_cast<std::int64_t>(number)) history.trials.push_back(trial);
  // Points of another space (an earlier sweep, say) cannot be placed in this one.
  std::erase_if(history.trials, [&](const Trial& trial) { return !space.contains(trial.point); });

  const size_t known = static_cast<size_t>(std::count_if(history.trials.begin(), history.trials.end(), finished));
  const bool random = known < options.startup;
  const Split sides = split(history, options.constant_liar);
  struct Densities {
    std::vector<size_t> parameters;
    Parzen good, rest;
  };
  std::vector<Densities> densities;
  if (!random)
    for (const auto& group : groups(space, history, options.multivariate))
      densities.push_back({group, Parzen(space, group, points_with(sides.below, group), history.directions.size() > 1), Parzen(space, group, points_with(sides.above, group))});

  const auto attempt = [&](std::uint64_t turn) {
    if (random) return random_point(space, turn == 0 ? seed : Rng(seed, "tpe.again", turn).next64(), number);
    Point point(space.size());
    for (size_t p = 0; p < space.size(); ++p)
      if (low_of(space[p]) == high_of(space[p])) point[p] = low_of(space[p]);
    for (const Densities& of : densities) {
      Rng rng(Rng(seed, "tpe." + space[of.parameters[0]].name, number).next64(), "tpe.candidates", turn);
      double best = -std::numeric_limits<double>::infinity();
      Point chosen;
      for (size_t c = 0; c < options.candidates; ++c) {
        Point candidate = of.good.draw(rng);
        const double gain = of.good.log_density(candidate) - of.rest.log_density(candidate);
        if (chosen.empty() || gain > best) {
          best = gain;
          chosen = std::move(candidate);
        }
      }
      for (const size_t p : of.parameters) point[p] = chosen[p];
    }
    return space.without_absent(std::move(point));
  };
  const auto repeated = [&](const Point& point) {
    return std::any_of(history.trials.begin(), history.trials.end(), [&](const Trial& trial) { return trial.point == point; });
  };
  Point point = attempt(0);
  for (std::uint64_t turn = 1; options.distinct && turn < 24 && repeated(point); ++turn) {
    Point other = attempt(turn);
    if (!repeated(other)) return other;
  }
  return point;
}

}  // namespace saucier::search
