// mix: the mixture that the finished trials of a sweep point to, and how sure that is.

#include <cmath>
#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/suggest.h"
#include "runner/cli/table_output.h"
#include "runner/report/find.h"
#include "runner/report/mixture_fit.h"

namespace saucier::cli {
namespace {

// "bench.scenes-pope.f1" or "bench.scenes-pope.f1=2".
report::WeightedMetric weighted(const std::string& said) {
  const size_t equals = said.find('=');
  report::WeightedMetric metric{said.substr(0, equals), 1};
  if (equals == std::string::npos) return metric;
  const std::string number = said.substr(equals + 1);
  size_t used = 0;
  try {
    metric.weight = std::stod(number, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (number.empty() || used != number.size() || metric.weight == 0 || !std::isfinite(metric.weight))
    throw Error(fmt::format("'{}' gives no weight of '{}'", number, metric.name), "a number other than 0; below 0 where less is better");
  return metric;
}

Json weights_json(const report::MixtureFit& fit, const search::Mixture& mixture) {
  Json out = Json::object();
  for (size_t s = 0; s < fit.sources.size(); ++s) out[fit.sources[s]] = mixture[s];
  return out;
}

void print_json(const report::MixtureFit& fit) {
  const search::MixtureResult& result = fit.result;
  const Json out = {{"sweep", fit.sweep},
                    {"mixture", fit.mixture},
                    {"stage", fit.stage},
                    {"runs", fit.trials.size()},
                    {"weights", report::to_json(report::weights_table(fit))},
                    {"metrics", report::to_json(report::metrics_table(fit))},
                    {"best", weights_json(fit, result.best)},
                    {"better_than_uniform", result.better_than_uniform},
                    {"better_than_natural", result.better_than_natural},
                    {"p_chance", result.p_chance},
                    {"beats_uniform", result.beats_uniform},
                    {"beats_natural", result.beats_natural}};
  std::puts(out.dump(2).c_str());
}

void print_fit(const report::MixtureFit& fit) {
  std::fputs(fmt::format("mixture '{}' of sweep '{}': {} runs\n\n", fit.mixture, fit.sweep, fit.trials.size()).c_str(), stdout);
  std::fputs(report::to_text(report::weights_table(fit)).c_str(), stdout);
  std::puts("");
  std::fputs(report::to_text(report::metrics_table(fit)).c_str(), stdout);
  std::fputs(fmt::format("\nbest: {}\n", report::verdict_in_words(fit)).c_str(), stdout);
}

// Trains the winner, natural and uniform with several seeds.
std::vector<std::string> verification(const report::MixtureFit& fit, const std::string& recipe, std::int64_t repeats, const std::string& store) {
  std::string points, seeds;
  for (const search::Mixture& mixture : {fit.result.best, fit.goal.natural, search::uniform_mixture(fit.sources.size())})
    points += (points.empty() ? "" : ",") + report::as_toml(fit, mixture);
  for (std::int64_t seed = 1; seed <= repeats; ++seed) seeds += fmt::format("{}{}", seed > 1 ? "," : "", seed);
  return {recipe, "--store", store, "--sweep", fmt::format("mixture.{}.weights={}", fit.mixture, points), "--sweep", "seed=" + seeds};
}

}  // namespace

int mix(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("mixture", po::value<std::string>()->value_name("NAME"), "of the recipe; default: the one that differs between trials")(
      "metric", po::value<std::vector<std::string>>()->value_name("M[=WEIGHT]")->composing(), "STAGE.BENCHMARK.METRIC, and how much it counts (below 0: less is better); may be given again; default: the recipe's metric, else all main scores")(
      "pull", po::value<double>()->value_name("X")->default_value(0.05), "towards the natural mixture, in standard deviations of the runs")(
      "max-passes", po::value<double>()->value_name("X"), "most passes over a source in a run")(
      "plot", po::value<std::string>()->value_name("FILE"), "draw what the laws expect, as SVG")(
      "verify", po::value<std::string>()->value_name("RECIPE"), "best: train the best, the natural and the uniform mixture of this recipe")(
      "repeats", po::value<std::int64_t>()->value_name("N")->default_value(3), "of --verify: seeds of each")("json", "one JSON object");
  add_store_option(options);
  const po::variables_map values = parse("mix", arguments, options, {{"what", 1}, {"sweep", 1}});
  const auto what = strings(values, "what"), names = strings(values, "sweep");
  if (what.empty() || (what.front() != "fit" && what.front() != "best"))
    throw Error(what.empty() ? "'saucier mix' needs 'fit' or 'best'" : fmt::format("'saucier mix' knows no '{}'", what.front()), what.empty() ? command("mix").example : suggestion(what.front(), std::vector<std::string>{"fit", "best"}));
  const std::int64_t repeats = number(values, "repeats", 1);
  report::MixtureQuestion question{.mixture = text_of(values, "mixture"), .metrics = {}, .pull = values["pull"].as<double>()};
  if (question.pull < 0) throw Error("--pull is from 0");
  for (const std::string& metric : strings(values, "metric")) question.metrics.push_back(weighted(metric));
  if (values.count("max-passes")) {
    question.max_passes = values["max-passes"].as<double>();
    if (!(*question.max_passes > 0)) throw Error("--max-passes is above 0");
  }
  const std::string file = values["store"].as<std::string>();
  const report::MixtureFit fit = [&] {
    const auto store = store::Store::open_read_only(file);
    return report::fit_mixture(*store, report::find_sweep(*store, names.empty() ? "" : names.front()), question);
  }();
  if (values.count("plot")) write_file_atomic(text_of(values, "plot"), report::mixture_svg(fit));
  if (values.count("json")) return print_json(fit), kDone;
  if (what.front() == "fit") return print_fit(fit), kDone;

  std::puts(fmt::format("mixture.{}.weights={}", fit.mixture, report::as_toml(fit, fit.result.best)).c_str());
  std::fputs(fmt::format("{}\n", report::verdict_in_words(fit)).c_str(), stderr);
  if (!values.count("verify")) return kDone;
  return run(verification(fit, text_of(values, "verify"), repeats, file));
}

}  // namespace saucier::cli
