#include "runner/search/mixture_optimum.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "modules/base/error.h"

namespace saucier::search {
namespace {

constexpr double kExact = 1e-6;  // of the spread: a law that explains more is exact

constexpr double kDust = 5e-4;
constexpr double kSmallest = 1e-9;  // where the logarithm of KL stops falling

class Objective {
 public:
  Objective(std::span<const Law> laws, double spread, const Goal& goal, Mixture natural) : laws_(laws), goal_(goal), natural_(std::move(natural)), pull_(goal.pull * spread) {}

  double at(const Mixture& w) const {
    double sum = pull_ > 0 ? pull_ * divergence(w, natural_) : 0;
    for (size_t i = 0; i < laws_.size(); ++i) sum += goal_.weights[i] * laws_[i].cost(w);
    return sum;
  }

  std::vector<double> slope(const Mixture& w) const {
    std::vector<double> out(w.size(), 0);
    for (size_t i = 0; i < laws_.size(); ++i) {
      const std::vector<double> one = laws_[i].slope(w);
      for (size_t j = 0; j < w.size(); ++j) out[j] += goal_.weights[i] * one[j];
    }
    for (size_t j = 0; j < w.size(); ++j)
      if (pull_ > 0 && natural_[j] > 0) out[j] += pull_ * (std::log(std::max(w[j], kSmallest) / natural_[j]) + 1);
    return out;
  }

