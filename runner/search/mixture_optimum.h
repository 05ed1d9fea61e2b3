// Which mixture the fitted laws point to, and how sure that is.
//
// The objective is sum_i weight_i cost_i(w) + pull spread KL(w || natural): the laws decide where the runs say enough, and
// the natural mixture where they do not. `spread` is the standard deviation of the weighted sum over the runs, so that
// `pull` means the same for losses and for per cents.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runner/search/mixture_law.h"

namespace saucier::search {

struct Goal {
  Mixture natural;
  Caps caps;                    // none: all 1
  std::vector<double> weights;  // one a metric
  double pull = 0.05;
};

struct OptimumOptions {
  size_t draws = 100'000;  // from Dirichlets around natural and uniform, narrow and wide
  size_t kept = 128;       // the best of them go downhill from where they are
  int steps = 30;          // of projected gradient
};

// The mean of the `kept` ends; their best where the mean is worse than the median end, since laws may have two valleys.
// Sources below half a thousandth get nothing. A source that natural has not gets nothing.
Mixture mixture_optimum(std::span<const Law> laws, double spread, const Goal& goal, std::uint64_t seed, const OptimumOptions& options = {});

// One metric of all runs.
struct MetricRuns {
  std::vector<double> costs;  // one a run; smaller is better
};

struct WeightInterval {
  double low = 0, high = 0;  // the middle 95 % of the bootstrap's optima
};

struct MixtureResult {
  std::vector<FittedLaw> laws;  // one a metric
  Mixture best;
  double cost_best = 0, cost_natural = 0, cost_uniform = 0;  // weighted sums of what the laws say, without the pull
  double spread = 0;   // standard deviation of the weighted sum over the runs
  double noise = 0;    // between repeats of one mixture
  std::vector<WeightInterval> intervals;  // one a source
  double better_than_natural = 0, better_than_uniform = 0;  // share of the bootstrap's laws that say so of `best`
  double p_chance = 1;  // how often runs whose values are shuffled promise as much over uniform, in units of what the law leaves unexplained
  // p_chance < 5 %, better_than_... > 95 %, and the gain is above the noise. Else: "not distinguishable from uniform".
  bool beats_uniform = false, beats_natural = false;
};

struct MixtureOptions {
  int bootstrap = 200;
  int shuffles = 100;
  OptimumOptions optimum;
};

// Fit, optimum and doubt in one; a function of its arguments. mixtures[i] is what run i was trained on.
MixtureResult search_mixture(std::span<const Mixture> mixtures, std::span<const MetricRuns> metrics, const Goal& goal, std::uint64_t seed,
                             const MixtureOptions& options = {});

}  // namespace saucier::search
