// What the finished trials of a sweep say about the mixture of its data: laws fitted to the scores, the mixture that they point
// to, and how sure that is (runner/search).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/report/table.h"
#include "runner/search/mixture_optimum.h"
#include "store/store.h"

namespace saucier::report {

// A score and how much it counts; a negative weight means that less of it is better.
struct WeightedMetric {
  std::string name;  // STAGE.BENCHMARK.METRIC
  double weight = 1;
};

struct MixtureQuestion {
  std::string mixture = {};                   // name in the recipe; "": the one that differs between trials
  std::vector<WeightedMetric> metrics = {};   // none: what the sweep is ranked by, else all main scores alike
  double pull = 0.05;                         // towards the natural mixture (search::Goal)
  std::optional<double> max_passes = {};      // over a source: caps its weight
  std::uint64_t seed = 0;
  search::MixtureOptions how = {};
};

struct MixtureFit {
  std::string sweep, mixture, stage;          // the train stage that draws from it
  std::vector<std::string> sources;           // in the order of all weights
  std::vector<WeightedMetric> metrics;
  std::vector<std::string> trials;            // one a run
  std::vector<search::Mixture> mixtures;
  std::vector<search::MetricRuns> runs;       // one a metric, costs
  search::Goal goal;
  search::MixtureResult result;
};

// Throws Error: no mixture differs, several do, a metric that no trial has (with the nearest), fewer than three different mixtures
// with scores.
MixtureFit fit_mixture(const store::Store& store, std::int64_t sweep, const MixtureQuestion& question);

// Columns source, natural, uniform, best, low, high: low to high holds the middle 95 % of the bootstrap's optima.
Table weights_table(const MixtureFit& fit);
// Columns metric, natural, uniform, best (what the laws expect), law, error, mean_error (leave-one-out), noise.
Table metrics_table(const MixtureFit& fit);
// One line: whether the best mixture is distinguishable from uniform and from natural.
std::string verdict_in_words(const MixtureFit& fit);
// "{ conversation = 0.412, detail = 0.588 }", whole thousandths, as --set and a recipe take it.
std::string as_toml(const MixtureFit& fit, const search::Mixture& mixture);

// The laws as a picture: over the triangle of three sources, else one curve a source, the others kept in the proportions of the
// best mixture. Stands for itself as an .svg file.
std::string mixture_svg(const MixtureFit& fit);

}  // namespace saucier::report
