#include "runner/report/significance.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "modules/base/rng.h"

namespace saucier::report {
namespace {

constexpr int kSamples = 2000;
constexpr double kTail = 0.025;

}  // namespace

double mcnemar(std::int64_t only_a, std::int64_t only_b) {
  const std::int64_t n = only_a + only_b, fewer = std::min(only_a, only_b);
  const double log_half = -static_cast<double>(n) * std::log(2.0);
  double tail = 0;  // P(X <= fewer), from the largest term down so that small ones are not lost
  double log_term = std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(fewer) + 1) -
                    std::lgamma(static_cast<double>(n - fewer) + 1) + log_half;
  for (std::int64_t k = fewer; k >= 0; --k) {
    const double term = std::exp(log_term);
    tail += term;
    if (term < tail * 1e-18) break;
    log_term += std::log(static_cast<double>(k)) - std::log(static_cast<double>(n - k + 1));
  }
  return std::min(1.0, 2 * tail);
}

Interval bootstrap(std::span<const Picture> pictures) {
  if (pictures.empty()) return {};
  std::vector<double> means;
  means.reserve(kSamples);
  Rng rng(0, "report.bootstrap");
  const auto count = static_cast<std::uint64_t>(pictures.size());
  for (int sample = 0; sample < kSamples; ++sample) {
    std::int64_t questions = 0;
    double difference = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const Picture& picture = pictures[(static_cast<std::uint64_t>(rng.next32()) * count) >> 32];
      questions += picture.questions;
      difference += picture.difference;
    }
    means.push_back(difference / static_cast<double>(std::max<std::int64_t>(questions, 1)));
  }
  std::sort(means.begin(), means.end());
  // Linear interpolation between order statistics, as numpy's default.
  const auto quantile = [&](double at) {
    const double place = at * (kSamples - 1);
    const auto below = static_cast<size_t>(place);
    const double share = place - static_cast<double>(below);
    return means[below] + share * (means[std::min(below + 1, means.size() - 1)] - means[below]);
  };
  return {quantile(kTail), quantile(1 - kTail)};
}

}  // namespace saucier::report
