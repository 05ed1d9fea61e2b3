// The whole recipe: name, model, the metric of the sweep.

#include "runner/recipe/check.h"

#include <algorithm>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/suggest.h"

namespace saucier::recipe {
namespace {

void check_head(const Bound& bound, Diagnostics& problems) {
  if (bound.said.contains("name")) {
    const std::string& name = bound.options.name;
    const bool fits = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::islower(c) || std::isdigit(c) || c == '-' || c == '.' || c == '_';
    });
    if (!fits)
      problems.error("bad-name", place_of(*bound.root, "name"), fmt::format("'{}' cannot be the name of a recipe", name),
                     "use lower-case letters, digits, '-', '.' and '_'");
  }
  const Node* stages = bound.root->find("stage");
  if (!stages || (stages->is(Kind::kList) && stages->items.empty()))
    problems.error("missing-key", place(stages ? *stages : *bound.root), "the recipe has no stage", "add a [[stage]] with a name and a kind");
}

// STAGE.BENCHMARK.METRIC
void check_metric(const Bound& bound, Diagnostics& problems) {
  const Node* sweep = bound.root->find("sweep");
  const std::string& metric = bound.options.sweep.metric;
  if (!sweep || metric.empty()) return;
  const Position& at = place_of(*sweep, "metric");
  const size_t first = metric.find('.');
  const size_t second = first == std::string::npos ? first : metric.find('.', first + 1);
  if (second == std::string::npos) {
    problems.error("bad-reference", at, fmt::format("'metric' must be 'STAGE.BENCHMARK.METRIC' (got '{}')", metric),
                   "write, say, metric = \"bench.scenes-pope.f1\"");
    return;
  }
  const std::string name = metric.substr(0, first);
  const std::string benchmark = metric.substr(first + 1, second - first - 1);
  const auto round = std::find_if(bound.rounds.stages.begin(), bound.rounds.stages.end(), [&](const auto& entry) { return entry.second.stage == name; });
  const BoundStage* stage = bound.stage(round == bound.rounds.stages.end() ? name : round->first);  // of a cycle: its last round
  if (!stage || (!stage->evaluate && !stage->kind.empty())) {
    std::vector<std::string> known;
    for (const BoundStage& other : bound.stages)
      if (other.evaluate) known.push_back(other.name);
    problems.error("unknown-stage", at, fmt::format("'metric' names no evaluate stage (got '{}')", name),
                   suggestion(name, known));
    return;
  }
  if (!stage->evaluate || !stage->said.contains("benchmarks")) return;
  const std::vector<std::string>& known = stage->evaluate->benchmarks;
  if (std::find(known.begin(), known.end(), benchmark) == known.end())
    problems.error("unknown-benchmark", at, fmt::format("stage '{}' does not score '{}'", name, benchmark),
                   suggestion(benchmark, known));
}

class ModelChecks {
 public:
  ModelChecks(const Bound& bound, Diagnostics& problems) : bound_(bound), problems_(problems) {
    if (const Node* model = bound.root->find("model"); model && model->is(Kind::kTable)) node_ = model;
  }

  void check() {
    const options::ModelOptions& model = bound_.options.model;
    check_part("language_model", "a language model", model.language_model.init, model.language_model.path,
               first_stage_with([](const BoundStage& s) {
                 return s.evaluate || (s.train && s.train->objective != "contrastive");
               }));
    check_part("vision_tower", "a vision tower", model.vision_tower.init, model.vision_tower.path,
               first_stage_with([](const BoundStage& s) { return s.evaluate || (s.train && s.train->objective != "text"); }));
    if (model.language_model.init == "random") check_sizes(model.language_model);
    if (model.vision_tower.init == "random") check_sizes(model.vision_tower);
  }

 private:
  template <class Test>
  const BoundStage* first_stage_with(Test test) const {
    auto it = std::find_if(bound_.stages.begin(), bound_.stages.end(), test);
    return it == bound_.stages.end() ? nullptr : &*it;
  }

  const Node* part_node(const char* key) const { return node_ ? node_->find(key) : nullptr; }

