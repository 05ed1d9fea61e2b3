// Whether a difference between two sets of answers to the same questions means anything.
#pragma once

#include <cstdint>
#include <span>

namespace saucier::report {

// Exact McNemar test: the two-sided probability, if both were equally good, that the questions which only one answers right
// are divided as unevenly as `only_a` to `only_b` (a binomial test with p = 1/2). 1 where there are none.
double mcnemar(std::int64_t only_a, std::int64_t only_b);

// The questions of one picture, which stand and fall together.
struct Picture {
  std::int64_t questions = 0;
  double difference = 0;  // credit in a, minus credit in b
};

struct Interval {
  double low = 0, high = 0;
};

// 95 % interval of the mean difference a question: percentiles of 2,000 paired bootstrap samples, drawn over pictures
// (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13). The same numbers at every call.
Interval bootstrap(std::span<const Picture> pictures);

}  // namespace saucier::report