 private:
  std::span<const Law> laws_;
  const Goal& goal_;
  Mixture natural_;
  double pull_;
};

struct Candidate {
  double value = 0;
  Mixture mixture;
};

Candidate downhill(const Objective& objective, Candidate start, const Caps& caps, int steps) {
  double length = 0.05;  // of a step, as a change of the mixture
  for (int step = 0; step < steps && length > 1e-7; ++step) {
    const std::vector<double> slope = objective.slope(start.mixture);
    double mean = 0, size = 0;
    for (const double s : slope) mean += s / static_cast<double>(slope.size());
    for (const double s : slope) size = std::max(size, std::abs(s - mean));  // what is common moves nothing on the simplex
    if (size == 0) break;
    for (; length > 1e-7; length /= 2) {
      std::vector<double> moved = start.mixture;
      for (size_t j = 0; j < moved.size(); ++j) moved[j] -= length / size * (slope[j] - mean);
      Mixture next = projected(moved, caps);
      const double value = objective.at(next);
      if (value < start.value) {
        start = {value, std::move(next)};
        length *= 1.5;
        break;
      }
    }
  }
  return start;
}

Mixture without_dust(const Mixture& mixture, const Caps& caps) {
  Mixture out = mixture;
  double room = 0;
  for (size_t j = 0; j < out.size(); ++j) {
    if (out[j] < kDust) out[j] = 0;
    else room += caps[j];
  }
  if (room < 1) return mixture;
  Caps present = caps;
  for (size_t j = 0; j < out.size(); ++j)
    if (out[j] == 0) present[j] = 0;
  return within_caps(normalised(std::move(out)), present);
}

double weighted(std::span<const Law> laws, const std::vector<double>& weights, const Mixture& w) {
  double sum = 0;
  for (size_t i = 0; i < laws.size(); ++i) sum += weights[i] * laws[i].cost(w);
  return sum;
}

double spread_of(std::span<const MetricRuns> metrics, const std::vector<double>& weights) {
  const size_t runs = metrics[0].costs.size();
  std::vector<double> sums(runs, 0);
  for (size_t i = 0; i < metrics.size(); ++i)
    for (size_t r = 0; r < runs; ++r) sums[r] += weights[i] * metrics[i].costs[r];
  const double mean = std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(runs);
  double squares = 0;
  for (const double sum : sums) squares += (sum - mean) * (sum - mean) / static_cast<double>(runs);
  return std::sqrt(squares);
}

// The same forms fitted to other runs: fast, since the choice of form and the start are known.
std::vector<Law> refitted(const std::vector<FittedLaw>& laws, std::span<const Mixture> mixtures, const std::vector<std::vector<double>>& costs, std::uint64_t seed) {
  std::vector<Law> out;
  for (size_t i = 0; i < laws.size(); ++i)
    out.push_back(laws[i].law.form == LawForm::kRidge ? fit_ridge(mixtures, costs[i]) : fit_log_linear(mixtures, costs[i], laws[i].law.lambda, seed, 1, &laws[i].law));
  return out;
}

// Root mean square of what the laws leave unexplained of the weighted sum of `costs`.
double unexplained(std::span<const Law> laws, std::span<const Mixture> mixtures, const std::vector<std::vector<double>>& costs, const std::vector<double>& weights) {
  double squares = 0;
  for (size_t run = 0; run < mixtures.size(); ++run) {
    double off = 0;
    for (size_t i = 0; i < laws.size(); ++i) off += weights[i] * (laws[i].cost(mixtures[run]) - costs[i][run]);
    squares += off * off;
  }
  return std::sqrt(squares / static_cast<double>(mixtures.size()));
}

}  // namespace

Mixture mixture_optimum(std::span<const Law> laws, double spread, const Goal& goal, std::uint64_t seed, const OptimumOptions& options) {
  SAUCIER_CHECK(laws.size() == goal.weights.size() && options.kept > 0 && options.draws > 0);
  const Mixture natural = normalised(goal.natural);
  const size_t sources = natural.size();
  Caps caps = checked_caps(goal.caps, sources);
  for (size_t j = 0; j < sources; ++j)
    if (natural[j] == 0) caps[j] = 0;
  caps = checked_caps(caps, sources);  // is there still room?
  const Objective objective(laws, spread, goal, natural);

  std::vector<Candidate> candidates;
  const auto consider = [&](Mixture mixture) {
    const double value = objective.at(mixture);
    candidates.push_back({value, std::move(mixture)});
  };
  const auto sharpest = [&](size_t count) {
    std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.value < b.value; });
    if (candidates.size() > count) candidates.resize(count);
  };
  consider(within_caps(natural, caps));
  Rng rng(seed, "mixture.optimum");
  std::vector<double> alpha(sources);
  for (size_t draw = 0; draw < options.draws; ++draw) {
    const double strength = std::exp(rng.uniform(std::log(0.3), std::log(10.0))) * static_cast<double>(sources);
    const bool around_natural = draw % 2 == 0;
    for (size_t j = 0; j < sources; ++j) alpha[j] = natural[j] == 0 ? 0 : strength * (around_natural ? natural[j] : 1 / static_cast<double>(sources));
    consider(within_caps(dirichlet(alpha, rng), caps));
    if (candidates.size() >= 8 * options.kept + 1000) sharpest(options.kept);
  }
  sharpest(options.kept);
  for (Candidate& candidate : candidates) candidate = downhill(objective, std::move(candidate), caps, options.steps);
  sharpest(options.kept);
  Mixture mean(sources, 0);
  for (const Candidate& candidate : candidates)
    for (size_t j = 0; j < sources; ++j) mean[j] += candidate.mixture[j] / static_cast<double>(candidates.size());
  const bool two_valleys = objective.at(mean) > candidates[candidates.size() / 2].value;
  return without_dust(two_valleys ? candidates[0].mixture : mean, caps);
}

