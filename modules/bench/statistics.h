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

// Value of `statistic` over all items and its jackknife standard error over groups (pictures): the groups are left out
// one at a time. `statistic` gets the indices of the items that are in. n is the number of items.
Score jackknife(const std::string& metric, std::span<const Item> items,
                const std::function<double(std::span<const size_t>)>& statistic);

double mean_correct(std::span<const Judged> judged, std::span<const size_t> which);

}  // namespace saucier::bench