  void check_part(const char* key, const char* what, const std::string& init, const std::string& path,
                  const BoundStage* user) {
    const Node* part = part_node(key);
    if (part && !part->is(Kind::kTable)) return;
    if (!path.empty()) {
      std::error_code failed;
      if (init == "random" || !fs::exists(path, failed)) return;
      const std::string said = part->find("path")->text();
      if (fs::is_directory(path, failed)) {
        if (!fs::exists(fs::path(path) / paths::kModelConfig, failed))
          problems_.error("missing-file", place_of(*part, "path"), fmt::format("'{}' holds no model: there is no config.json in it", said),
                          "name a folder in Hugging Face layout");
      } else if (std::string_view(key) != "language_model" || !begins_with(path, paths::kGgufMagic)) {
        problems_.error("missing-file", place_of(*part, "path"), fmt::format("'{}' is a file, but no GGUF file of a language model", said),
                        "name a folder in Hugging Face layout");
      }
      return;
    }
    const bool wrong = part && part->find("path") && !(part->find("path")->is(Kind::kString) && part->find("path")->text().empty());
    if (init == "random" || wrong || !user) return;
    problems_.error("missing-key", place(part ? *part : node_ ? *node_ : *user->node),
                    fmt::format("{} needs {}", user->what, what),
                    fmt::format("give model.{}.path, or init = \"random\" for one that is made from nothing", key));
  }

  void need(bool fits, const char* part, const char* key, std::string message) {
    if (!fits) problems_.error("bad-size", place_of(*part_node(part), key), std::move(message));
  }

  void check_sizes(const options::LanguageModelOptions& m) {
    const char* part = "language_model";
    need(m.hidden_size % m.heads == 0, part, "heads",
         fmt::format("'heads' must divide 'hidden_size' (got {} and {})", m.heads, m.hidden_size));
    need(m.heads % m.kv_heads == 0, part, "kv_heads",
         fmt::format("'kv_heads' must divide 'heads' (got {} and {})", m.kv_heads, m.heads));
    need(m.hidden_size % m.heads != 0 || m.hidden_size / m.heads % 2 == 0, part, "hidden_size",
         fmt::format("'hidden_size' / 'heads' must be even for rotary positions (got {})", m.hidden_size / m.heads));
  }

  void check_sizes(const options::VisionTowerOptions& m) {
    const char* part = "vision_tower";
    need(m.hidden_size % m.heads == 0, part, "heads",
         fmt::format("'heads' must divide 'hidden_size' (got {} and {})", m.heads, m.hidden_size));
    need(m.image_size % m.patch_size == 0, part, "patch_size",
         fmt::format("'patch_size' must divide 'image_size' (got {} and {})", m.patch_size, m.image_size));
  }

  const Bound& bound_;
  Diagnostics& problems_;
  const Node* node_ = nullptr;  // [model]
};

// Missing files of what a stage reads: `names` of `section` ("data."). Others may be absent.
void collect_missing(const Bound& bound, std::string_view section, const std::vector<std::string>& names, MissingFiles& missing) {
  for (const MissingFile& file : bound.missing)
    if (file.key.starts_with(section) && std::find(names.begin(), names.end(), file.key.substr(section.size(), file.key.rfind('.') - section.size())) != names.end())
      missing.add(file);
}

constexpr std::string_view kReadByStages[] = {"data.", "benchmark."};

// Those of the parts of the model.
void collect_missing(const Bound& bound, MissingFiles& missing) {
  for (const MissingFile& file : bound.missing)
    if (std::none_of(std::begin(kReadByStages), std::end(kReadByStages), [&](std::string_view section) { return file.key.starts_with(section); })) missing.add(file);
}

}  // namespace

void check_model(const Bound& bound, Diagnostics& problems) { ModelChecks(bound, problems).check(); }

std::vector<Part> parts_of(const Bound& bound) {
  std::vector<Part> parts = {{Part::Kind::kHead}, {Part::Kind::kModel}, {Part::Kind::kMetric}};
  parts.push_back({Part::Kind::kConversation});
  for (const std::string& name : names_of(*bound.root, "template")) parts.push_back({Part::Kind::kTemplate, name});
  for (const std::string& name : names_of(*bound.root, "data")) parts.push_back({Part::Kind::kSource, name});
  for (const std::string& name : names_of(*bound.root, "mixture")) parts.push_back({Part::Kind::kMixture, name});
  for (const std::string& name : names_of(*bound.root, "teacher")) parts.push_back({Part::Kind::kTeacher, name});
  for (const std::string& name : names_of(*bound.root, "kind")) parts.push_back({Part::Kind::kKind, name});
  for (const std::string& name : names_of(*bound.root, "benchmark")) parts.push_back({Part::Kind::kBenchmark, name});
  for (const BoundStage& stage : bound.stages) parts.push_back({Part::Kind::kStage, stage.name, bound.index_of(stage)});
  return parts;
}

