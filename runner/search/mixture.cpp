#include "runner/search/mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "modules/base/error.h"

namespace saucier::search {
namespace {

double sum_of(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// A gamma quantile far below what a double holds is still a mixture's share: everything is done with logarithms.
// P(a, x) ~ x^a / Gamma(a + 1) there, so log x = (log p + lgamma(a + 1)) / a.
double log_gamma_quantile(double shape, double p) {
  const double tiny = (std::log(p) + std::lgamma(shape + 1)) / shape;
  if (tiny < -40) return tiny;
  // Wilson and Hilferty's start, or the small-x one, then bisection between two points that enclose it.
  double low = std::min(tiny, 0.0) - 1, high = std::log(shape + 10) + 1;
  while (gamma_below(shape, std::exp(low)) > p) low -= 2;
  while (gamma_below(shape, std::exp(high)) < p) high += 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (gamma_below(shape, std::exp(middle)) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Mixture from_logs(std::span<const double> logs) {
  const double largest = *std::max_element(logs.begin(), logs.end());
  Mixture out;
  for (const double log : logs) out.push_back(std::exp(log - largest));  // exp(-inf) is 0
  return normalised(std::move(out));
}

}  // namespace

Mixture uniform_mixture(size_t sources) { return Mixture(sources, 1.0 / static_cast<double>(sources)); }

Mixture normalised(Mixture weights) {
  for (const double w : weights)
    if (!(w >= 0) || !std::isfinite(w)) throw Error(fmt::format("a mixture has a weight of {} (allowed: 0 or more)", w));
  const double sum = sum_of(weights);
  if (!(sum > 0)) throw Error("a mixture has no weight above 0");
  for (double& w : weights) w /= sum;
  return weights;
}

Caps checked_caps(const Caps& caps, size_t sources) {
  if (caps.empty()) return Caps(sources, 1.0);
  if (caps.size() != sources) throw Error(fmt::format("{} caps for {} sources", caps.size(), sources));
  for (const double cap : caps)
    if (!(cap >= 0)) throw Error(fmt::format("a source may have at most {} of the mixture (allowed: 0 or more)", cap));
  Caps out = caps;
  for (double& cap : out) cap = std::min(cap, 1.0);
  if (sum_of(out) < 1 - 1e-12) throw Error(fmt::format("the sources together may fill {:.4g} of the mixture only", sum_of(out)), "allow more passes, or train on fewer samples");
  return out;
}

Mixture within_caps(Mixture mixture, const Caps& caps) {
  for (size_t round = 0; round < mixture.size(); ++round) {
    double over = 0, free = 0, room = 0;
    for (size_t j = 0; j < mixture.size(); ++j) {
      if (mixture[j] >= caps[j]) {
        over += mixture[j] - caps[j];
        mixture[j] = caps[j];
      } else {
        free += mixture[j];
        room += caps[j];
      }
    }
    if (over <= 1e-15 || room <= 0) break;
    for (size_t j = 0; j < mixture.size(); ++j)
      if (mixture[j] < caps[j]) mixture[j] = free > 0 ? mixture[j] * (1 + over / free) : over * caps[j] / room;
  }
  return mixture;
}

Mixture projected(std::span<const double> v, const Caps& caps) {
  const auto filled = [&](double shift) {
    double sum = 0;
    for (size_t j = 0; j < v.size(); ++j) sum += std::clamp(v[j] - shift, 0.0, caps[j]);
    return sum;
  };
  double low = *std::min_element(v.begin(), v.end()) - 1, high = *std::max_element(v.begin(), v.end());  // all caps reached, nothing left
  for (int i = 0; i < 100 && high - low > 1e-15; ++i) {
    const double middle = 0.5 * (low + high);
    (filled(middle) > 1 ? low : high) = middle;
  }
  Mixture out;
  for (size_t j = 0; j < v.size(); ++j) out.push_back(std::clamp(v[j] - 0.5 * (low + high), 0.0, caps[j]));
  return out;
}

double divergence(const Mixture& w, const Mixture& prior) {
  double sum = 0;
  for (size_t j = 0; j < w.size(); ++j) {
    if (w[j] <= 0) continue;
    if (prior[j] <= 0) return std::numeric_limits<double>::infinity();
    sum += w[j] * std::log(w[j] / prior[j]);
  }
  return sum;
}

double gamma_below(double shape, double x) {
  if (x <= 0) return 0;
  const double front = shape * std::log(x) - x - std::lgamma(shape);
  if (x < shape + 1) {  // the series
    double term = 1 / shape, sum = term;
    for (double n = shape + 1; term > sum * 1e-17; ++n) {
      term *= x / n;
      sum += term;
    }
    return std::min(1.0, sum * std::exp(front));
  }
  // Legendre's continued fraction, by Lentz's method.
  double b = x + 1 - shape, c = 1e300, d = 1 / b, h = d;
  for (int i = 1; i < 1000; ++i) {
    const double a = -i * (i - shape);
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    h *= c * d;
    if (std::abs(c * d - 1) < 1e-16) break;
  }
  return 1 - std::exp(front) * h;
}

double gamma_quantile(double shape, double p) { return std::exp(log_gamma_quantile(shape, p)); }

Mixture dirichlet_at(std::span<const double> alpha, std::span<const double> unit) {
  std::vector<double> logs;
  for (size_t j = 0; j < alpha.size(); ++j) logs.push_back(alpha[j] > 0 ? log_gamma_quantile(alpha[j], unit[j]) : -std::numeric_limits<double>::infinity());
  return from_logs(logs);
}

Mixture dirichlet(std::span<const double> alpha, Rng& rng) {
  std::vector<double> logs;
  for (const double shape : alpha) {
    if (shape <= 0) {
      logs.push_back(-std::numeric_limits<double>::infinity());
      continue;
    }
    // Gamma(a) for a < 1 is Gamma(a + 1) times a uniform draw to the power 1 / a.
    const double boost = shape < 1 ? std::log(1 - rng.uniform()) / shape : 0;
    const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    for (;;) {
      const double x = rng.normal(), v = (1 + c * x) * (1 + c * x) * (1 + c * x);
      if (v <= 0) continue;
      if (std::log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
        logs.push_back(boost + std::log(d * v));
        break;
      }
    }
  }
  return from_logs(logs);
}

}  // namespace saucier::search
