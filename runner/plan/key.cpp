#include "runner/plan/key.h"

#include <algorithm>
#include <set>

#include "modules/base/scene_files.h"
#include "runner/plan/plan.h"

namespace saucier::plan {

namespace {

using options::Field;
using options::Job;
using options::Table;
using options::Type;

// The version of a stage kind's results. Raise it when the same options would give another result: a change in the
// training arithmetic, in the embedded scenes, in the template teacher, in what teachers are asked and how their replies are
// read and filtered, in a benchmark's questions or scoring.
struct KindVersion {
  std::string_view kind;
  int version;
};
constexpr KindVersion kKeyVersions[] = {{"synthesize", 1}, {"train", 3}, {"evaluate", 1}};

int key_version(const std::string& kind) {
  const auto* it = std::find_if(std::begin(kKeyVersions), std::end(kKeyVersions),
                                [&](const KindVersion& v) { return v.kind == kind; });
  SAUCIER_CHECK(it != std::end(kKeyVersions), "no key version for stages of kind '{}'", kind);
  return it->version;
}

constexpr const char* kContent = "content";  // {"content": digest} stands for a path

// What differs from the defaults and is not operational; a path becomes the digest of what lies there.
Json pruned(const Json& value, const Table& table, const Json& defaults, ContentDigests& digests) {
  Json out = Json::object();
  for (const Field& field : table.fields) {
    const std::string& key = field.rule.key;
    const auto it = value.find(key);
    if (field.rule.operational || it == value.end() || it->is_null()) continue;
    const Json fallback = defaults.is_object() ? defaults.value(key, Json()) : field.default_value;
    if (*it == fallback && !field.rule.required) continue;
    if (field.type == Type::kTable) {
      Json inner = pruned(*it, *field.table, fallback, digests);
      if (!inner.empty()) out[key] = std::move(inner);
    } else if (field.type == Type::kTableMap) {
      for (const auto& [name, item] : it->items()) out[key][name] = pruned(item, *field.table, Json(), digests);
    } else if (field.rule.path) {
      out[key] = {{kContent, digests.of(it->get<std::string>())}};
    } else {
      out[key] = *it;
    }
  }
  return out;
}

constexpr std::string_view kTowerSizes[] = {"image_size", "patch_size", "hidden_size", "intermediate_size", "layers", "heads"};
constexpr std::string_view kLanguageSizes[] = {"initialization", "hidden_size", "intermediate_size", "layers", "heads",
                                               "kv_heads", "max_positions", "rope_theta", "tokenizer"};

// Of a data source, how its conversations are written.
constexpr std::string_view kWriting[] = {"system", "systems", "image_position", "turn_overflow", "turn_order"};

// Whether the validation has a say in what a stage leaves.
bool decides(const options::TrainOptions& train) { return train.early_stop.patience || train.use == "best"; }

struct Read {
  std::set<std::string> sources, mixtures;
};

// What "mixture.NAME" or "data.NAME" reads.
Read read_by(const Job& job, const std::string& data) {
  if (data.empty()) return {};
  const std::string name = data.substr(data.find('.') + 1);
  if (data.starts_with("data.")) return {{name}, {}};
  Read read{{}, {name}};
  if (const auto mixture = job.mixture.find(name); mixture != job.mixture.end())
    for (const auto& [source, weight] : mixture->second.weights) read.sources.insert(source);
  return read;
}

// Sources that a train stage compares with each other: those it draws from, and those that these hold out.
struct Compared {
  Compared(const Job& job, bool with_validation) {
    drawn = read_by(job, job.train->data).sources;
    if (with_validation) drawn.merge(read_by(job, job.train->validation).sources);
    for (const std::string& name : drawn)
      if (const auto source = job.data.find(name); source != job.data.end()) held_out.insert(source->second.held_out.begin(), source->second.held_out.end());
  }
  bool contains(const std::string& name) const { return drawn.contains(name) || held_out.contains(name); }
  std::set<std::string> drawn, held_out;
};

// Sources that only a validation without a say reads.
std::set<std::string> only_looked_at(const Job& job) {
  const Compared all(job, true), counted(job, decides(*job.train));
  std::set<std::string> names;
  for (const auto& [name, source] : job.data)
    if (all.contains(name) && !counted.contains(name)) names.insert(name);
  return names;
}

// Stages that write nothing but such sources.
std::set<std::string> written_to_be_looked_at(const recipe::Stage& stage) {
  std::set<std::string> stages;
  if (!stage.job.train) return stages;
  const std::set<std::string> looked_at = only_looked_at(stage.job);
  for (const std::string& name : looked_at) stages.insert(stage.job.data.at(name).stage);
  for (const auto& [name, source] : stage.job.data)
    if (!looked_at.contains(name)) stages.erase(source.stage);
  stages.erase(stage.from);
  return stages;
}

// Whether one of its benchmarks is no [benchmark.NAME].
bool scores_scenes(const Job& job) {
  return job.evaluate && std::ranges::any_of(job.evaluate->benchmarks, [&](const std::string& name) { return !job.benchmarks.contains(name); });
}

// Dotted paths of what a stage of this kind never looks at (modules/stages), so that a sweep over it shares the stage.
class Unread {
 public:
  Unread(const Job& job, bool goes_on) : job_(job), goes_on_(goes_on) {
    for (const auto& [name, source] : job.data) add_source("data." + name, source);
    if (job.conversation.form) add("conversation", {"template"});  // a name; its parts are what counts
    if (!job.conversation.systems.empty()) add("conversation", {"system"});
    if (job.synthesize) add_synthesize();
    if (job.train) add_train(*job.train);
    if (job.evaluate) {
      add("conversation", {"max_turns", "turn_overflow", "turn_order", "max_length", "length_overflow", "learn", "sample_system"});
      if (scores_scenes(job)) add("evaluate.scenes", {"first", "count"});  // evaluate.first and evaluate.pictures say which
      else add("evaluate", {"scenes", "first", "pictures", "max_new_tokens"});
      for (const auto& [name, benchmark] : job.benchmarks)
        if (!benchmark.limit) add("benchmark." + name, {"seed"});
      add_sizes();
    }
  }

