// Stage keys: pinned for three recipes that come with the program, and moved by exactly the options that a stage reads.
//
// SAUCIER_ACCEPT=1 rewrites tests/golden/keys and the test still fails. A key that changes throws away what people have
// in their stores: do it only where the same options give another result, and raise the key version then (key.cpp).
#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <regex>
#include <set>

#include "modules/base/file.h"
#include "runner/plan/plan.h"
#include "runner/recipe/bound.h"
#include "runner/recipe/recipe_options.h"
#include "tests/temp_folder.h"

using namespace saucier;
using options::Field;
using options::Type;

namespace {

const std::string kRecipes = SAUCIER_SOURCE_DIR "/recipes/";

// The font and the tables differ from machine to machine; these do not.
class StandIns {
 public:
  StandIns() {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      write_file_atomic(temp_.path() / std::string(kSceneFiles[i].what), std::string(kSceneFiles[i].what));
      paths_[i] = (temp_.path() / std::string(kSceneFiles[i].what)).string();
      files_[i] = {kSceneFiles[i].what, paths_[i], kSceneFiles[i].package};
    }
  }
  std::span<const SceneFile> files() const { return files_; }

 private:
  TempFolder temp_;
  std::array<std::string, kSceneFiles.size()> paths_;
  std::array<SceneFile, kSceneFiles.size()> files_;
};

using Keys = std::map<std::string, std::string>;  // stage of the first trial → key

Keys keys_of(const recipe::Recipe& recipe, const StandIns& stand_ins) {
  const plan::Plan plan = plan::make_plan(recipe, nullptr, stand_ins.files());
  Keys keys;
  for (const int n : plan.trial_nodes.front()) keys[plan.nodes[static_cast<std::size_t>(n)].name] = plan.nodes[static_cast<std::size_t>(n)].key;
  return keys;
}

// --- other values

std::string text_of(const Json& value) {  // as --set takes it
  if (!value.is_object()) return value.dump();
  std::string out;
  for (const auto& [key, item] : value.items()) out += (out.empty() ? "" : ", ") + Json(key).dump() + " = " + item.dump();
  return "{ " + out + " }";
}

// Other values that an option may have; those that the recipe cannot have are found out by loading it.
std::vector<Json> others(const Field& field, const Json& now, const std::vector<std::string>& names) {
  std::vector<Json> out;
  const options::Rule& rule = field.rule;
  const auto number = [&](double value) {
    if ((rule.min && value < *rule.min) || (rule.max && value > *rule.max) || (rule.positive && value <= 0)) return;
    out.push_back(field.type == Type::kInteger ? Json(static_cast<std::int64_t>(value)) : Json(value));
  };
  switch (field.type) {
    case Type::kBool: out.push_back(!now.get<bool>()); break;
    case Type::kInteger:
    case Type::kNumber: {
      const double value = now.is_number() ? now.get<double>() : 4;
      for (const double other : {value * 2, value / 2, value + 1, value - 1, value + 0.25}) number(field.type == Type::kInteger ? std::floor(other) : other);
      break;
    }
    case Type::kString:
      if (rule.path) out = {kRecipes + "models/tower", kRecipes + "models/reader", kRecipes + "quickstart.toml"};
      else if (!rule.choices.empty()) out.assign(rule.choices.begin(), rule.choices.end());
      else out.assign(names.begin(), names.end());
      break;
    case Type::kStringList:
      for (const std::string& choice : rule.choices) out.push_back({choice});
      out.push_back({"fox", "owl"});
      out.push_back({"layers.0.*"});  // of a model
      break;
    case Type::kWeightMap:
    case Type::kNumberMap: {
      if (now.empty()) out.push_back(Json::object({{"Be brief.", 0.5}}));
      Json other = now;
      for (auto& [key, share] : other.items()) share = 0.125, out.push_back(other);
      break;
    }
    default: break;
  }
  std::erase(out, now);
  return out;
}

// Every option of a table, by its path; tables inside it, too.
void each_option(const options::Table& table, const Json& values, const std::string& path,
                 const std::function<void(const Field&, const Json&, const std::string&)>& visit) {
  for (const Field& field : table.fields) {
    const Json value = values.value(field.rule.key, Json());
    const std::string here = path + field.rule.key;
    if (field.type == Type::kTable) {
      each_option(*field.table, value.is_null() ? field.default_value : value, here + ".", visit);
    } else if (field.type == Type::kTableMap) {
      for (const auto& [name, item] : value.items()) each_option(*field.table, item, here + "." + name + ".", visit);
    } else {
      visit(field, value, here);
    }
  }
}

