// Scores with their uncertainty, by the sample unit.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "modules/bench/benchmark.h"

namespace saucier::bench {

// Questions with the answer "yes" or "no", counted as information retrieval does, "yes" being the positive class.
struct Confusion {
  double tp = 0, fp = 0, tn = 0, fn = 0;
  double accuracy() const;
  double precision() const;  // 0 where nothing was called positive
  double recall() const;
  double f1() const;
  double yes_ratio() const;
};

// A metric that is a function of sums over the items, as all usual ones are: a mean of a sum and a count, F1 of a
// confusion's four counts, a ratio of two sums.
struct SummedMetric {
  std::string name;
  size_t width = 0;  // sums it needs
  std::function<void(size_t item, std::span<double> terms)> terms;  // of one item, by its place; `terms` comes zeroed
  std::function<double(std::span<const double> sums)> value;
};

// Its value over `which` of the items and its jackknife standard error over their groups, which are left out one at a time:
// sqrt((G-1)/G · Σ(value without g − their mean)²), Efron 1982; linear in the number of items. n is the number of items.
Score jackknife(const SummedMetric& metric, std::span<const Item> items, std::span<const size_t> which);
Score jackknife(const SummedMetric& metric, std::span<const Item> items);  // over all

// The mean of one number an item.
SummedMetric mean_of(std::string name, std::function<double(size_t item)> number);

// mean credit as `name` over all, then as "CATEGORY.name" over each category where there are several, in their first order.
std::vector<Score> mean_credits(const std::string& name, std::span<const Item> items, std::span<const Judged> judged);

}  // namespace saucier::bench
