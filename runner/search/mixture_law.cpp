#include "runner/search/mixture_law.h"

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "modules/base/error.h"

namespace saucier::search {
namespace {

constexpr size_t kFolds = 20, kLeaveOneOut = 40;

// Runs of one mixture stand in one fold.
std::vector<std::vector<size_t>> folds_of(std::span<const Mixture> mixtures, std::uint64_t seed) {
  std::map<Mixture, std::vector<size_t>> alike;
  for (size_t i = 0; i < mixtures.size(); ++i) alike[mixtures[i]].push_back(i);
  std::vector<std::vector<size_t>> folds;
  for (auto& [mixture, runs] : alike) folds.push_back(std::move(runs));
  if (folds.size() < kLeaveOneOut) return folds;
  Rng(seed, "mixture.folds").shuffle(folds);
  std::vector<std::vector<size_t>> few(kFolds);
  for (size_t f = 0; f < folds.size(); ++f) few[f % kFolds].insert(few[f % kFolds].end(), folds[f].begin(), folds[f].end());
  return few;
}

// Mean absolute error at runs that the fit has not seen.
double left_out_error(std::span<const Mixture> mixtures, std::span<const double> costs, const std::vector<std::vector<size_t>>& folds,
                      const std::function<Law(std::span<const Mixture>, std::span<const double>)>& fit) {
  double sum = 0;
  for (const auto& fold : folds) {
    std::vector<Mixture> seen;
    std::vector<double> values;
    for (size_t i = 0; i < mixtures.size(); ++i)
      if (std::find(fold.begin(), fold.end(), i) == fold.end()) {
        seen.push_back(mixtures[i]);
        values.push_back(costs[i]);
      }
    const Law law = fit(seen, values);
    for (const size_t i : fold) sum += std::abs(law.cost(mixtures[i]) - costs[i]);
  }
  return sum / static_cast<double>(mixtures.size());
}

double noise_of(std::span<const Mixture> mixtures, std::span<const double> costs) {
  std::map<Mixture, std::vector<double>> alike;
  for (size_t i = 0; i < mixtures.size(); ++i) alike[mixtures[i]].push_back(costs[i]);
  double squares = 0;
  size_t free = 0;
  for (const auto& [mixture, values] : alike) {
    double mean = 0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    free += values.size() - 1;
  }
  return free == 0 ? 0 : std::sqrt(squares / static_cast<double>(free));
}

}  // namespace

double Law::cost(const Mixture& w) const {
  double sum = 0;
  for (size_t j = 0; j < w.size(); ++j) sum += linear[j] * w[j] + (root.empty() ? 0 : root[j] * std::sqrt(w[j]));
  return form == LawForm::kRidge ? constant + sum : constant + scale * std::exp(sum);
}

std::vector<double> Law::slope(const Mixture& w) const {
  std::vector<double> out = linear;
  if (form == LawForm::kLogLinear) {
    const double e = cost(w) - constant;
    for (double& s : out) s *= e;
  } else {
    for (size_t j = 0; j < w.size(); ++j) out[j] += root[j] * 0.5 / std::sqrt(std::max(w[j], 1e-4));
  }
  return out;
}

FittedLaw fit_law(std::span<const Mixture> mixtures, std::span<const double> costs, std::uint64_t seed) {
  SAUCIER_CHECK(mixtures.size() == costs.size());
  const std::vector<std::vector<size_t>> folds = folds_of(mixtures, seed);
  if (folds.size() < 3) throw Error(fmt::format("a law of mixtures needs three different mixtures (got {})", folds.size()));
  for (size_t i = 0; i < mixtures.size(); ++i) {
    if (mixtures[i].size() != mixtures[0].size()) throw Error(fmt::format("run {} has {} sources, the first one has {}", i + 1, mixtures[i].size(), mixtures[0].size()));
    if (!std::isfinite(costs[i])) throw Error(fmt::format("run {} has the value {}", i + 1, costs[i]), "leave out runs that failed");
  }
  FittedLaw out;
  out.ridge_error = left_out_error(mixtures, costs, folds, fit_ridge);
  out.ridge = fit_ridge(mixtures, costs);
  out.log_linear_error = std::numeric_limits<double>::infinity();
  for (const double pull : {1e-2, 1e-3, 1e-4, 1e-5}) {
    const Law law = fit_log_linear(mixtures, costs, pull, seed);
    const double error = left_out_error(mixtures, costs, folds, [&](auto seen, auto values) { return fit_log_linear(seen, values, pull, seed, 2, &law); });
    if (error >= out.log_linear_error) continue;
    out.log_linear_error = error;
    out.log_linear = law;
  }
  out.constant_error = left_out_error(mixtures, costs, folds, [](auto seen, auto values) {
    Law mean;
    mean.linear.assign(seen[0].size(), 0);
    mean.root.assign(seen[0].size(), 0);
    for (const double value : values) mean.constant += value / static_cast<double>(values.size());
    return mean;
  });
  out.law = out.log_linear_error < out.ridge_error ? out.log_linear : out.ridge;
  out.noise = noise_of(mixtures, costs);
  return out;
}

}  // namespace saucier::search