// --- what reads what

// The stages that read an option themselves: the first pattern that its path matches counts, written from what
// modules/stages do and not from key.cpp. "*": all.
struct Readers {
  const char* pattern;
  std::set<std::string> stages;
};

std::set<std::string> expected(const std::vector<Readers>& readers, const std::string& path, const recipe::Trial& trial) {
  const auto it = std::find_if(readers.begin(), readers.end(), [&](const Readers& one) { return std::regex_match(path, std::regex(one.pattern)); });
  if (it == readers.end()) return {"no pattern for " + path};
  std::set<std::string> out = it->stages;
  for (const recipe::Stage& stage : trial.stages) {
    const bool follows = std::any_of(stage.needs.begin(), stage.needs.end(), [&](const std::string& need) { return out.contains(need); });
    if (follows || out.contains("*")) out.insert(stage.name);
  }
  out.erase("*");
  return out;
}

constexpr const char* kLanguageSizes = "model\\.language_model\\.(initialization|hidden_size|intermediate_size|layers|heads|kv_heads|"
                                       "max_positions|rope_theta|tokenizer\\..*)";
constexpr const char* kTowerSizes = "model\\.vision_tower\\.(image_size|patch_size|hidden_size|intermediate_size|layers|heads)";

// `others`, and of the sources named all options that their format does not use.
std::set<std::string> with_unused(const std::vector<std::string>& scenes, const std::vector<std::string>& synthesized, std::set<std::string> others) {
  const auto add = [&](const std::string& source, const std::vector<std::string>& keys, const std::string& table = "") {
    for (const std::string& key : keys) others.insert(fmt::format("data.{}.{}{}", source, table, key));
  };
  for (const std::vector<std::string>* sources : {&scenes, &synthesized})
    for (const std::string& source : *sources) {
      add(source, {"format", "path", "images", "shards", "annotations", "question_suffix", "stage", "tolerate", "tolerate_reason", "held_out", "overlap"});
      add(source, options::table_of<options::ColumnOptions>().keys(), "columns.");
    }
  for (const std::string& source : scenes) add(source, {"mode", "check_pictures", "duplicates"});
  for (const std::string& source : synthesized) {
    add(source, {"content"});
    add(source, options::table_of<options::SceneOptions>().keys(), "scenes.");
  }
  return others;
}

// `others`, and the filters of a stage whose teacher is the template, which filters nothing.
std::set<std::string> with_filters(const std::string& stage, std::set<std::string> others) {
  for (const std::string& key : options::table_of<options::FilterOptions>().keys()) others.insert(fmt::format("stage.{}.filters.{}", stage, key));
  return others;
}

// Moves each option to the first other value that makes a right recipe. `cannot_move_alone`: those without one, such as the
// options of LoRA where it is not trained. Returns how many were moved.
int check_every_option(const std::string& file, const std::vector<Readers>& readers, const std::set<std::string>& cannot_move_alone) {
  const StandIns stand_ins;
  const recipe::Recipe recipe = recipe::load(kRecipes + file, {}, {});
  REQUIRE_FALSE(recipe.problems.has_errors());
  const recipe::Trial& trial = recipe.trials.front();
  const Keys before = keys_of(recipe, stand_ins);
  std::vector<std::string> names{"Be brief.", "none"};
  for (const char* table : {"mixture", "data"})
    for (const auto& item : trial.resolved.at(table).items()) names.insert(names.end(), {std::string(table) + "." + item.key(), item.key()});
  int moved = 0;
  std::set<std::string> stuck;
  const auto move = [&](const Field& field, const Json& now, const std::string& path) {
    for (const Json& other : others(field, now, names)) {
      const recipe::Recipe changed = recipe::load(kRecipes + file, {path + "=" + text_of(other)}, {});
      if (changed.problems.has_errors() || changed.trials.front().resolved == trial.resolved) continue;
      std::set<std::string> keys;
      for (const auto& [stage, key] : keys_of(changed, stand_ins))
        if (before.at(stage) != key) keys.insert(stage);
      INFO(path << " = " << other.dump());
      CHECK(keys == (field.rule.operational ? std::set<std::string>{} : expected(readers, path, trial)));
      ++moved;
      return;
    }
    stuck.insert(path);
  };
  for (const Field& field : options::table_of<recipe::RecipeOptions>().fields) {
    const std::string& key = field.rule.key;
    if (key == "recipe" || key == "name" || key == "sweep" || key == "cycle") continue;  // what the file is called, what is tried; cycles are written out
    options::Table one{{field}};
    each_option(one, trial.resolved, "", move);
  }
  for (const Json& stage : trial.resolved.at("stage")) {
    for (const Field& field : recipe::stage_table(stage.at("kind").get<std::string>()).fields) {
      const std::string& key = field.rule.key;
      if (key == "name" || key == "kind" || key == "cycle") continue;
      options::Table one{{field}};
      each_option(one, stage, "stage." + stage.at("name").get<std::string>() + ".", move);
    }
  }
  CHECK(stuck == cannot_move_alone);
  return moved;
}

}  // namespace

