#include "runner/search/parzen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "modules/base/error.h"

namespace saucier::search {
namespace {

constexpr double kLogRootTwoPi = 0.91893853320467274178;

// P(standard normal < x).
double normal_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// log of it, from the asymptotic series of Mills' ratio where erfc underflows.
double log_normal_below(double x) {
  if (x > 5) return std::log1p(-normal_below(-x));
  if (x > -30) return std::log(normal_below(x));
  double term = 1, sum = 1;
  for (int k = 1; k < 20; ++k) {
    term *= -(2.0 * k - 1) / (x * x);
    sum += term;
    if (std::abs(term) < 1e-17) break;
  }
  return -0.5 * x * x - std::log(-x) - kLogRootTwoPi + std::log(sum);
}

std::vector<double> weights_of(size_t n, bool even) {
  std::vector<double> weights(n, 1.0);
  if (even || n <= 25) return weights;
  const size_t ramp = n - 25;  // evenly from 1/n to 1, both ends included
  const double first = 1.0 / static_cast<double>(n);
  for (size_t i = 0; i < ramp; ++i) weights[i] = ramp == 1 ? first : first + (1 - first) * static_cast<double>(i) / static_cast<double>(ramp - 1);
  return weights;
}

}  // namespace

double log_normal_mass(double a, double b) {
  if (a > 0) return log_normal_mass(-b, -a);  // the left tail keeps its digits
  if (b > 0) return std::log1p(-normal_below(a) - normal_below(-b));
  const double upper = log_normal_below(b);
  return upper + std::log1p(-std::exp(log_normal_below(a) - upper));
}

Parzen::Parzen(const Space& space, std::vector<size_t> parameters, std::span<const Point* const> observations, bool even)
    : space_(space), parameters_(std::move(parameters)), weights_(weights_of(observations.size(), even)) {
  weights_.push_back(1);  // the prior
  const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& weight : weights_) weight /= sum;
  for (const size_t p : parameters_) {
    std::vector<double> observed;
    for (const Point* point : observations) observed.push_back((*point)[p].value());
    kernels_.push_back(space_[p].kind == Kind::kCategory ? choices(space_[p], observed) : numbers(space_[p], std::move(observed)));
  }
}

Parzen::Kernels Parzen::choices(const Parameter& parameter, const std::vector<double>& observed) const {
  Kernels out;
  const size_t kernels = observed.size() + 1;
  const double each = 1 / static_cast<double>(kernels);
  const double sum = each * static_cast<double>(parameter.choices);
  for (const double value : observed)
    for (size_t c = 0; c < parameter.choices; ++c) out.probability.push_back((each + (static_cast<double>(c) == value ? 1 : 0)) / (sum + 1));
  out.probability.insert(out.probability.end(), parameter.choices, 1 / static_cast<double>(parameter.choices));
  return out;
}

Parzen::Kernels Parzen::numbers(const Parameter& parameter, std::vector<double> observed) const {
  Kernels out;
  const double half = step_of(parameter) / 2;
  out.low = low_of(parameter) - half;
  out.high = high_of(parameter) + half;
  if (parameter.log) {
    out.low = std::log(out.low);
    out.high = std::log(out.high);
    for (double& value : observed) value = std::log(value);
  }
  const double range = out.high - out.low;
  const size_t n = observed.size();
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return observed[a] < observed[b]; });
  out.sigma.resize(n);
  const double narrowest = range / std::min(100.0, static_cast<double>(n) + 2);
  for (size_t i = 0; i < n; ++i) {
    const double here = observed[order[i]];
    double below = here - (i == 0 ? out.low : observed[order[i - 1]]), above = (i + 1 == n ? out.high : observed[order[i + 1]]) - here;
    if (n >= 2 && i == 0) below = 0;  // the ends count as neighbours for a lone observation only
    if (n >= 2 && i + 1 == n) above = 0;
    out.sigma[order[i]] = std::clamp(std::max(below, above), narrowest, range);
  }
  out.mu = std::move(observed);
  out.mu.push_back(0.5 * (out.low + out.high));
  out.sigma.push_back(range);
  for (size_t k = 0; k <= n; ++k) out.log_mass.push_back(log_normal_mass((out.low - out.mu[k]) / out.sigma[k], (out.high - out.mu[k]) / out.sigma[k]));
  return out;
}

double Parzen::log_density(const Point& point) const {
  std::vector<double> logs(weights_.size());
  for (size_t k = 0; k < logs.size(); ++k) logs[k] = std::log(weights_[k]);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = space_[parameters_[i]];
    const Kernels& kernels = kernels_[i];
    const double value = point[parameters_[i]].value(), step = step_of(parameter);
    if (parameter.kind == Kind::kCategory) {
      for (size_t k = 0; k < logs.size(); ++k) logs[k] += std::log(kernels.probability[k * parameter.choices + static_cast<size_t>(value)]);
      continue;
    }
    const auto scaled = [&](double x) { return parameter.log ? std::log(x) : x; };
    const double at = scaled(value), left = step > 0 ? scaled(value - step / 2) : 0, right = step > 0 ? scaled(value + step / 2) : 0;
    for (size_t k = 0; k < logs.size(); ++k) {
      const double mu = kernels.mu[k], sigma = kernels.sigma[k], z = (at - mu) / sigma;
      logs[k] += (step > 0 ? log_normal_mass((left - mu) / sigma, (right - mu) / sigma) : -0.5 * z * z - kLogRootTwoPi - std::log(sigma)) - kernels.log_mass[k];
    }
  }
  const double largest = *std::max_element(logs.begin(), logs.end());
  if (!std::isfinite(largest)) return largest;
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - largest);
  return largest + std::log(sum);
}

Point Parzen::draw(Rng& rng) const {
  Point point(space_.size());
  const size_t k = rng.weighted(weights_);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = space_[parameters_[i]];
    const Kernels& kernels = kernels_[i];
    if (parameter.kind == Kind::kCategory) {
      point[parameters_[i]] = static_cast<double>(rng.weighted(std::span(kernels.probability).subspan(k * parameter.choices, parameter.choices)));
      continue;
    }
    // The inverse of the distribution function, from the tail that is smaller. An end may lie far outside of what a
    // double can tell from 0 or 1; the range itself cannot, since mu is inside of it.
    const double mu = kernels.mu[k], sigma = kernels.sigma[k], a = (kernels.low - mu) / sigma, b = (kernels.high - mu) / sigma;
    const double q = rng.uniform(), mass = std::exp(kernels.log_mass[k]);
    const double lower = normal_below(a) + q * mass, upper = normal_below(-b) + (1 - q) * mass;
    const double z = lower < 0.5 ? (lower > 0 ? normal_quantile(lower) : a) : (upper > 0 ? -normal_quantile(std::min(upper, 0.5)) : b);
    const double x = std::clamp(mu + sigma * z, kernels.low, kernels.high);
    point[parameters_[i]] = tidy(parameter, parameter.log ? std::exp(x) : x);
  }
  return point;
}

}  // namespace saucier::search
