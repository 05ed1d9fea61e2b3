// Mixtures fitted to a store of trials whose scores follow a known law.
#include "runner/report/mixture_fit.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "modules/base/error.h"
#include "runner/search/designs.h"
#include "tests/runner/report/filled_store.h"
#include "tests/temp_folder.h"

using namespace saucier;
using search::Mixture;

namespace {

const std::vector<std::string> kSources = {"conversation", "detail", "reasoning"};
constexpr int kSizes[] = {600, 300, 100};

// Best with much of the first and some of the third, and of the form that ridge fits; `slope` 0: the mixture does not matter.
double score_of(const Mixture& w, double slope) {
  const auto off = [](double share, double best) { return std::pow(std::sqrt(share) - std::sqrt(best), 2); };
  return 0.9 - slope * (off(w[0], 0.6) + off(w[2], 0.3));
}

struct Case {
  double slope = 0.5;
  double noise = 0.002;
  size_t trials = 20;
  bool several = false;  // a second mixture that differs, too
};

std::int64_t fill(store::Store& store, const Case& c) {
  const Mixture natural = {0.6, 0.3, 0.1};
  const auto design = search::mixture_design(natural, 1, {.mixtures = c.trials, .repeats = 0, .caps = {}});
  Rng rng(3, "test.mixture");
  std::vector<store::TrialRow> trials;
  std::vector<std::vector<Json>> drawn, scores;
  for (size_t i = 0; i < design.size(); ++i) {
    const std::string n = std::to_string(i + 1);
    Json weights = Json::object();
    for (size_t s = 0; s < kSources.size(); ++s)
      if (design[i].mixture[s] > 0) weights[kSources[s]] = design[i].mixture[s];
    Json resolved = {{"stage", {{{"name", "instruct"}, {"kind", "train"}, {"data", "mixture.instruct"}, {"from", "none"}},
                                {{"name", "bench"}, {"kind", "evaluate"}, {"from", "instruct"}}}},
                     {"mixture", {{"instruct", {{"weights", weights}}}}}};
    if (c.several) {
      resolved["mixture"]["align"] = {{"weights", {{"captions", i + 1.0}}}};
      resolved["stage"].push_back({{"name", "align"}, {"kind", "train"}, {"data", "mixture.align"}, {"from", "none"}});
    }
    trials.push_back({.name = "x-" + n, .parameters = {{"mixture.instruct.weights", weights}}, .resolved = canonical(resolved), .stages = {{"instruct", "i" + n}, {"bench", "b" + n}}});
    Json sources = Json::array();
    for (size_t s = 0; s < kSources.size(); ++s)
      if (design[i].mixture[s] > 0) sources.push_back(drawn_source(kSources[s], design[i].mixture[s], kSizes[s], static_cast<int>(1000 * design[i].mixture[s])));
    drawn.push_back({drawn_event(0, 50, sources)});
    const double value = score_of(design[i].mixture, c.slope) + c.noise * rng.normal();
    scores.push_back({score_event("scenes-pope", "f1", "seen", value), score_event("scenes-count", "accuracy", "seen", 1 - value)});
  }
  const std::int64_t sweep = store.add_sweep("x", "x.toml", "bench.scenes-pope.f1", "maximize", trials);
  for (size_t i = 0; i < trials.size(); ++i) {
    finish_stage(store, "i" + std::to_string(i + 1), "instruct", "train", drawn[i]);
    finish_stage(store, "b" + std::to_string(i + 1), "bench", "evaluate", scores[i]);
  }
  return sweep;
}

report::MixtureQuestion quick() { return {.how = {.bootstrap = 40, .shuffles = 40, .optimum = {.draws = 4000, .kept = 32}}}; }

}  // namespace