TEST_CASE("the keys of three recipes are pinned", "[golden]") {
  const char* accept = std::getenv("SAUCIER_ACCEPT");
  const bool rewrite = accept && std::string(accept) == "1";
  const StandIns stand_ins;
  for (const char* name : {"quickstart", "models/reader", "models/tower"}) {
    const recipe::Recipe recipe = recipe::load(kRecipes + name + ".toml", {}, {});
    REQUIRE_FALSE(recipe.problems.has_errors());
    std::string said;
    for (const plan::Node& node : plan::make_plan(recipe, nullptr, stand_ins.files()).nodes)
      said += fmt::format("{} {} {}\n{}\n\n", recipe.trials[static_cast<std::size_t>(node.trials.front())].name, node.name, node.key,
                          Json::parse(node.key_text).dump(1));
    const fs::path pinned = fs::path(SAUCIER_SOURCE_DIR "/tests/golden/keys") / (recipe.name + ".txt");
    const std::string wanted = fs::exists(pinned) ? read_file(pinned) : "";
    if (rewrite && said != wanted) write_file_atomic(pinned, said);
    INFO(name);
    CHECK(said == wanted);
    CHECK(said.find("/recipes/") == std::string::npos);  // no path of this machine
  }
  if (rewrite) FAIL("SAUCIER_ACCEPT rewrote the golden files: read the difference, then run without it");
}

TEST_CASE("an option of the quickstart changes the keys of the stages that read it, and of those behind them") {
  const std::set<std::string> models{"align", "instruct", "bench", "before"};
  CHECK(check_every_option("quickstart.toml", {
      {"seed", {"*"}},
      {kLanguageSizes, {}},
      {kTowerSizes, {}},
      {"model\\..*", models},
      {"conversation\\.(template|systems?|image_position|image_aspect)", models},
      {"conversation\\..*", {"align", "instruct"}},
      {"data\\.captions\\.scenes\\..*", {"teach", "align"}},
      {"data\\.captions\\.(content|picture|max_turns|systems?|image_position|turn_.*)", {"align"}},
      {"data\\.captions\\..*", {}},  // of other formats; and `kinds`, which captions have not
      {"data\\..*\\.(kinds|picture|max_turns|mode|check_pictures|duplicates|systems?|image_position|turn_.*)", {"instruct"}},
      {"data\\..*", {}},
      {"mixture\\.align\\..*", {"align"}},
      {"mixture\\.instruct\\..*", {"instruct"}},
      {"stage\\.teach\\.conversation\\..*", {}},
      {"stage\\.(bench|before)\\.conversation\\.(max_turns|turn_.*|max_length|length_overflow|learn|sample_system)", {}},
      {"stage\\.(bench|before)\\.scenes\\.(first|count)", {}},
      {"stage\\.align\\.lora\\..*|stage\\.(align|instruct)\\.(vision_lora\\..*|validat.*|early_stop\\.min_delta|spike_window|roll_back_every|decay_.*)", {}},
      {"stage\\.teach\\..*", {"teach"}},
      {"stage\\.align\\..*", {"align"}},
      {"stage\\.instruct\\..*", {"instruct"}},
      {"stage\\.bench\\..*", {"bench"}},
      {"stage\\.before\\..*", {"before"}},
  }, with_unused({"captions"}, {"conversation", "detail", "reasoning"}, with_filters("teach", {"mixture.align.weights",
      "mixture.instruct.epochs", "stage.align.from", "stage.align.lora.alpha", "stage.align.lora.dropout", "stage.align.lora.modules",
      "stage.align.lora.rank", "stage.align.lora.rank_stabilised", "stage.align.objective", "stage.instruct.objective", "stage.align.early_stop.patience", "stage.align.use", "stage.align.vision_lora.alpha", "stage.align.vision_lora.dropout", "stage.align.vision_lora.modules", "stage.align.vision_lora.rank", "stage.align.vision_lora.rank_stabilised", "stage.instruct.early_stop.patience", "stage.instruct.use", "stage.instruct.parts.projector.decay_ratio", "stage.instruct.parts.projector.min_learning_rate_ratio", "stage.instruct.parts.projector.warmup_ratio", "stage.instruct.vision_lora.alpha", "stage.instruct.vision_lora.dropout", "stage.instruct.vision_lora.modules", "stage.instruct.vision_lora.rank", "stage.instruct.vision_lora.rank_stabilised", "stage.teach.from", "stage.teach.source",
      "stage.teach.teacher"}))) > 150);
}