  std::vector<std::string> paths() && { return std::move(paths_); }

 private:
  template <class Keys = std::initializer_list<std::string_view>>
  void add(std::string_view table, const Keys& keys) {
    for (const std::string_view key : keys) paths_.push_back(fmt::format("{}.{}", table, key));
  }

  void add_source(const std::string& table, const options::DataOptions& source) {
    if (source.format == "scenes") {
      add(table, {"path", "images", "stage"});
      if (source.content == "caption") add(table, {"kinds"});
    } else if (source.format == "synthesized") {
      add(table, {"path", "images", "content", "scenes"});
    } else if (source.format == "llava") {
      add(table, {"stage", "content", "picture", "scenes"});
    } else {
      add(table, {"stage", "kinds", "picture", "scenes"});
    }
  }

  void add_synthesize() {  // a teacher reads captions and boxes only
    const auto asks = [&](std::string_view kind) { return std::ranges::any_of(job_.teachers, [&](const auto& teacher) { return teacher.second.kind == kind; }); };
    if (!asks("self")) paths_.emplace_back("model");
    if (!asks("self") && !asks("model")) paths_.emplace_back("conversation");
    else add("conversation", {"system", "systems", "max_turns", "turn_overflow", "turn_order", "max_length", "length_overflow", "learn", "sample_system"});
    if (job_.teachers.empty()) add("synthesize", {"filters"});
    if (job_.synthesize->filters.judge.empty()) add("synthesize.filters", {"rubric", "min_score"});
    if (job_.synthesize->filters.blind.empty()) add("synthesize.filters", {"blind_share"});
    for (const auto& [name, source] : job_.data) {
      add("data." + name, {"content", "picture", "kinds", "max_turns", "held_out", "overlap"});
      add("data." + name, kWriting);
    }
  }

