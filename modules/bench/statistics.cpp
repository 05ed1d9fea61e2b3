#include "modules/bench/statistics.h"

#include <cmath>
#include <map>

namespace saucier::bench {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

double Confusion::accuracy() const { return ratio(tp + tn, tp + fp + tn + fn); }
double Confusion::precision() const { return ratio(tp, tp + fp); }
double Confusion::recall() const { return ratio(tp, tp + fn); }
double Confusion::f1() const { return ratio(2 * tp, 2 * tp + fp + fn); }
double Confusion::yes_ratio() const { return ratio(tp + fp, tp + fp + tn + fn); }

Score jackknife(const std::string& metric, std::span<const Item> items,
                const std::function<double(std::span<const size_t>)>& statistic) {
  std::map<std::string, size_t> numbers;  // group → its number
  std::vector<size_t> group_of, all;
  for (size_t i = 0; i < items.size(); ++i) {
    group_of.push_back(numbers.emplace(items[i].group, numbers.size()).first->second);
    all.push_back(i);
  }
  Score score{.metric = metric, .value = statistic(all), .n = static_cast<std::int64_t>(items.size())};
  const auto count = static_cast<double>(numbers.size());
  if (numbers.size() < 2) return score;
  double sum = 0, squares = 0;
  std::vector<size_t> rest;
  rest.reserve(all.size());
  for (size_t group = 0; group < numbers.size(); ++group) {
    rest.clear();
    for (size_t i : all)
      if (group_of[i] != group) rest.push_back(i);
    const double difference = statistic(rest) - score.value;
    sum += difference;
    squares += difference * difference;
  }
  const double variance = squares - sum * sum / count;  // sum of squared deviations of the leave-one-out values
  score.stderr_value = std::sqrt(std::max(0.0, (count - 1) / count * variance));
  return score;
}

double mean_correct(std::span<const Judged> judged, std::span<const size_t> which) {
  double right = 0;
  for (size_t i : which) right += judged[i].correct;
  return ratio(right, static_cast<double>(which.size()));
}

}  // namespace saucier::bench
