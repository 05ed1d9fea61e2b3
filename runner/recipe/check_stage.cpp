// Stages: what they go on from, what they train, what they read.

#include <algorithm>

#include "modules/base/suggest.h"
#include "runner/recipe/check.h"

namespace saucier::recipe {
namespace {

constexpr std::string_view kMixturePrefix = "mixture.";
constexpr std::string_view kDataPrefix = "data.";

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

class StageChecks {
 public:
  StageChecks(Bound& bound, BoundStage& stage, Diagnostics& problems)
      : bound_(bound), stage_(stage), node_(*stage.node), problems_(problems) {}

  void check() {
    check_name();
    if (stage_.kind.empty()) return;
    check_from();
    if (const auto said = stage_.said.find("conversation"); said != stage_.said.end())
      check_conversation(bound_, *node_.find("conversation"), *said, problems_);
    if (stage_.train) {
      check_data("data", stage_.train->data);
      if (!stage_.train->validation.empty()) check_data("validation", stage_.train->validation);
      check_train(bound_, stage_, problems_);
    }
    if (stage_.synthesize) check_synthesize(bound_, stage_, problems_);
    if (stage_.evaluate) check_evaluate(bound_, stage_, problems_);
    for (const std::string& name : sources_of(bound_, stage_, true)) check_written_before(name);
  }

 private:
  void error(std::string code, std::string_view key, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), place_of(node_, key), std::move(message), std::move(hint));
  }

  void check_name() {
    if (!stage_.said.contains("name")) return;
    const bool fits = !stage_.name.empty() && std::all_of(stage_.name.begin(), stage_.name.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '-' || c == '_';
    });
    if (!fits || stage_.name == "none")
      error("bad-name", "name", fmt::format("'{}' cannot be the name of a stage", stage_.name),
            stage_.name == "none" ? "'none' means no stage in 'from'" : "use letters, digits, '-' and '_'");
  }

  void check_from() {
    const size_t own = bound_.index_of(stage_);
    if (stage_.kind == "synthesize") {
      if (stage_.from)
        error("useless-from", "from", fmt::format("{} goes on from nothing: its teacher needs no model", stage_.what),
              "remove 'from'");
      return;
    }
    if (!stage_.from) {
      if (node_.find("from")) return;  // of a wrong type, said already
      for (size_t i = 0; i < own; ++i)
        if (bound_.stages[i].kind == "train") stage_.goes_on_from = bound_.stages[i].name;
      return;
    }
    if (*stage_.from == "none") return;
    const BoundStage* other = bound_.stage(*stage_.from);
    if (!other) {
      std::vector<std::string> known;
      for (size_t i = 0; i < own; ++i)
        if (bound_.stages[i].kind == "train") known.push_back(bound_.stages[i].name);
      known.push_back("none");
      error("unknown-stage", "from", fmt::format("no stage '{}' in the recipe", *stage_.from), suggestion(*stage_.from, known));
    } else if (bound_.index_of(*other) >= own) {
      error("stage-order", "from",
            other == &stage_ ? fmt::format("stage '{}' cannot go on from itself", stage_.name)
                             : fmt::format("stage '{}' comes after '{}'", other->name, stage_.name),
            "stages run in the order of the file");
    } else if (other->kind != "train" && !other->kind.empty()) {
      error("wrong-stage-kind", "from",
            fmt::format("stage '{}' leaves no model: it is a stage of kind '{}'", other->name, other->kind),
            "name a stage of kind 'train', or \"none\"");
    } else {
      stage_.goes_on_from = other->name;
    }
  }

  // "mixture.NAME" or "data.NAME".
  void check_data(const char* key, const std::string& data) {
    if (!stage_.said.contains(key)) return;
    const bool mixture = data.starts_with(kMixturePrefix);
    if (!mixture && !data.starts_with(kDataPrefix)) {
      std::vector<std::string> known;
      for (const std::string& name : names_of(*bound_.root, "mixture")) known.push_back("mixture." + name);
      for (const std::string& name : names_of(*bound_.root, "data")) known.push_back("data." + name);
      std::string hint;
      for (const std::string& name : known)
        if (hint.empty() && name.ends_with("." + data)) hint = fmt::format("did you mean '{}'?", name);
      error("bad-reference", key, fmt::format("'{}' must be 'mixture.NAME' or 'data.NAME' (got '{}')", key, data),
            hint.empty() ? suggestion(data, known) : hint);
      return;
    }
    const std::string name = data.substr(mixture ? kMixturePrefix.size() : kDataPrefix.size());
    const std::vector<std::string> known = names_of(*bound_.root, mixture ? "mixture" : "data");
    if (contains(known, name)) return;
    error(mixture ? "unknown-mixture" : "unknown-source", key,
          fmt::format("no {} '{}' in the recipe", mixture ? "mixture" : "data source", name), suggestion(name, known));
  }

  // A synthesized source must have been written when this stage begins.
  void check_written_before(const std::string& name) {
    auto it = bound_.options.data.find(name);
    if (it == bound_.options.data.end() || it->second.format != "synthesized") return;
    const BoundStage* writer = bound_.stage(it->second.stage);
    if (!writer || writer == &stage_ || writer->kind != "synthesize" || bound_.index_of(*writer) < bound_.index_of(stage_)) return;
    error("stage-order", stage_.train ? "data" : "source",
          fmt::format("{} reads '{}', which stage '{}' writes only later", stage_.what, name, writer->name),
          fmt::format("move stage '{}' above '{}'", writer->name, stage_.name));
  }

  Bound& bound_;
  BoundStage& stage_;
  const Node& node_;
  Diagnostics& problems_;
};

}  // namespace

std::vector<std::string> mixtures_of(const Bound& bound, const BoundStage& stage) {
  std::vector<std::string> names;
  if (!stage.train) return names;
  for (const std::string* data : {&stage.train->data, &stage.train->validation}) {
    if (!data->starts_with(kMixturePrefix)) continue;
    const std::string name = data->substr(kMixturePrefix.size());
    if (bound.options.mixture.count(name) && !contains(names, name)) names.push_back(name);
  }
  return names;
}

std::vector<std::string> sources_of(const Bound& bound, const BoundStage& stage, bool zeros) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (bound.options.data.count(name) && !contains(names, name)) names.push_back(name);
  };
  if (stage.train)
    for (const std::string* data : {&stage.train->data, &stage.train->validation})
      if (data->starts_with(kDataPrefix)) add(data->substr(kDataPrefix.size()));
  if (stage.synthesize) add(stage.synthesize->source);
  for (const std::string& mixture : mixtures_of(bound, stage))
    for (const auto& [name, weight] : bound.options.mixture.at(mixture).weights)
      if (zeros || weight.takes_part()) add(name);
  if (stage.train)
    for (size_t i = 0, drawn = names.size(); i < drawn; ++i)
      for (const std::string& name : bound.options.data.at(names[i]).held_out) add(name);
  return names;
}

void check_stage(Bound& bound, BoundStage& stage, Diagnostics& problems) { StageChecks(bound, stage, problems).check(); }

}  // namespace saucier::recipe