  void add_train(const options::TrainOptions& train) {
    const auto trains = [&](std::string_view part) { return std::find(train.trains.begin(), train.trains.end(), part) != train.trains.end(); };
    if (!trains("language_model.lora")) add("train", {"lora"});
    if (!trains("vision_tower.lora")) add("train", {"vision_lora"});
    for (const auto& [name, part] : train.parts)
      if (!trains(name)) paths_.push_back("train.parts." + name);
    const auto falls = [](const auto& part) { return part.second.schedule == "wsd"; };
    if (train.schedule != "wsd" && std::none_of(train.parts.begin(), train.parts.end(), falls)) add("train", {"decay_ratio", "decay_shape"});
    if (train.optimizer == "sgd") add("train", {"beta1", "beta2", "epsilon"});
    if (train.on_bad_step != "roll_back") add("train", {"roll_back_every"});
    if (!train.spike_factor) add("train", {"spike_window"});
    if (!train.early_stop.patience) add("train", {"early_stop"});
    add_looked_at(train);
    if (train.objective == "contrastive") {  // pictures and captions; the tokenizer is learned from the captions
      add("model", {"projector"});
      add("model.language_model", {"path", "init"});
      for (const std::string_view key : kLanguageSizes)
        if (key != "tokenizer") add("model.language_model", {key});
      add("model.vision_tower", {"layer", "features"});
      add("conversation", {"image_position", "max_length", "length_overflow", "learn", "sample_system"});
      for (const auto& [name, source] : job_.data) add("data." + name, {"system", "systems", "image_position"});
      add("train", {"embedding_noise"});
      add_start("model.vision_tower", job_.model.vision_tower.init == "random", kTowerSizes);
    } else if (train.objective == "text") {
      add("model", {"projector", "vision_tower"});
      add("conversation", {"image_position", "image_aspect"});
      for (const auto& [name, source] : job_.data) add("data." + name, {"image_position"});
      add_start("model.language_model", job_.model.language_model.init == "random", kLanguageSizes);
    } else {
      add_sizes();
    }
  }

  // Samples that are only looked at change nothing; nor does how a source would be written out that others are compared with.
  void add_looked_at(const options::TrainOptions& train) {
    for (const std::string& name : only_looked_at(job_)) add("data", {name});
    const Compared counted(job_, decides(train));
    for (const std::string& name : counted.held_out) {
      if (counted.drawn.contains(name)) continue;
      add("data." + name, {"max_turns", "held_out", "overlap"});
      add("data." + name, kWriting);
    }
    if (decides(train)) return;
    add("train", {"validation", "validate_every", "validation_samples"});
    const Read learned = read_by(job_, train.data), seen = read_by(job_, train.validation);
    for (const std::string& name : seen.mixtures)
      if (!learned.mixtures.contains(name)) add("mixture", {name});
  }

  // A part that starts from nothing, from a folder, or from what the stage before left.
  template <class Sizes>
  void add_start(std::string_view part, bool from_nothing, const Sizes& sizes) {
    if (goes_on_) add(part, {"init"});
    if (goes_on_ || from_nothing) add(part, {"path"});
    if (goes_on_ || !from_nothing) add(part, sizes);
  }

  // Parts that are loaded, from their folders or an earlier stage, have the sizes that they come with.
  void add_sizes() {
    add("model.language_model", kLanguageSizes);
    add("model.vision_tower", kTowerSizes);
  }

