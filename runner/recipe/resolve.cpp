#include "runner/recipe/resolve.h"

#include <algorithm>
#include <set>

#include "runner/recipe/check.h"

namespace saucier::recipe {
namespace {

// The recipe's origins that concern this stage, and its own; the stage's conversation wins over the recipe's.
std::map<std::string, std::string> origins_of(const Bound& bound, const BoundStage& stage, const options::Job& job) {
  std::map<std::string, std::string> out;
  const auto concerns = [&](const std::string& path) {
    if (path == "seed" || path.starts_with("model.") || path.starts_with("conversation.")) return true;
    for (const auto& [name, source] : job.data)
      if (path.starts_with("data." + name + ".")) return true;
    for (const auto& [name, mixture] : job.mixture)
      if (path.starts_with("mixture." + name + ".")) return true;
    for (const auto& [name, teacher] : job.teachers)
      if (path.starts_with("teacher." + name + ".")) return true;
    for (const auto& [name, kind] : job.kinds)
      if (path.starts_with("kind." + name + ".")) return true;
    for (const auto& [name, benchmark] : job.benchmarks)
      if (path.starts_with("benchmark." + name + ".")) return true;
    return false;
  };
  for (const auto& [path, origin] : bound.origins)
    if (concerns(path)) out[path] = origin;
  const std::string form = "template." + job.conversation.template_name;  // in the job and its key it is conversation.form
  for (auto it = bound.origins.lower_bound(form + "."); it != bound.origins.end() && it->first.starts_with(form + "."); ++it)
    out["conversation.form" + it->first.substr(form.size())] = it->second;
  for (const auto& [path, origin] : stage.origins) out[path] = origin;
  return out;
}

std::vector<std::string> needs_of(const Bound& bound, const BoundStage& stage, const options::Job& job) {
  std::set<std::string> names;
  if (!stage.goes_on_from.empty()) names.insert(stage.goes_on_from);
  for (const auto& [name, source] : job.data)
    if (source.format == "synthesized") names.insert(source.stage);
  for (const auto& [name, teacher] : job.teachers)
    if (teacher.kind == "self") names.insert(teacher.stage);
  std::vector<std::string> out;
  for (const BoundStage& other : bound.stages)
    if (names.count(other.name)) out.push_back(other.name);
  return out;
}

// Where the pictures lie that a synthesize stage wrote about, unless they are drawn.
std::string images_of(const Bound& bound, const BoundStage* writer) {
  const auto source = writer && writer->synthesize ? bound.options.data.find(writer->synthesize->source) : bound.options.data.end();
  if (source == bound.options.data.end() || source->second.format == "scenes") return {};
  return source->second.images.empty() ? (fs::path(source->second.path) / "images").string() : source->second.images;
}

// When its rounds end, beside the stages that they are.
Json resolved_cycle(const Cycle& cycle) {
  Json out = {{"rounds", cycle.rounds}, {"start", cycle.start}};
  if (!cycle.gain_stage.empty()) {
    out["stop_without_gain"] = cycle.gain_stage + "." + cycle.gain_benchmark;
    out["alpha"] = cycle.alpha;
  }
  if (cycle.max_hours) out["max_hours"] = *cycle.max_hours;
  return out;
}

Stage resolve_stage(const Bound& bound, const BoundStage& stage) {
  Stage out;
  out.name = stage.name;
  out.kind = stage.kind;
  out.from = stage.goes_on_from;
  if (const auto round = bound.rounds.stages.find(stage.name); round != bound.rounds.stages.end()) out.round = round->second;
  options::Job& job = out.job;
  job.stage = stage.name;
  job.kind = stage.kind;
  job.seed = bound.options.seed;
  job.model = bound.options.model;
  static_cast<options::ConversationOptions&>(job.conversation) = stage.conversation;
  if (const auto own = bound.options.templates.find(stage.conversation.template_name); own != bound.options.templates.end())
    job.conversation.form = own->second;
  for (const std::string& name : sources_of(bound, stage, false)) {
    options::DataOptions& source = job.data[name] = bound.options.data.at(name);
    if (source.format == "synthesized") source.images = images_of(bound, bound.stage(source.stage));
  }
  for (const std::string& name : mixtures_of(bound, stage)) {
    options::MixtureOptions mixture = bound.options.mixture.at(name);
    std::erase_if(mixture.weights, [](const auto& entry) { return !entry.second.takes_part(); });
    job.mixture[name] = std::move(mixture);
  }
  for (const std::string& name : teachers_of(bound, stage)) job.teachers[name] = bound.options.teachers.at(name);
  for (const std::string& name : kinds_of(bound, stage)) job.kinds[name] = bound.options.kinds.at(name);
  for (const std::string& name : benchmarks_of(bound, stage)) {
    options::BenchmarkOptions& benchmark = job.benchmarks[name] = bound.options.benchmarks.at(name);
    if (const options::BenchmarkProtocol* protocol = options::find_protocol(benchmark.kind)) {  // said or not, the key is the same
      if (benchmark.split.empty()) benchmark.split = protocol->splits.front();
      if (!benchmark.variant) benchmark.variant = protocol->variants.front();
    }
  }
  job.train = stage.train;
  job.synthesize = stage.synthesize;
  job.evaluate = stage.evaluate;
  out.needs = needs_of(bound, stage, job);
  out.origins = origins_of(bound, stage, job);
  return out;
}

}  // namespace

std::vector<Stage> resolve_stages(const Bound& bound) {
  std::vector<Stage> stages;
  for (const BoundStage& stage : bound.stages) stages.push_back(resolve_stage(bound, stage));
  return stages;
}

bool trains(const BoundStage& stage, std::string_view part) {
  return stage.train && std::find(stage.train->trains.begin(), stage.train->trains.end(), part) != stage.train->trains.end();
}

Json resolved_recipe(const Bound& bound) {
  Json out = options::to_json(bound.options);
  out["recipe"] = kLanguageVersion;
  out.erase("sweep");  // which points were tried does not change what one of them is
  out.erase("cycle");
  for (const Cycle& cycle : bound.rounds.cycles) out["cycle"][cycle.name] = resolved_cycle(cycle);
  Json stages = Json::array();
  for (const BoundStage& stage : bound.stages) {
    Json one = Json::object();
    if (stage.train) {
      one = options::to_json(*stage.train);
      if (!trains(stage, "language_model.lora")) one.erase("lora");
      if (!trains(stage, "vision_tower.lora")) one.erase("vision_lora");
    }
    if (stage.synthesize) one = options::to_json(*stage.synthesize);
    if (stage.evaluate) one = options::to_json(*stage.evaluate);
    one["name"] = stage.name;
    one["kind"] = stage.kind;
    if (!stage.synthesize) one["from"] = stage.goes_on_from.empty() ? "none" : stage.goes_on_from;
    one["conversation"] = options::to_json(stage.conversation);
    stages.push_back(std::move(one));
  }
  out["stage"] = std::move(stages);
  return out;
}

}  // namespace saucier::recipe
