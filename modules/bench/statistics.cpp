#include "modules/bench/statistics.h"

#include <cmath>
#include <numeric>
#include <unordered_map>

#include "modules/base/error.h"

namespace saucier::bench {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

double Confusion::accuracy() const { return ratio(tp + tn, tp + fp + tn + fn); }
double Confusion::precision() const { return ratio(tp, tp + fp); }
double Confusion::recall() const { return ratio(tp, tp + fn); }
double Confusion::f1() const { return ratio(2 * tp, 2 * tp + fp + fn); }
double Confusion::yes_ratio() const { return ratio(tp + fp, tp + fp + tn + fn); }

Score jackknife(const SummedMetric& metric, std::span<const Item> items, std::span<const size_t> which) {
  std::unordered_map<std::string_view, size_t> numbers;  // group → its number
  std::vector<double> sums(metric.width, 0), of_groups, terms(metric.width);
  for (const size_t i : which) {
    const size_t group = numbers.emplace(items[i].group, numbers.size()).first->second;
    if ((group + 1) * metric.width > of_groups.size()) of_groups.resize((group + 1) * metric.width, 0);
    std::fill(terms.begin(), terms.end(), 0);
    metric.terms(i, terms);
    for (size_t k = 0; k < metric.width; ++k) {
      sums[k] += terms[k];
      of_groups[group * metric.width + k] += terms[k];
    }
  }
  Score score{.metric = metric.name, .value = metric.value(sums), .n = static_cast<std::int64_t>(which.size())};
  const auto count = static_cast<double>(numbers.size());
  if (numbers.size() < 2) return score;
  double sum = 0, squares = 0;
  std::vector<double> rest(metric.width);
  for (size_t group = 0; group < numbers.size(); ++group) {
    for (size_t k = 0; k < metric.width; ++k) rest[k] = sums[k] - of_groups[group * metric.width + k];
    const double difference = metric.value(rest) - score.value;
    sum += difference;
    squares += difference * difference;
  }
  const double variance = squares - sum * sum / count;  // sum of squared deviations of the leave-one-out values
  score.stderr_value = std::sqrt(std::max(0.0, (count - 1) / count * variance));
  return score;
}

Score jackknife(const SummedMetric& metric, std::span<const Item> items) {
  std::vector<size_t> all(items.size());
  std::iota(all.begin(), all.end(), size_t{0});
  return jackknife(metric, items, all);
}

SummedMetric mean_of(std::string name, std::function<double(size_t)> number) {
  return {std::move(name), 2,
          [number = std::move(number)](size_t item, std::span<double> terms) {
            terms[0] = number(item);
            terms[1] = 1;
          },
          [](std::span<const double> sums) { return ratio(sums[0], sums[1]); }};
}

std::vector<Score> mean_credits(const std::string& name, std::span<const Item> items, std::span<const Judged> judged) {
  SAUCIER_CHECK(items.size() == judged.size(), "{} items, {} judged", items.size(), judged.size());
  const auto credit = [&](size_t i) { return judged[i].credit; };
  std::vector<Score> scores = {jackknife(mean_of(name, credit), items)};
  std::vector<std::string> categories;
  std::unordered_map<std::string, std::vector<size_t>> members;
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<size_t>& of = members[items[i].category];
    if (of.empty()) categories.push_back(items[i].category);
    of.push_back(i);
  }
  if (categories.size() < 2) return scores;
  for (const std::string& category : categories)
    scores.push_back(jackknife(mean_of(category + "." + name, credit), items, members.at(category)));
  return scores;
}

}  // namespace saucier::bench