  const Job& job_;
  bool goes_on_;
  std::vector<std::string> paths_;
};

void drop(Json& value, std::string_view path) {
  const auto dot = path.find('.');
  if (!value.is_object()) return;
  if (value.contains(path)) value.erase(std::string(path));  // a name may have a dot in it
  else if (dot == std::string_view::npos) return;
  else if (auto it = value.find(std::string(path.substr(0, dot))); it != value.end()) drop(*it, path.substr(dot + 1));
}

const Table& job_table() { return options::table_of<Job>(); }

// The default behind a path of a key text ("train.lora.rank"); null where there is none.
Json default_of(const std::vector<std::string>& path) {
  const Table* table = &job_table();
  Json inherited;  // of a table inside a table the defaults are the outer one's
  for (std::size_t i = 0; i < path.size() && table != nullptr; ++i) {
    const Field* field = table->find(path[i]);
    if (field == nullptr) return nullptr;
    inherited = inherited.is_object() ? inherited.value(path[i], Json()) : field->default_value;
    table = field->table;
    if (field->type == Type::kTableMap) {
      ++i;  // the name
      inherited = nullptr;
    }
  }
  return inherited;
}

std::string shown_path(const std::vector<std::string>& path) {
  std::string out;
  // A stage's own options stand in the recipe without the kind in front.
  const bool own = !path.empty() && (path[0] == "train" || path[0] == "synthesize" || path[0] == "evaluate");
  for (std::size_t i = own ? 1 : 0; i < path.size(); ++i) out += (out.empty() ? "" : ".") + (i == 0 && path[i] == "kinds" ? "kind" : path[i]);
  return out;
}

bool is_content(const Json& value) { return value.is_object() && value.size() == 1 && value.contains(kContent); }

void compare(std::vector<std::string>& path, const Json& before, const Json& after, std::vector<Difference>& out) {
  if (before == after) return;
  const bool need = !path.empty() && (path[0] == "from" || path[0] == "needs" || path.back() == "stage_key");
  if (need) {
    out.push_back({.path = {}, .before = before, .after = after, .need = true});
    return;
  }
  if (is_content(before) || is_content(after)) {
    out.push_back({.path = shown_path(path), .before = before, .after = after, .content = true});
    return;
  }
  const bool walk = (before.is_object() || before.is_null()) && (after.is_object() || after.is_null()) &&
                    !(path.size() > 0 && path.back() == "weights");
  if (walk) {
    std::map<std::string, int> keys;
    for (const Json* side : {&before, &after})
      if (side->is_object())
        for (const auto& item : side->items()) keys[item.key()];
    for (const auto& [key, unused] : keys) {
      path.push_back(key);
      compare(path, before.is_object() ? before.value(key, Json()) : Json(),
              after.is_object() ? after.value(key, Json()) : Json(), out);
      path.pop_back();
    }
    return;
  }
  const auto shown = [&](const Json& value) { return value.is_null() ? default_of(path) : value; };
  out.push_back({.path = shown_path(path), .before = shown(before), .after = shown(after)});
}

std::string short_value(const Json& value) {
  if (value.is_null()) return "unset";
  std::string text = value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr std::size_t kLongest = 60;
  return text.size() <= kLongest ? text : text.substr(0, kLongest - 3) + "...";
}

}  // namespace

bool draws_scenes(const recipe::Stage& stage) {
  // What a synthesize stage wrote names scenes as its pictures.
  return scores_scenes(stage.job) || std::any_of(stage.job.data.begin(), stage.job.data.end(), [](const auto& source) {
           return source.second.format == "scenes" || source.second.format == "synthesized";
         });
}

Json key_text(const recipe::Stage& stage, const std::map<std::string, std::string>& need_keys, ContentDigests& digests,
              std::span<const SceneFile> scene_files) {
  const Job& job = stage.job;
  Json value = options::to_json(job);
  for (const std::string& path : Unread(job, !stage.from.empty()).paths()) drop(value, path);
  for (const char* outside : {"protocol", "stage", "kind", "key", "seed", "work", "from", "artifacts", "device", "threads"})
    value.erase(outside);
  Json text = with_context(fmt::format("in stage '{}'", stage.name),
                           [&] { return pruned(value, job_table(), Json(), digests); });
  const auto key_of = [&](const std::string& need) {
    const auto it = need_keys.find(need);
    SAUCIER_CHECK(it != need_keys.end(), "stage '{}' needs '{}', which is not planned", stage.name, need);
    return it->second;
  };
  // Other stages enter by what they make, not by their names.
  if (auto sources = text.find("data"); sources != text.end()) {
    for (auto& [name, source] : sources->items()) {
      if (!source.contains("stage")) continue;
      const std::string need = source["stage"].get<std::string>();
      source.erase("stage");
      if (need_keys.contains(need)) source["stage_key"] = key_of(need);
    }
  }
  if (auto teachers = text.find("teacher"); teachers != text.end())
    for (auto& [name, teacher] : teachers->items())
      if (const auto trained = teacher.find("stage"); trained != teacher.end()) {
        teacher["stage_key"] = key_of(trained->get<std::string>());
        teacher.erase("stage");
      }
  if (!stage.from.empty()) text["from"] = key_of(stage.from);
  Json needs = Json::array();
  const std::set<std::string> looked_at = written_to_be_looked_at(stage);
  for (const std::string& need : stage.needs)
    if (!looked_at.contains(need)) needs.push_back(key_of(need));
  std::sort(needs.begin(), needs.end());
  if (!needs.empty()) text["needs"] = std::move(needs);
  if (draws_scenes(stage))
    for (const SceneFile& file : scene_files) text["scene_files"][std::string(file.what)] = {{kContent, digests.of(file.path)}};
  text["kind"] = stage.kind;
  text["key_version"] = key_version(stage.kind);
  text["seed"] = job.seed;
  text["stage"] = stage.name;  // a stage derives its random streams from (seed, name)
  return text;
}

Json key_text(const recipe::Stage& stage, const std::map<std::string, std::string>& need_keys) {
  ContentDigests digests{{}};
  return key_text(stage, need_keys, digests);
}

std::map<std::string, std::string> contents_of(const Job& job, const std::string& key_text) {
  std::map<std::string, std::string> out;
  if (!job.train) return out;
  const Json text = parse_json(key_text, "key text of a stage");
  for (const auto& [name, source] : job.data) {
    if (!text.at("data").contains(name)) continue;  // of a validation: not prepared
    Json contents = {{"source", text.at("data").at(name)}, {"key_version", text.at("key_version")}};
    const options::JobConversation& said = job.conversation;
    const std::string order = source.turn_order.value_or(said.turn_order), position = source.image_position.value_or(said.image_position);
    contents["turns"] = {source.max_turns.value_or(said.max_turns), source.turn_overflow.value_or(said.turn_overflow), order};
    if (source.format == "scenes" || source.format == "synthesized") contents["scene_files"] = text.value("scene_files", Json());
    const bool draws = position == "random" || order == "shuffled" || !said.systems.empty() || !source.systems.empty();
    if ((source.format == "scenes" && source.content == "instruct") || draws) {  // by seed, source and sample
      contents["seed"] = job.seed;
      contents["name"] = name;
    }
    // Which samples are left out depends on all that they are compared with, pictures included.
    const Json& all = text.at("data");
    if (std::any_of(job.mixture.begin(), job.mixture.end(), [](const auto& mixture) { return mixture.second.duplicates == "drop"; })) {
      contents["compared"] = all;
    } else if (!source.held_out.empty()) {
      contents["compared"][name] = all.at(name);
      for (const std::string& other : source.held_out) contents["compared"][other] = all.at(other);
    }
    if (contents.contains("compared")) {
      contents["seed"] = job.seed;
      contents["scene_files"] = text.value("scene_files", Json());
    }
    out[name] = contents.dump();
  }
  return out;
}

std::vector<Difference> differences(const Json& before, const Json& after) {
  std::vector<Difference> out;
  std::vector<std::string> path;
  compare(path, before, after, out);
  return out;
}

std::string describe(const std::vector<Difference>& differences, const std::map<std::string, std::string>& origins) {
  constexpr std::size_t kMost = 3;
  std::string out;
  std::size_t said = 0, left = 0;
  for (const Difference& difference : differences) {
    if (difference.need) continue;
    if (said == kMost) {
      ++left;
      continue;
    }
    std::string one = difference.content
                          ? fmt::format("the contents of {} changed", difference.path)
                          : fmt::format("{} {} → {}", difference.path, short_value(difference.before),
                                        short_value(difference.after));
    if (auto it = origins.find(difference.path); it != origins.end()) one += fmt::format(" ({})", it->second);
    out += (said++ > 0 ? ", " : "") + one;
  }
  if (left > 0) out += fmt::format(" and {} more", left);
  return out;
}

}  // namespace saucier::plan