TEST_CASE("the best mixture is found where the scores follow one") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const report::MixtureFit fit = report::fit_mixture(*store, fill(*store, {}), quick());
  CHECK(fit.mixture == "instruct");
  CHECK(fit.stage == "instruct");
  CHECK(fit.sources == kSources);
  CHECK(fit.trials.size() == 20);
  CHECK(fit.goal.natural == Mixture{0.6, 0.3, 0.1});
  CHECK(fit.result.best[0] == Approx(0.6).margin(0.12));
  CHECK(fit.result.best[2] == Approx(0.3).margin(0.12));
  INFO(report::verdict_in_words(fit));
  CHECK(fit.result.beats_uniform);
  CHECK(report::verdict_in_words(fit).starts_with("better than uniform in "));
  const report::Table weights = report::weights_table(fit);
  CHECK(weights.columns == std::vector<std::string>{"source", "natural", "uniform", "best", "low", "high"});
  REQUIRE(weights.rows.size() == 3);
  for (const auto& row : weights.rows) CHECK(row[4].get<double>() <= row[5].get<double>());
  const report::Table metrics = report::metrics_table(fit);
  REQUIRE(metrics.rows.size() == 1);
  CHECK(metrics.rows[0][0] == "bench.scenes-pope.f1");
  CHECK(metrics.rows[0][3].get<double>() > metrics.rows[0][2].get<double>());
  CHECK(metrics.rows[0][3].get<double>() == Approx(0.9).margin(0.02));
  CHECK(report::as_toml(fit, {0.5, 0.2504, 0.2496}) == "{ conversation = 0.5, detail = 0.25, reasoning = 0.25 }");
  CHECK(report::as_toml(fit, {1, 0, 0}) == "{ conversation = 1 }");
}

TEST_CASE("a negative weight turns a metric round") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  report::MixtureQuestion question = quick();
  const std::int64_t sweep = fill(*store, {});
  question.metrics = {{"bench.scenes-count.accuracy", -2}};  // 1 - the other one
  const report::MixtureFit turned = report::fit_mixture(*store, sweep, question);
  CHECK(turned.result.best[0] == Approx(0.6).margin(0.12));
  CHECK(report::metrics_table(turned).rows[0][3].get<double>() == Approx(0.1).margin(0.02));
  question.metrics = {{"bench.scenes-count.accuracy", 1}};
  CHECK(std::abs(report::fit_mixture(*store, sweep, question).result.best[0] - 0.6) > 0.2);
}

TEST_CASE("where the mixture does not matter, that is said") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const report::MixtureFit fit = report::fit_mixture(*store, fill(*store, {.slope = 0, .noise = 0.01}), quick());
  CHECK_FALSE(fit.result.beats_uniform);
  CHECK(report::verdict_in_words(fit).find("not distinguishable from uniform") != std::string::npos);
}

TEST_CASE("passes over a small source are capped") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  report::MixtureQuestion question = quick();
  question.max_passes = 1.5;
  const report::MixtureFit fit = report::fit_mixture(*store, fill(*store, {}), question);
  CHECK(fit.goal.caps[2] == Approx(0.15).epsilon(0.01));  // 100 samples · 1.5 / 1,000 draws
  CHECK(fit.result.best[2] <= 0.151);
}

TEST_CASE("what cannot be fitted is told") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const std::int64_t sweep = fill(*store, {.trials = 6, .several = true});
  CHECK_THROWS_WITH(report::fit_mixture(*store, sweep, quick()), "several mixtures differ between the trials: align, instruct");
  report::MixtureQuestion question = quick();
  question.mixture = "instrukt";
  CHECK_THROWS_WITH(report::fit_mixture(*store, sweep, question), "no train stage of the sweep draws from a mixture 'instrukt'");
  question.mixture = "instruct";
  question.metrics = {{"bench.scenes-pope.f2"}};
  CHECK_THROWS_WITH(report::fit_mixture(*store, sweep, question), "no trial of this sweep has a score 'bench.scenes-pope.f2'");

  TempFolder other;
  const auto few = store::Store::open(other.path() / "s.db");
  CHECK_THROWS_WITH(report::fit_mixture(*few, fill(*few, {.trials = 2}), quick()), "2 different mixtures of 'instruct' have scores; a law needs at least 3");
}

TEST_CASE("the picture has a triangle for three sources and a curve a source else") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  report::MixtureFit fit = report::fit_mixture(*store, fill(*store, {}), quick());
  const std::string triangle = report::mixture_svg(fit);
  CHECK(triangle.starts_with("<svg xmlns="));
  CHECK(triangle.find("star: best") != std::string::npos);
  for (const std::string& source : kSources) CHECK(triangle.find(">" + source + "</text>") != std::string::npos);

  fit.sources.emplace_back("more");
  for (Mixture* mixture : {&fit.goal.natural, &fit.result.best}) mixture->push_back(0);
  for (search::FittedLaw& law : fit.result.laws) law.law = {.form = search::LawForm::kRidge, .linear = {1, 2, 3, 4}, .root = {0, 0, 0, 0}};
  const std::string curves = report::mixture_svg(fit);
  CHECK(curves.find("<title>more</title>") != std::string::npos);
  CHECK(curves.find("star: best") == std::string::npos);
}
