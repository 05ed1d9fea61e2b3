#include "runner/search/pareto.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace saucier::search {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Smaller is better, NaN is worst of all.
double cost(double value, Direction direction) {
  if (std::isnan(value)) return kInfinity;
  // An infinite value is still better than none.
  constexpr double kMost = std::numeric_limits<double>::max();
  return std::clamp(direction == Direction::kMinimize ? value : -value, -kMost, kMost);
}

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

}  // namespace

std::vector<size_t> domination_ranks(std::span<const std::vector<double>> values, std::span<const Direction> directions) {
  const size_t n = values.size();
  std::vector<std::vector<double>> costs;
  for (const auto& row : values) {
    costs.emplace_back();
    for (size_t i = 0; i < directions.size(); ++i) costs.back().push_back(cost(row[i], directions[i]));
  }
  // In lexicographic order a row can only be dominated by one before it, so each rank is final when it is reached.
  std::vector<size_t> order(n), ranks(n, 0);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return costs[a] < costs[b]; });
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < i; ++j)
      if (ranks[order[j]] >= ranks[order[i]] && dominates(costs[order[j]], costs[order[i]])) ranks[order[i]] = ranks[order[j]] + 1;
  return ranks;
}

std::vector<double> crowding_distances(std::span<const std::vector<double>> values) {
  std::vector<double> distances(values.size(), 0);
  if (values.empty()) return distances;
  for (size_t objective = 0; objective < values[0].size(); ++objective) {
    std::vector<double> sorted;
    for (const auto& row : values) sorted.push_back(cost(row[objective], Direction::kMinimize));
    std::sort(sorted.begin(), sorted.end());
    const double range = sorted.back() - sorted.front();
    if (range == 0) continue;  // says nothing about crowding
    for (size_t i = 0; i < values.size(); ++i) {
      const double here = cost(values[i][objective], Direction::kMinimize);
      const auto first = std::lower_bound(sorted.begin(), sorted.end(), here), last = std::upper_bound(sorted.begin(), sorted.end(), here);
      if (first == sorted.begin() || last == sorted.end()) distances[i] = kInfinity;
      else distances[i] += (last - first > 1 ? 0 : *last - *(first - 1)) / range;
    }
  }
  return distances;
}

std::vector<size_t> by_domination(std::span<const std::vector<double>> values, std::span<const Direction> directions) {
  const std::vector<size_t> ranks = domination_ranks(values, directions);
  std::vector<double> distances(values.size(), 0);
  for (size_t rank = 0, left = values.size(); left > 0; ++rank) {
    std::vector<size_t> members;
    std::vector<std::vector<double>> rows;
    for (size_t i = 0; i < values.size(); ++i)
      if (ranks[i] == rank) {
        members.push_back(i);
        rows.push_back(values[i]);
      }
    const std::vector<double> crowding = crowding_distances(rows);
    for (size_t k = 0; k < members.size(); ++k) distances[members[k]] = crowding[k];
    left -= members.size();
  }
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ranks[a] != ranks[b] ? ranks[a] < ranks[b] : distances[a] > distances[b]; });
  return order;
}

std::vector<size_t> pareto_front(std::span<const std::vector<double>> values, std::span<const Direction> directions) {
  const std::vector<size_t> ranks = domination_ranks(values, directions);
  std::vector<size_t> front;
  for (size_t i = 0; i < values.size(); ++i)
    if (ranks[i] == 0 && std::none_of(values[i].begin(), values[i].end(), [](double v) { return std::isnan(v); })) front.push_back(i);
  return front;
}

}  // namespace saucier::search
