// A composed tree, bound to its options: every value typed, and still the tree beside it for the places.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "modules/options/stage_options.h"
#include "runner/recipe/cycle.h"
#include "runner/recipe/missing.h"
#include "runner/recipe/recipe_options.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

class Binder;

struct BoundStage {
  const Node* node = nullptr;
  std::string name;
  std::string kind;  // empty where the recipe's is wrong; then nothing below is checked
  std::string what;  // for messages: "train stage 'align'"
  Json said;         // keys that are set and right
  std::optional<std::string> from;  // as said
  std::string goes_on_from;         // resolved by check; "" for none
  options::ConversationOptions conversation;  // the recipe's with the stage's own merged in
  std::optional<options::TrainOptions> train;
  std::optional<options::SynthesizeOptions> synthesize;
  std::optional<options::EvaluateOptions> evaluate;
  std::map<std::string, std::string> origins;  // by key: "learning_rate", "lora.rank", "conversation.template"
};

struct Bound {
  const Node* root = nullptr;
  Json said;
  RecipeOptions options;
  std::vector<BoundStage> stages;
  std::map<std::string, std::string> origins;  // "model.language_model.path"
  std::vector<MissingFile> missing;
  Rounds rounds;  // of the tree, whose cycles are written out

  const BoundStage* stage(const std::string& name) const;
  size_t index_of(const BoundStage& stage) const { return static_cast<size_t>(&stage - stages.data()); }
};

// `root` must outlive the result.
Bound bind_recipe(const Node& root, Diagnostics& problems);

// Binders that know which keys belong elsewhere: of the recipe's own tables, and of a stage's.
Binder recipe_binder(Diagnostics& problems, std::map<std::string, std::string>& origins);
Binder stage_binder(Diagnostics& problems, std::map<std::string, std::string>& origins);

// The recipe's conversation with the stage's own merged in.
options::ConversationOptions conversation_of(const Json& recipe, const BoundStage& stage);

// The keys a stage of this kind may have: its head and the table of its kind.
const options::Table& stage_table(const std::string& kind);

// Where `key` of `table` is said (its value), else the place of the table.
const Position& place_of(const Node& table, std::string_view key);

}  // namespace saucier::recipe