void check_part(Bound& bound, const Part& part, Diagnostics& problems, Usage& usage) {
  switch (part.kind) {
    case Part::Kind::kHead: return check_head(bound, problems);
    case Part::Kind::kModel:
      collect_missing(bound, usage.missing);
      return check_model(bound, problems);
    case Part::Kind::kMetric: return check_metric(bound, problems);
    case Part::Kind::kConversation:
      if (const Node* said = bound.root->find("conversation"); said && said->is(Kind::kTable))
        check_conversation(bound, *said, bound.said["conversation"], problems);
      return;
    case Part::Kind::kTemplate: return check_template(bound, part.name, problems);
    case Part::Kind::kSource: return check_source(bound, part.name, problems);
    case Part::Kind::kMixture: return check_mixture(bound, part.name, problems);
    case Part::Kind::kTeacher: return check_teacher(bound, part.name, problems);
    case Part::Kind::kKind: return check_kind(bound, part.name, problems);
    case Part::Kind::kBenchmark: return check_benchmark(bound, part.name, problems);
    case Part::Kind::kStage: break;
  }
  BoundStage& stage = bound.stages[part.index];
  check_stage(bound, stage, problems);
  if (!stage.synthesize) usage.templates.insert(stage.conversation.template_name);
  for (const std::string& name : teachers_of(bound, stage)) usage.teachers.insert(name);
  for (const std::string& name : kinds_of(bound, stage)) usage.kinds.insert(name);
  for (const std::string& name : benchmarks_of(bound, stage)) usage.benchmarks.insert(name);
  for (const std::string& name : mixtures_of(bound, stage)) usage.mixtures.insert(name);
  for (const std::string& name : sources_of(bound, stage, true)) usage.sources.insert(name);
  if (bound.missing.empty()) return;
  collect_missing(bound, kReadByStages[0], sources_of(bound, stage, false), usage.missing);
  collect_missing(bound, kReadByStages[1], benchmarks_of(bound, stage), usage.missing);
}

std::vector<std::string> looked_at(const Bound& bound, const Part& part, const std::function<bool(const std::string&)>& changes) {
  const std::string stage = "stage." + part.name;
  std::vector<std::string> paths;
  switch (part.kind) {
    case Part::Kind::kHead: return {"name"};
    case Part::Kind::kModel:
      paths = {"model"};
      for (const BoundStage& other : bound.stages) paths.push_back("stage." + other.name + ".objective");
      return paths;
    case Part::Kind::kMetric:
      for (const BoundStage& other : bound.stages) paths.push_back("stage." + other.name + ".benchmarks");
      return paths;
    case Part::Kind::kConversation: return {"conversation"};
    case Part::Kind::kTemplate: return {"template." + part.name};
    case Part::Kind::kSource: {  // one that holds others out looks at what those say
      const auto source = bound.options.data.find(part.name);
      const bool alone = (source == bound.options.data.end() || source->second.held_out.empty()) && !changes("data." + part.name + ".held_out");
      return {alone ? "data." + part.name : "data"};
    }
    case Part::Kind::kMixture: return {"mixture." + part.name};
    case Part::Kind::kTeacher: return {"teacher." + part.name};
    case Part::Kind::kKind: return {"kind." + part.name};
    case Part::Kind::kBenchmark: return {"benchmark." + part.name};
    case Part::Kind::kStage: break;
  }
  paths = {stage, "conversation", "model"};
  if (bound.stages[part.index].synthesize) paths.insert(paths.end(), {"teacher", "kind"});
  if (bound.stages[part.index].evaluate) paths.insert(paths.end(), {"teacher", "benchmark"});
  if (changes(stage + ".data") || changes(stage + ".validation") || changes(stage + ".source")) {
    paths.insert(paths.end(), {"mixture", "data"});
    return paths;
  }
  for (const std::string& name : mixtures_of(bound, bound.stages[part.index])) {
    paths.push_back("mixture." + name);
    if (changes("mixture." + name + ".weights")) paths.push_back("data");
  }
  for (const std::string& name : sources_of(bound, bound.stages[part.index], true)) paths.push_back(changes("data." + name + ".held_out") ? "data" : "data." + name);
  return paths;
}

}  // namespace saucier::recipe
