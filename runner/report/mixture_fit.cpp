#include "runner/report/mixture_fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "runner/search/designs.h"

namespace saucier::report {
namespace {

constexpr std::int64_t kThousand = 1000;

struct Run {
  std::map<std::string, double> shares, sizes;  // by source
  double draws = 0;
  std::map<std::string, double> scores;  // by STAGE.BENCHMARK.METRIC
};

std::string text(const Json& cell) { return cell.is_string() ? cell.get<std::string>() : ""; }

// Which mixture to ask about, and the last train stage that draws from it.
std::pair<std::string, std::string> mixture_and_stage(const store::Store& store, std::int64_t sweep, const std::string& wanted) {
  const auto stages = store.query(
      "SELECT t.name, substr(json_extract(s.value, '$.data'), 9), json_extract(s.value, '$.name')"
      " FROM trial t JOIN json_each(t.resolved, '$.stage') s WHERE t.sweep_id = ?1 AND json_extract(s.value, '$.data') LIKE 'mixture.%'"
      " ORDER BY t.number, s.key", {sweep});
  std::map<std::string, std::string> stage_of;
  for (const auto& row : stages.rows) stage_of[text(row[1])] = text(row[2]);
  std::vector<std::string> known;
  for (const auto& [name, stage] : stage_of) known.push_back(name);
  if (!wanted.empty()) {
    if (!stage_of.contains(wanted)) throw Error(fmt::format("no train stage of the sweep draws from a mixture '{}'", wanted), suggestion(wanted, known));
    return {wanted, stage_of.at(wanted)};
  }
  const auto different = store.query(
      "SELECT m.key FROM trial t JOIN json_each(t.resolved, '$.mixture') m WHERE t.sweep_id = ?1"
      " GROUP BY m.key HAVING count(DISTINCT json_extract(m.value, '$.weights')) > 1 ORDER BY m.key", {sweep});
  std::vector<std::string> candidates;
  for (const auto& row : different.rows)
    if (stage_of.contains(text(row[0]))) candidates.push_back(text(row[0]));
  if (candidates.empty()) throw Error("no mixture differs between the trials of this sweep", "sweep over its weights: --sweep 'mixture.NAME.weights=simplex(12,natural)'");
  if (candidates.size() > 1) throw Error(fmt::format("several mixtures differ between the trials: {}", fmt::join(candidates, ", ")), "name one with --mixture");
  return {candidates.front(), stage_of.at(candidates.front())};
}

std::map<std::string, Run> runs_of(const store::Store& store, std::int64_t sweep, const std::string& stage) {
  std::map<std::string, Run> runs;
  const auto drawn = store.query(
      "SELECT t.name, d.source, d.share, d.size, d.draws FROM trial t JOIN trial_stage ts ON ts.trial_id = t.id AND ts.stage = ?2"
      " JOIN stage_run r ON r.key = ts.key AND r.state = 'done' JOIN drawn_source d ON d.stage_run_id = r.id WHERE t.sweep_id = ?1", {sweep, stage});
  for (const auto& row : drawn.rows) {
    Run& run = runs[text(row[0])];
    if (row[2].is_number()) run.shares[text(row[1])] = row[2].get<double>();
    run.sizes[text(row[1])] = row[3].get<double>();
    run.draws += row[4].get<double>();
  }
  const auto scores = store.query("SELECT trial, stage || '.' || benchmark || '.' || metric, value FROM trial_score"
                                  " WHERE sweep_id = ?1 AND condition = 'seen' AND NOT baseline AND value IS NOT NULL", {sweep});
  for (const auto& row : scores.rows)
    if (const auto run = runs.find(text(row[0])); run != runs.end()) run->second.scores[text(row[1])] = row[2].get<double>();
  return runs;
}

std::vector<WeightedMetric> metrics_of(const store::Store& store, std::int64_t sweep, const std::map<std::string, Run>& runs, const MixtureQuestion& question) {
  std::set<std::string> known;
  for (const auto& [trial, run] : runs)
    for (const auto& [metric, value] : run.scores) known.insert(metric);
  if (!question.metrics.empty()) {
    for (const WeightedMetric& metric : question.metrics)
      if (!known.contains(metric.name))
        throw Error(fmt::format("no trial of this sweep has a score '{}'", metric.name), suggestion(metric.name, std::vector<std::string>(known.begin(), known.end())));
    return question.metrics;
  }
  const auto head = store.query("SELECT metric, direction FROM sweep WHERE id = ?1", {sweep});
  if (const std::string metric = text(head.rows.at(0)[0]); known.contains(metric)) return {{metric, text(head.rows[0][1]) == "minimize" ? -1.0 : 1.0}};
  const auto main = store.query("SELECT DISTINCT stage || '.' || benchmark || '.' || metric FROM trial_score WHERE sweep_id = ?1 AND main"
                                " AND condition = 'seen' AND NOT baseline ORDER BY 1", {sweep});
  std::vector<WeightedMetric> metrics;
  for (const auto& row : main.rows)
    if (known.contains(text(row[0]))) metrics.push_back({text(row[0]), 1.0 / static_cast<double>(main.rows.size())});
  if (metrics.empty()) throw Error("no trial of this sweep has scores yet", "'saucier status' shows what runs");
  return metrics;
}

search::Goal goal_of(const std::map<std::string, Run>& runs, const MixtureFit& fit, const MixtureQuestion& question) {
  std::map<std::string, double> sizes;
  double draws = 0;
  for (const auto& [trial, run] : runs) {
    sizes.insert(run.sizes.begin(), run.sizes.end());
    draws = std::max(draws, run.draws);
  }
  search::Goal goal{.natural = {}, .caps = {}, .weights = {}, .pull = question.pull};
  for (const std::string& source : fit.sources) goal.natural.push_back(sizes.at(source));
  if (question.max_passes && draws > 0)
    for (const double size : goal.natural) goal.caps.push_back(std::min(1.0, size * *question.max_passes / draws));
  goal.natural = search::normalised(goal.natural);
  for (const WeightedMetric& metric : fit.metrics) goal.weights.push_back(std::abs(metric.weight));
  return goal;
}

double weight_sign(const WeightedMetric& metric) { return metric.weight < 0 ? -1 : 1; }

}  // namespace

MixtureFit fit_mixture(const store::Store& store, std::int64_t sweep, const MixtureQuestion& question) {
  MixtureFit fit;
  fit.sweep = text(store.query("SELECT name FROM sweep WHERE id = ?1", {sweep}).rows.at(0)[0]);
  std::tie(fit.mixture, fit.stage) = mixture_and_stage(store, sweep, question.mixture);
  const std::map<std::string, Run> runs = runs_of(store, sweep, fit.stage);
  fit.metrics = metrics_of(store, sweep, runs, question);
  std::set<std::string> sources;
  for (const auto& [trial, run] : runs)
    for (const auto& [source, share] : run.shares)
      if (share > 0) sources.insert(source);
  fit.sources.assign(sources.begin(), sources.end());
  fit.runs.resize(fit.metrics.size());
  for (const auto& [trial, run] : runs) {
    if (run.shares.empty() || !std::all_of(fit.metrics.begin(), fit.metrics.end(), [&](const auto& metric) { return run.scores.contains(metric.name); })) continue;
    search::Mixture mixture;
    for (const std::string& source : fit.sources) mixture.push_back(run.shares.contains(source) ? run.shares.at(source) : 0);
    fit.mixtures.push_back(search::normalised(std::move(mixture)));
    fit.trials.push_back(trial);
    for (size_t m = 0; m < fit.metrics.size(); ++m) fit.runs[m].costs.push_back(-weight_sign(fit.metrics[m]) * run.scores.at(fit.metrics[m].name));
  }
  const size_t different = std::set<search::Mixture>(fit.mixtures.begin(), fit.mixtures.end()).size();
  constexpr size_t kLeast = 3;
  if (different < kLeast)
    throw Error(fmt::format("{} different mixtures of '{}' have scores; a law needs at least {}", different, fit.mixture, kLeast), "'saucier status' shows what runs");
  fit.goal = goal_of(runs, fit, question);
  fit.result = search::search_mixture(fit.mixtures, fit.runs, fit.goal, question.seed, question.how);
  return fit;
}

Table weights_table(const MixtureFit& fit) {
  Table table{{"source", "natural", "uniform", "best", "low", "high"}, {}};
  const search::Mixture uniform = search::uniform_mixture(fit.sources.size());
  for (size_t s = 0; s < fit.sources.size(); ++s)
    table.rows.push_back({fit.sources[s], fit.goal.natural[s], uniform[s], fit.result.best[s], fit.result.intervals[s].low, fit.result.intervals[s].high});
  return table;
}

Table metrics_table(const MixtureFit& fit) {
  Table table{{"metric", "natural", "uniform", "best", "law", "error", "mean_error", "noise"}, {}};
  const search::Mixture uniform = search::uniform_mixture(fit.sources.size());
  for (size_t m = 0; m < fit.metrics.size(); ++m) {
    const search::FittedLaw& fitted = fit.result.laws[m];
    const auto expected = [&](const search::Mixture& mixture) { return -weight_sign(fit.metrics[m]) * fitted.law.cost(mixture); };
    table.rows.push_back({fit.metrics[m].name, expected(fit.goal.natural), expected(uniform), expected(fit.result.best),
                          fitted.law.form == search::LawForm::kRidge ? "ridge" : "log-linear", fitted.error(), fitted.constant_error, fitted.noise});
  }
  return table;
}

std::string verdict_in_words(const MixtureFit& fit) {
  const search::MixtureResult& result = fit.result;
  std::string out;
  const bool explains = std::any_of(result.laws.begin(), result.laws.end(), [](const auto& law) { return law.explains(); });
  if (!explains) out = "no law says more than the mean of the runs: the mixture does not matter as far as these runs can tell; ";
  out += result.beats_uniform ? fmt::format("better than uniform in {:.0f} % of the bootstrap", 100 * result.better_than_uniform)
                              : fmt::format("not distinguishable from uniform ({:.0f} % of the bootstrap, p = {:.2g} by shuffling)", 100 * result.better_than_uniform, result.p_chance);
  out += result.beats_natural ? fmt::format(", better than natural in {:.0f} %", 100 * result.better_than_natural) : fmt::format(", not distinguishable from natural ({:.0f} %)", 100 * result.better_than_natural);
  return out;
}

std::string as_toml(const MixtureFit& fit, const search::Mixture& mixture) {
  const search::Mixture rounded = search::in_thousandths(mixture, search::checked_caps(fit.goal.caps, mixture.size()));
  std::string out;
  for (size_t s = 0; s < fit.sources.size(); ++s)
    if (const auto weight = static_cast<std::int64_t>(std::llround(rounded[s] * kThousand)); weight > 0)
      out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", fit.sources[s], static_cast<double>(weight) / kThousand);
  return "{ " + out + " }";
}

}  // namespace saucier::report
