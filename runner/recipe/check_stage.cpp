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
    if (stage_.train) check_train(*stage_.train);
    if (stage_.synthesize) check_synthesize(*stage_.synthesize);
    if (stage_.evaluate && stage_.said.contains("benchmarks") && stage_.evaluate->benchmarks.empty())
      error("no-benchmarks", "benchmarks", fmt::format("{} scores no benchmark", stage_.what));
    for (const std::string& name : sources_of(bound_, stage_, true)) check_written_before(name);
  }

 private:
  void error(std::string code, std::string_view key, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), place_of(node_, key), std::move(message), std::move(hint));
  }
  void warning(std::string code, std::string_view key, std::string message, std::string hint = {}) {
    problems_.warning(std::move(code), place_of(node_, key), std::move(message), std::move(hint));
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

  void check_train(const options::TrainOptions& train) {
    check_data(train.data);
    if (!stage_.said.contains("trains")) return;  // missing or wrong, said already
    if (train.trains.empty()) {
      error("trains-nothing", "trains", fmt::format("{} trains nothing", stage_.what),
            "name what learns: trains = [\"projector\"]");
      return;
    }
    const bool whole = contains(train.trains, "language_model");
    const bool lora = contains(train.trains, "language_model.lora");
    if (whole && lora)
      error("conflicting-trains", "trains", "'language_model' and 'language_model.lora' exclude each other", "keep one of them");
    if (stage_.said.contains("lora") && !lora)
      error("unused-lora", "lora", fmt::format("{} does not train 'language_model.lora'", stage_.what),
            "add \"language_model.lora\" to 'trains', or remove 'lora'");
    if (lora) check_lora_modules(train.lora.modules);
    const bool only_one = train.trains.size() == 1;
    if (train.objective == "contrastive" && !(only_one && contains(train.trains, "vision_tower")))
      error("wrong-trains", "trains", "the objective 'contrastive' trains the vision tower and nothing else",
            "write trains = [\"vision_tower\"]");
    if (train.objective == "contrastive" && train.micro_batch)
      error("conflicting-keys", "micro_batch", "the objective 'contrastive' compares all samples of a batch: it cannot be split",
            "remove 'micro_batch', or lower global_batch");
    if (train.objective == "text" && !(only_one && whole))
      error("wrong-trains", "trains", "the objective 'text' trains the language model and nothing else",
            "write trains = [\"language_model\"]");
    if (train.objective == "conversation" && stage_.conversation.template_name == "plain" && (whole || lora))
      warning("plain-language-model", "trains",
              fmt::format("{} trains the language model on the template 'plain', which drops the questions", stage_.what),
              "train the projector alone, or use a conversation template");
    if (stage_.said.contains("projector_learning_rate") && !contains(train.trains, "projector"))
      warning("unused-key", "projector_learning_rate", fmt::format("{} does not train the projector", stage_.what));
    check_learning_rate(train, whole || contains(train.trains, "vision_tower"), lora);
  }

  // Plain names are those that the families of language models have; the layers of a path or a pattern are the model's own.
  void check_lora_modules(const std::vector<std::string>& modules) {
    static const std::vector<std::string> known = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
                                                   "qkv_proj", "gate_up_proj", "lm_head", "all-linear"};
    const Node* table = node_.find("lora");
    const Node* list = table && table->is(Kind::kTable) ? table->find("modules") : nullptr;
    for (size_t i = 0; i < modules.size(); ++i) {
      if (modules[i].find_first_of("*.") != std::string::npos || contains(known, modules[i])) continue;
      const bool said = list && list->is(Kind::kList) && i < list->items.size();
      problems_.error("unknown-module", said ? place(list->items[i]) : place_of(node_, "lora"),
                      fmt::format("'lora.modules' names '{}', which no language model has", modules[i]), suggestion(modules[i], known));
    }
  }

  // A hundredfold away from what is usual is more often a slip than a wish.
  void check_learning_rate(const options::TrainOptions& train, bool whole, bool lora) {
    const bool from_nothing = train.objective != "conversation" || !(whole || lora);
    const double usual = from_nothing ? 1e-3 : 1e-4;
    const auto warn = [&](const char* key, double rate, double expected, std::string_view what) {
      if (!stage_.said.contains(key) || (rate <= expected * 100 && rate >= expected / 100)) return;
      warning("unusual-value", key,
              fmt::format("'{}' is {}: more than a hundredfold {} the usual {} {}", key, rate,
                          rate > expected ? "above" : "below", expected, what));
    };
    const std::string_view what = train.objective != "conversation" ? "for a part made from nothing"
                                  : lora                             ? "for low-rank adaptation"
                                  : whole                            ? "for a pretrained part"
                                                                     : "for a projector";
    warn("learning_rate", train.learning_rate, usual, what);
    if (train.projector_learning_rate)
      warn("projector_learning_rate", *train.projector_learning_rate, 1e-3, "for a projector");
  }

  // "mixture.NAME" or "data.NAME".
  void check_data(const std::string& data) {
    if (!stage_.said.contains("data")) return;
    const bool mixture = data.starts_with(kMixturePrefix);
    if (!mixture && !data.starts_with(kDataPrefix)) {
      std::vector<std::string> known;
      for (const std::string& name : names_of(*bound_.root, "mixture")) known.push_back("mixture." + name);
      for (const std::string& name : names_of(*bound_.root, "data")) known.push_back("data." + name);
      std::string hint;
      for (const std::string& name : known)
        if (hint.empty() && name.ends_with("." + data)) hint = fmt::format("did you mean '{}'?", name);
      error("bad-reference", "data", fmt::format("'data' must be 'mixture.NAME' or 'data.NAME' (got '{}')", data),
            hint.empty() ? suggestion(data, known) : hint);
      return;
    }
    const std::string name = data.substr(mixture ? kMixturePrefix.size() : kDataPrefix.size());
    const std::vector<std::string> known = names_of(*bound_.root, mixture ? "mixture" : "data");
    if (contains(known, name)) return;
    error(mixture ? "unknown-mixture" : "unknown-source", "data",
          fmt::format("no {} '{}' in the recipe", mixture ? "mixture" : "data source", name), suggestion(name, known));
  }

  void check_synthesize(const options::SynthesizeOptions& synthesize) {
    if (stage_.said.contains("kinds")) {
      double sum = 0;
      for (const auto& [kind, share] : synthesize.kinds) sum += share;
      if (sum <= 0) error("no-weight", "kinds", fmt::format("{} writes nothing: every proportion is 0", stage_.what));
    }
    if (!stage_.said.contains("source")) return;
    const std::vector<std::string> known = names_of(*bound_.root, "data");
    if (!contains(known, synthesize.source)) {
      const bool prefixed = synthesize.source.starts_with(kDataPrefix);
      error("unknown-source", "source", fmt::format("no data source '{}' in the recipe", synthesize.source),
            prefixed ? fmt::format("write \"{}\"", synthesize.source.substr(kDataPrefix.size()))
                     : suggestion(synthesize.source, known));
      return;
    }
    auto it = bound_.options.data.find(synthesize.source);
    if (it == bound_.options.data.end()) return;
    const std::string& format = it->second.format;
    if (format != "scenes" && !format.empty())
      error("wrong-source", "source", fmt::format("the template teacher reads scenes, and '{}' is of format '{}'", synthesize.source, format),
            "name a source of format 'scenes'");
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
  if (!stage.train || !stage.train->data.starts_with(kMixturePrefix)) return {};
  const std::string name = stage.train->data.substr(kMixturePrefix.size());
  if (!bound.options.mixture.count(name)) return {};
  return {name};
}

std::vector<std::string> sources_of(const Bound& bound, const BoundStage& stage, bool zeros) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (bound.options.data.count(name) && !contains(names, name)) names.push_back(name);
  };
  if (stage.train && stage.train->data.starts_with(kDataPrefix)) add(stage.train->data.substr(kDataPrefix.size()));
  if (stage.synthesize) add(stage.synthesize->source);
  for (const std::string& mixture : mixtures_of(bound, stage))
    for (const auto& [name, weight] : bound.options.mixture.at(mixture).weights)
      if (zeros || weight.takes_part()) add(name);
  return names;
}

void check_stage(Bound& bound, BoundStage& stage, Diagnostics& problems) { StageChecks(bound, stage, problems).check(); }

}  // namespace saucier::recipe
