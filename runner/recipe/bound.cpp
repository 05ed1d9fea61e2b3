#include "runner/recipe/bound.h"

#include <algorithm>

#include "runner/recipe/bind.h"

namespace saucier::recipe {
namespace {

using options::Table;
using options::table_of;

Table with_head(const Table& own) {
  Table out = table_of<StageHead>();
  out.fields.insert(out.fields.end(), own.fields.begin(), own.fields.end());
  return out;
}

BoundStage bind_stage(const Node& node, const Json& conversation, Diagnostics& problems) {
  BoundStage stage;
  stage.node = &node;
  const Node* name = node.find("name");
  const Node* kind = node.find("kind");
  if (name && name->is(Kind::kString)) stage.name = name->text();
  if (kind && kind->is(Kind::kString)) {
    const std::vector<std::string>& kinds = table_of<StageHead>().find("kind")->rule.choices;
    if (std::find(kinds.begin(), kinds.end(), kind->text()) != kinds.end()) stage.kind = kind->text();
  }
  stage.what = (stage.kind.empty() ? "" : stage.kind + " ") +
               (stage.name.empty() ? std::string("stage") : fmt::format("stage '{}'", stage.name));
  Binder binder = stage_binder(problems, stage.origins);
  std::vector<std::string> unchecked;  // without a kind nobody knows which keys are right
  if (stage.kind.empty())
    for (const Node& entry : node.items) unchecked.push_back(entry.key);
  stage.said = binder.table(node, stage_table(stage.kind), stage.what, "", unchecked);
  if (stage.said.contains("from")) stage.from = stage.said["from"].get<std::string>();
  stage.conversation = conversation_of(conversation, stage);
  if (stage.kind == "train") stage.train = options::from_json<options::TrainOptions>(stage.said);
  if (stage.kind == "synthesize") stage.synthesize = options::from_json<options::SynthesizeOptions>(stage.said);
  if (stage.kind == "evaluate") stage.evaluate = options::from_json<options::EvaluateOptions>(stage.said);
  return stage;
}

}  // namespace

const BoundStage* Bound::stage(const std::string& name) const {
  auto it = std::find_if(stages.begin(), stages.end(), [&](const BoundStage& s) { return s.name == name; });
  return it == stages.end() ? nullptr : &*it;
}

const Table& stage_table(const std::string& kind) {
  static const Table train = with_head(table_of<options::TrainOptions>());
  static const Table synthesize = with_head(table_of<options::SynthesizeOptions>());
  static const Table evaluate = with_head(table_of<options::EvaluateOptions>());
  if (kind == "train") return train;
  if (kind == "synthesize") return synthesize;
  if (kind == "evaluate") return evaluate;
  return table_of<StageHead>();
}

const Position& place_of(const Node& table, std::string_view key) {
  const Node* entry = table.find(key);
  return entry ? entry->position : place(table);
}

Binder recipe_binder(Diagnostics& problems, std::map<std::string, std::string>& origins) {
  Binder binder(problems, origins);
  binder.know("[conversation]", table_of<options::ConversationOptions>());
  binder.know("[model]", table_of<options::ModelOptions>());
  binder.know("a [mixture.NAME]", table_of<options::MixtureOptions>());
  binder.know("[sweep]", table_of<SweepOptions>());
  binder.know("a [[stage]] that trains", table_of<options::TrainOptions>());
  return binder;
}

Binder stage_binder(Diagnostics& problems, std::map<std::string, std::string>& origins) {
  Binder binder(problems, origins);
  binder.know("a train stage", stage_table("train"));
  binder.know("a synthesize stage", stage_table("synthesize"));
  binder.know("an evaluate stage", stage_table("evaluate"));
  return binder;
}

options::ConversationOptions conversation_of(const Json& recipe, const BoundStage& stage) {
  const auto own = stage.said.find("conversation");
  if (own == stage.said.end()) return options::from_json<options::ConversationOptions>(recipe);
  Json merged = recipe;
  if (own->contains("system")) merged.erase("systems");  // which else would win
  merged.update(*own);
  return options::from_json<options::ConversationOptions>(merged);
}

Bound bind_recipe(const Node& root, Diagnostics& problems) {
  Bound bound;
  bound.root = &root;
  Binder binder = recipe_binder(problems, bound.origins);
  bound.said = binder.table(root, table_of<RecipeOptions>(), "the recipe", "", {"stage", "variables"});
  bound.missing = binder.take_missing();
  bound.options = options::from_json<RecipeOptions>(bound.said);
  const Node* stages = root.find("stage");
  if (!stages) return bound;
  if (!stages->is(Kind::kList)) {
    problems.error("wrong-type", place(*stages), fmt::format("'stage' must be a list of tables (got {})", kind_name(stages->kind)),
                   "begin each stage with [[stage]]");
    return bound;
  }
  const Json conversation = bound.said.value("conversation", Json::object());
  for (const Node& node : stages->items) {
    if (node.is(Kind::kTable)) bound.stages.push_back(bind_stage(node, conversation, problems));
    else problems.error("wrong-type", node.position, fmt::format("a stage must be a table (got {})", kind_name(node.kind)));
  }
  return bound;
}

}  // namespace saucier::recipe