TEST_CASE("an option of the tower's recipe, a part made from nothing by contrast") {
  CHECK(check_every_option("models/tower.toml", {
      {"seed", {"*"}},
      {"model\\.language_model\\.tokenizer\\..*", {"tower"}},
      {"model\\.language_model\\..*|model\\.projector\\..*", {}},
      {kTowerSizes, {"tower"}},
      {"model\\.vision_tower\\.init", {"tower"}},
      {"model\\..*", {}},
      {"(stage\\.tower\\.)?conversation\\.(image_position|max_length|length_overflow|learn|sample_system)", {}},
      {"(stage\\.tower\\.)?conversation\\..*", {"tower"}},
      {"data\\.scenes\\.(scenes\\..*|content|picture|max_turns|turn_.*)", {"tower"}},
      {"data\\..*", {}},
      {"mixture\\..*", {"tower"}},
      {"stage\\.tower\\.(lora\\..*|vision_lora\\..*|embedding_noise|validat.*|early_stop\\..*|spike_window|roll_back_every|decay_.*)", {}},
      {"stage\\.tower\\..*", {"tower"}},
  }, with_unused({"scenes"}, {}, {"model.vision_tower.init", "stage.tower.from", "stage.tower.lora.alpha", "stage.tower.lora.dropout",
      "stage.tower.lora.modules", "stage.tower.lora.rank", "stage.tower.lora.rank_stabilised", "stage.tower.micro_batch", "stage.tower.objective", "stage.tower.early_stop.patience", "stage.tower.use", "stage.tower.warmup_steps", "stage.tower.vision_lora.alpha", "stage.tower.vision_lora.dropout", "stage.tower.vision_lora.modules", "stage.tower.vision_lora.rank", "stage.tower.vision_lora.rank_stabilised", "stage.tower.validation", "stage.tower.trains"})) > 60);
}

TEST_CASE("an option of the reader's recipe, a language model made from nothing in two stages") {
  CHECK(check_every_option("models/reader.toml", {
      {"seed", {"*"}},
      {"model\\.language_model\\.path|model\\.(projector|vision_tower)\\..*", {}},
      {"model\\..*", {"first"}},
      {"(stage\\..*\\.)?conversation\\.image_(position|aspect)", {}},
      {"conversation\\..*", {"first", "reading"}},
      {"data\\.[a-z_]*\\.image_position|data\\.grid_captions\\.kinds", {}},
      {"data\\.few\\..*", {"first"}},
      {"data\\.(grids|grid_captions)\\..*", {"first", "reading"}},
      {"data\\..*", {"reading"}},
      {"mixture\\.first\\..*", {"first"}},
      {"mixture\\.reading\\..*", {"reading"}},
      {"stage\\..*\\.(lora\\..*|vision_lora\\..*|validat.*|early_stop\\.min_delta|spike_window|roll_back_every|decay_.*)", {}},
      {"stage\\.first\\..*", {"first"}},
      {"stage\\.reading\\..*", {"reading"}},
  }, with_unused({"checklists", "contexts", "few", "grid_captions", "grid_stories", "grids"}, {}, {"mixture.first.epochs", "mixture.reading.epochs", "model.language_model.init", "stage.first.from",
      "stage.first.lora.alpha", "stage.first.lora.dropout", "stage.first.lora.modules", "stage.first.lora.rank", "stage.first.lora.rank_stabilised", "stage.first.objective",
      "stage.first.early_stop.patience", "stage.first.use", "stage.first.warmup_steps", "stage.first.vision_lora.alpha", "stage.first.vision_lora.dropout", "stage.first.vision_lora.modules", "stage.first.vision_lora.rank", "stage.first.vision_lora.rank_stabilised", "stage.reading.early_stop.patience", "stage.reading.use", "stage.reading.warmup_steps", "stage.reading.vision_lora.alpha", "stage.reading.vision_lora.dropout", "stage.reading.vision_lora.modules", "stage.reading.vision_lora.rank", "stage.reading.vision_lora.rank_stabilised", "stage.reading.lora.alpha", "stage.reading.lora.dropout", "stage.reading.lora.modules",
      "stage.reading.lora.rank", "stage.reading.lora.rank_stabilised", "stage.reading.objective"})) > 150);
}
