// overlap: what the data that is trained on shares with held-out sources, and its sources with each other.

#include <algorithm>
#include <cstdio>
#include <map>

#include "modules/base/error.h"
#include "modules/base/paths.h"
#include "modules/base/suggest.h"
#include "modules/data/overlap/across.h"
#include "modules/data/overlap/held_out.h"
#include "modules/data/readers/row_count.h"
#include "modules/sources/sources.h"
#include "runner/cli/progress_line.h"
#include "runner/cli/recipe_argument.h"
#include "runner/cli/stage_job.h"
#include "runner/report/table.h"

namespace saucier::cli {
namespace {

struct Asked {
  options::Job job;                                          // of all train stages together
  std::map<std::string, std::vector<std::string>> held_out;  // of every source that is trained on
};

std::vector<std::string> drawn_by(const options::Job& job) {
  constexpr std::string_view kData = "data.";
  if (job.train->data.starts_with(kData)) return {job.train->data.substr(kData.size())};
  std::vector<std::string> names;
  for (const auto& [mixture, options] : job.mixture)
    for (const auto& [name, weight] : options.weights) names.push_back(name);
  return names;
}

Asked ask(const recipe::Trial& trial, const plan::Plan& plan, const std::string& stage, const std::vector<std::string>& held_out, const std::string& recipe_name) {
  Asked asked;
  std::vector<std::string> known;
  bool first = true;
  for (const int n : plan.trial_nodes[0]) {
    const plan::Node& node = plan.nodes[static_cast<size_t>(n)];
    if (node.kind != "train") continue;
    known.push_back(node.name);
    if (!stage.empty() && node.name != stage) continue;
    options::Job job = job_as_it_is(plan, node, recipe_name);
    for (const std::string& name : drawn_by(job)) asked.held_out[name] = held_out.empty() ? job.data.at(name).held_out : held_out;
    if (first) asked.job = job;
    asked.job.data.insert(job.data.begin(), job.data.end());
    asked.job.artifacts.insert(job.artifacts.begin(), job.artifacts.end());
    first = false;
  }
  if (first)
    throw Error(stage.empty() ? fmt::format("'{}' has no train stage, so no samples are trained on", trial.name) : fmt::format("'{}' has no train stage '{}'", trial.name, stage),
                suggestion(stage, known));
  const Json& sources = trial.resolved.at("data");
  for (const std::string& name : held_out) {
    std::vector<std::string> names;
    for (const auto& source : sources.items()) names.push_back(source.key());
    if (!sources.contains(name)) throw Error(fmt::format("no data source '{}' in the recipe", name), suggestion(name, names));
    asked.job.data.emplace(name, options::from_json<options::DataOptions>(sources.at(name)));
  }
  for (auto& [name, others] : asked.held_out) std::erase(others, name);
  return asked;
}

struct Pair {
  std::string source, held_out;
  std::int64_t samples = 0;
  std::vector<data::Overlap> overlaps;
  std::vector<Json> examples;
  std::vector<std::string> told;

  std::int64_t count(data::Reason reason, bool same) const {
    return std::count_if(overlaps.begin(), overlaps.end(), [&](const data::Overlap& one) { return one.reason == reason && one.same == same; });
  }
};

struct Twins {
  std::string source, of;
  std::int64_t count = 0;
  std::vector<Json> examples;
  std::vector<std::string> told;
};

Json example_json(const data::ReadReport::Example& example) {
  Json out = {{"sample", example.id}, {"detail", example.detail}};
  if (example.line > 0) out.update({{"file", example.file}, {"line", example.line}});
  return out;
}

class Comparison {
 public:
  Comparison(const Asked& asked, const std::string& cache, std::int64_t most) : asked_(asked), marks_(cache, shown()), most_(static_cast<size_t>(most)) {}

  std::vector<Pair> pairs() {
    std::vector<Pair> all;
    std::map<std::string, std::shared_ptr<const data::HeldOut>> known;
    for (const auto& [name, others] : asked_.held_out)
      for (const std::string& other : others) {
        auto& held_out = known[other];
        if (!held_out) held_out = std::make_shared<data::HeldOut>(other, source(other), marks_, kAllCores);
        all.push_back(pair(name, held_out));
      }
    line_.clear();
    return all;
  }

  std::vector<Twins> twins() {
    std::vector<data::NamedSource> sources;
    for (const auto& [name, others] : asked_.held_out) sources.push_back({name, source(name)});
    const auto found = data::find_twins(sources, marks_, kAllCores);
    line_.clear();
    std::vector<Twins> all;
    for (size_t s = 0; s < sources.size(); ++s)
      for (size_t other = 0; other < s; ++other) {
        Twins one{.source = sources[s].name, .of = sources[other].name, .examples = {}, .told = {}};
        for (const data::Twin& twin : found[s]) {
          if (twin.source != other || static_cast<size_t>(one.count++) >= most_) continue;
          const data::ReadReport::Example example = example_of(twin, *sources[s].samples, sources);
          one.examples.push_back(example_json(example));
          one.told.push_back(data::told(example));
        }
        if (one.count > 0) all.push_back(std::move(one));
      }
    return all;
  }

 private:
  static constexpr int kAllCores = 0;

  data::Progress shown() {
    return data::Progress([this](const data::Progress::Now& now) { line_.draw(fmt::format("{}: {}/{}  {:.0f} samples/s", now.what, now.done, now.samples, now.rate)); }, line_.seconds_between());
  }