MixtureResult search_mixture(std::span<const Mixture> mixtures, std::span<const MetricRuns> metrics, const Goal& goal, std::uint64_t seed,
                             const MixtureOptions& options) {
  SAUCIER_CHECK(!metrics.empty() && metrics.size() == goal.weights.size());
  MixtureResult out;
  std::vector<Law> laws;
  std::vector<std::vector<double>> costs;
  for (const MetricRuns& metric : metrics) {
    out.laws.push_back(fit_law(mixtures, metric.costs, seed));
    laws.push_back(out.laws.back().law);
    costs.push_back(metric.costs);
  }
  for (size_t i = 0; i < metrics.size(); ++i) out.noise += goal.weights[i] * goal.weights[i] * out.laws[i].noise * out.laws[i].noise;
  out.noise = std::sqrt(out.noise);
  out.spread = spread_of(metrics, goal.weights);
  out.best = mixture_optimum(laws, out.spread, goal, seed, options.optimum);
  const Mixture natural = normalised(goal.natural), uniform = uniform_mixture(natural.size());
  out.cost_best = weighted(laws, goal.weights, out.best);
  out.cost_natural = weighted(laws, goal.weights, natural);
  out.cost_uniform = weighted(laws, goal.weights, uniform);

  // Bootstrap over runs (Efron and Tibshirani, 1993).
  OptimumOptions quick = options.optimum;
  quick.draws = std::min<size_t>(quick.draws, 1000);
  quick.kept = std::min<size_t>(quick.kept, 8);
  std::vector<std::vector<double>> weights_of(natural.size());
  const size_t runs = mixtures.size();
  for (int sample = 0; sample < options.bootstrap; ++sample) {
    Rng rng(seed, "mixture.bootstrap", static_cast<std::uint64_t>(sample));
    std::vector<Mixture> drawn;
    std::vector<std::vector<double>> values(metrics.size());
    for (size_t r = 0; r < runs; ++r) {
      const auto run = static_cast<size_t>(rng.integer(0, static_cast<std::int64_t>(runs) - 1));
      drawn.push_back(mixtures[run]);
      for (size_t i = 0; i < metrics.size(); ++i) values[i].push_back(costs[i][run]);
    }
    const std::vector<Law> again = refitted(out.laws, drawn, values, seed);
    const double best = weighted(again, goal.weights, out.best), share = 1.0 / options.bootstrap;
    out.better_than_natural += best < weighted(again, goal.weights, natural) ? share : 0;
    out.better_than_uniform += best < weighted(again, goal.weights, uniform) ? share : 0;
    const Mixture other = mixture_optimum(again, out.spread, goal, static_cast<std::uint64_t>(sample), quick);
    for (size_t j = 0; j < natural.size(); ++j) weights_of[j].push_back(other[j]);
  }
  for (std::vector<double>& weights : weights_of) {
    if (weights.empty()) break;
    std::sort(weights.begin(), weights.end());
    const auto at = [&](double share) { return weights[static_cast<size_t>(std::llround(share * static_cast<double>(weights.size() - 1)))]; };
    out.intervals.push_back({at(0.025), at(0.975)});
  }

  // An optimum is the best of many: even where mixtures change nothing, some law promises something. How much, runs say
  // whose values have changed places. A promise counts for what the law leaves unexplained: shuffled values that differ
  // much promise much, too, and explain nothing.
  int as_good = 1;
  const double promised = (out.cost_uniform - out.cost_best) / std::max(unexplained(laws, mixtures, costs, goal.weights), kExact * out.spread);
  for (int shuffle = 0; shuffle < options.shuffles; ++shuffle) {
    Rng rng(seed, "mixture.shuffle", static_cast<std::uint64_t>(shuffle));
    std::vector<size_t> order(runs);
    std::iota(order.begin(), order.end(), size_t{0});
    rng.shuffle(order);
    std::vector<std::vector<double>> values(metrics.size());
    for (size_t i = 0; i < metrics.size(); ++i)
      for (const size_t run : order) values[i].push_back(costs[i][run]);
    const std::vector<Law> chance = refitted(out.laws, mixtures, values, seed);
    const Mixture other = mixture_optimum(chance, out.spread, goal, static_cast<std::uint64_t>(shuffle), quick);
    const double gain = weighted(chance, goal.weights, uniform) - weighted(chance, goal.weights, other);
    as_good += gain >= promised * std::max(unexplained(chance, mixtures, values, goal.weights), kExact * out.spread);
  }
  out.p_chance = static_cast<double>(as_good) / (options.shuffles + 1);
  const auto beats = [&](double share, double other) { return share > 0.95 && other - out.cost_best > out.noise && out.p_chance < 0.05; };
  out.beats_uniform = beats(out.better_than_uniform, out.cost_uniform);
  out.beats_natural = beats(out.better_than_natural, out.cost_natural);
  return out;
}

}  // namespace saucier::search