  std::shared_ptr<const data::SampleSource> source(const std::string& name) {
    auto& one = sources_[name];
    if (!one) one = sources::make_source(asked_.job, name);
    return one;
  }

  Pair pair(const std::string& name, const std::shared_ptr<const data::HeldOut>& held_out) {
    const auto samples = source(name);
    Pair out{.source = name, .held_out = held_out->name(), .samples = samples->size(), .overlaps = data::find_overlaps(*samples, name, {held_out}, marks_, kAllCores), .examples = {}, .told = {}};
    for (const data::Overlap& overlap : out.overlaps) {
      if (out.examples.size() >= most_) break;
      const data::ReadReport::Example example = example_of(overlap, *samples, {held_out});
      const data::RowOf row = held_out->samples().row(overlap.other);
      Json one = example_json(example);
      one.update({{"reason", data::name_of(overlap.reason)}, {"match", overlap.same ? "same" : "near"}, {"other", {{"sample", held_out->samples().get(overlap.other).id}}}});
      if (row.line > 0) one["other"].update({{"file", row.file}, {"line", row.line}});
      out.examples.push_back(std::move(one));
      out.told.push_back(fmt::format("{}: {}", data::name_of(overlap.reason), data::told(example)));
    }
    return out;
  }

  const Asked& asked_;
  ProgressLine line_;
  data::PictureMarks marks_;
  size_t most_;
  std::map<std::string, std::shared_ptr<const data::SampleSource>> sources_;
};

void print_json(const std::vector<Pair>& pairs, const std::vector<Twins>& twins) {
  using data::Reason;
  Json out = {{"overlap", Json::array()}, {"duplicates", Json::array()}};
  for (const Pair& p : pairs)
    out["overlap"].push_back({{"source", p.source}, {"held_out", p.held_out}, {"samples", p.samples},
                              {"same_question", p.count(Reason::kOverlapQuestion, true)}, {"near_question", p.count(Reason::kOverlapQuestion, false)},
                              {"same_picture", p.count(Reason::kOverlapPicture, true)}, {"near_picture", p.count(Reason::kOverlapPicture, false)},
                              {"examples", p.examples}});
  for (const Twins& t : twins) out["duplicates"].push_back({{"source", t.source}, {"of", t.of}, {"samples", t.count}, {"examples", t.examples}});
  std::puts(out.dump(2).c_str());
}

void print_text(const std::vector<Pair>& pairs, const std::vector<Twins>& twins) {
  using data::Reason;
  if (!pairs.empty()) {
    report::Table table{{"source", "held_out", "samples", "same_question", "near_question", "same_picture", "near_picture"}, {}};
    for (const Pair& p : pairs)
      table.rows.push_back({p.source, p.held_out, p.samples, p.count(Reason::kOverlapQuestion, true), p.count(Reason::kOverlapQuestion, false),
                            p.count(Reason::kOverlapPicture, true), p.count(Reason::kOverlapPicture, false)});
    std::fputs(report::to_text(table).c_str(), stdout);
  }
  for (const Pair& p : pairs)
    for (const std::string& line : p.told) std::puts(fmt::format("{}, {}", p.source, line).c_str());
  if (!pairs.empty()) std::puts("");
  if (twins.empty()) return void(std::puts("no sample stands in two of the sources that are trained on"));
  report::Table table{{"source", "duplicates_of", "samples"}, {}};
  for (const Twins& t : twins) table.rows.push_back({t.source, t.of, t.count});
  std::fputs(report::to_text(table).c_str(), stdout);
  for (const Twins& t : twins)
    for (const std::string& line : t.told) std::puts(fmt::format("{}, duplicate-elsewhere: {}", t.source, line).c_str());
}

}  // namespace

int overlap(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_recipe_options(options);
  add_store_option(options);
  options.add_options()("trial", po::value<std::string>()->value_name("NAME"), "of a sweep; default: the first")(
      "stage", po::value<std::string>()->value_name("NAME"), "what one train stage draws from; default: what all of them do")(
      "held-out", po::value<std::vector<std::string>>()->value_name("SOURCE")->composing(), "a data source of the recipe, in the place of what held_out says; may be given again")(
      "examples", po::value<std::int64_t>()->value_name("N")->default_value(3), "how many of each two sources are shown")("json", "one JSON object");
  const po::variables_map values = parse("overlap", arguments, options, {{"recipe", 1}});
  const std::int64_t examples = number(values, "examples", 0);
  const recipe::Recipe recipe = read_recipe("overlap", values);
  if (!report_problems(recipe, Files::kNeeded)) return kUsage;
  plan::check_machine(recipe);
  const recipe::Trial& trial = trial_of(recipe, text_of(values, "trial"));
  const std::string store = values["store"].as<std::string>();
  const Asked asked = ask(trial, plan_of(recipe, trial, store), text_of(values, "stage"), strings(values, "held-out"), recipe_file("overlap", values));
  Comparison comparison(asked, paths::cache(store), examples);
  const std::vector<Pair> pairs = comparison.pairs();
  const std::vector<Twins> twins = comparison.twins();
  if (values.count("json")) {
    print_json(pairs, twins);
  } else {
    if (pairs.empty()) std::fputs("note: no source that is trained on says what it holds out: see held_out, or --held-out\n", stderr);
    print_text(pairs, twins);
  }
  return std::any_of(pairs.begin(), pairs.end(), [](const Pair& pair) { return !pair.overlaps.empty(); }) ? kFailed : kDone;
}

}  // namespace saucier::cli
