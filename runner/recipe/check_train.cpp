// Train stages: what learns, at which rate, and what watches it.

#include <algorithm>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/suggest.h"
#include "modules/options/trained_part.h"
#include "runner/recipe/check.h"

namespace saucier::recipe {
namespace {

using options::TrainedPart;
using Of = TrainedPart::Of;
using Which = TrainedPart::Which;

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

struct Entry {
  std::string word;
  TrainedPart part;
};

// How many layers a language model's folder says it has; nothing where it does not say.
std::optional<std::int64_t> layers_said(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_regular_file(folder / paths::kModelConfig, failed)) return std::nullopt;
  Json config = Json::parse(read_file(folder / paths::kModelConfig), nullptr, false);
  if (config.is_object() && config.contains("text_config")) config = config["text_config"];
  if (!config.is_object() || !config.contains("num_hidden_layers") || !config["num_hidden_layers"].is_number_integer()) return std::nullopt;
  return config["num_hidden_layers"].get<std::int64_t>();
}

class TrainChecks {
 public:
  TrainChecks(const Bound& bound, const BoundStage& stage, Diagnostics& problems)
      : bound_(bound), stage_(stage), node_(*stage.node), train_(*stage.train), problems_(problems) {}

  void check() {
    check_warmup(node_, stage_.said, stage_.what);
    check_watching();
    if (!stage_.said.contains("trains")) return;  // missing or wrong, said already
    if (train_.trains.empty()) {
      error("trains-nothing", "trains", fmt::format("{} trains nothing", stage_.what), "name what learns: trains = [\"projector\"]");
      return;
    }
    read_entries();
    check_conflicts();
    for (const Entry& entry : entries_) check_range(entry);
    check_lora("lora", "language_model.lora", has(Of::language_model, Which::lora));
    check_lora("vision_lora", "vision_tower.lora", has(Of::vision_tower, Which::lora));
    if (has(Of::language_model, Which::lora)) check_lora_modules(train_.lora.modules);
    check_objective();
    check_parts();
    check_learning_rate();
  }

 private:
  void error(std::string code, std::string_view key, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), place_of(node_, key), std::move(message), std::move(hint));
  }
  void warning(std::string code, std::string_view key, std::string message, std::string hint = {}) {
    problems_.warning(std::move(code), place_of(node_, key), std::move(message), std::move(hint));
  }

  bool has(Of of, Which which) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.part.of == of && entry.part.which == which; });
  }
  bool has(Of of) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.part.of == of; });
  }
  bool changes(Of of) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.part.of == of && entry.part.which != Which::lora; });
  }

  const Position& place_of_entry(const std::string& word) const {
    const Node* list = node_.find("trains");
    if (list && list->is(Kind::kList))
      for (const Node& item : list->items)
        if (item.is(Kind::kString) && item.text() == word) return place(item);
    return place_of(node_, "trains");
  }

  void read_entries() {
    for (const std::string& word : train_.trains) {
      if (const auto part = options::trained_part(word)) {
        const bool twice = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.word == word; });
        if (twice) problems_.error("conflicting-trains", place_of_entry(word), fmt::format("'{}' stands twice in 'trains'", word), "remove one of them");
        else entries_.push_back({word, *part});
        continue;
      }
      problems_.error("unknown-part", place_of_entry(word), fmt::format("unknown word '{}' in 'trains'", word),
                      suggestion(word, options::table_of<options::TrainOptions>().find("trains")->rule.choices));
    }
  }

  // Two entries of one part that a tensor could belong to both.
  static bool collide(const TrainedPart& a, const TrainedPart& b) {
    if (a.of != b.of) return false;
    if (a.which == Which::all || b.which == Which::all) return true;
    const bool lora = a.which == Which::lora || b.which == Which::lora;
    if (a.by_layers() && b.by_layers()) return a.which != b.which || a.which == Which::last || (a.first <= b.last && b.first <= a.last);
    return lora && (a.by_layers() || b.by_layers());
  }

  void check_conflicts() {
    for (size_t b = 1; b < entries_.size(); ++b)
      for (size_t a = 0; a < b; ++a)
        if (collide(entries_[a].part, entries_[b].part))
          error("conflicting-trains", "trains", fmt::format("'{}' and '{}' exclude each other", entries_[a].word, entries_[b].word), "keep one of them");
  }

  void check_range(const Entry& entry) {
    const TrainedPart& part = entry.part;
    if (!part.by_layers()) return;
    if (part.which == Which::layers && part.first > part.last) {
      problems_.error("bad-range", place_of_entry(entry.word), fmt::format("'{}' ends before it begins", entry.word), "write the lower number first");
      return;
    }
    const std::int64_t needed = part.which == Which::layers ? part.last + 1 : part.count;
    const auto layers = part.of == Of::vision_tower ? used_layers() : language_layers();
    if (!layers || needed <= *layers) return;
    problems_.error("bad-range", place_of_entry(entry.word),
                    part.of == Of::vision_tower ? fmt::format("'{}' names more than the {} layers of the vision tower whose features are used", entry.word, *layers)
                                                : fmt::format("'{}' is outside of the language model's {} layers", entry.word, *layers),
                    part.which == Which::layers ? fmt::format("they are numbered 0 to {}", *layers - 1) : fmt::format("name at most {}", *layers));
  }

  std::optional<std::int64_t> language_layers() const {
    const options::LanguageModelOptions& model = bound_.options.model.language_model;
    return model.init == "random" ? model.layers : layers_said(model.path);
  }
  std::optional<std::int64_t> used_layers() const {
    const options::VisionTowerOptions& model = bound_.options.model.vision_tower;
    const auto layers = model.init == "random" ? model.layers : layers_said(model.path);
    if (!layers) return std::nullopt;
    return std::clamp<std::int64_t>(model.layer < 0 ? model.layer + *layers + 1 : model.layer, 0, *layers);
  }

  void check_lora(const char* table, const char* part, bool trained) {
    if (!stage_.said.contains(table) || trained) return;
    error("unused-lora", table, fmt::format("{} does not train '{}'", stage_.what, part), fmt::format("add \"{}\" to 'trains', or remove '{}'", part, table));
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

  void check_objective() {
    const bool tower_alone = entries_.size() == 1 && has(Of::vision_tower, Which::all);
    if (train_.objective == "contrastive" && !tower_alone)
      error("wrong-trains", "trains", "the objective 'contrastive' trains the vision tower and nothing else", "write trains = [\"vision_tower\"]");
    if (train_.objective == "contrastive" && train_.micro_batch)
      error("conflicting-keys", "micro_batch", "the objective 'contrastive' compares all samples of a batch: it cannot be split",
            "remove 'micro_batch', or lower global_batch");
    if (train_.objective == "text" && (has(Of::projector) || has(Of::vision_tower) || has(Of::language_model, Which::lora)))
      error("wrong-trains", "trains", "the objective 'text' trains the language model and nothing else", "write trains = [\"language_model\"]");
    if (train_.objective == "conversation" && stage_.conversation.template_name == "plain" && has(Of::language_model))
      warning("plain-language-model", "trains",
              fmt::format("{} trains the language model on the template 'plain', which drops the questions", stage_.what),
              "train the projector alone, or use a conversation template");
  }

  void check_parts() {
    const Node* parts = node_.find("parts");
    if (!parts || !parts->is(Kind::kTable)) return;
    for (const Node& item : parts->items) {
      if (!item.is(Kind::kTable)) continue;
      const Json said = stage_.said.contains("parts") ? stage_.said["parts"].value(item.key, Json::object()) : Json::object();
      check_warmup(item, said, fmt::format("'parts.{}'", item.key));
      if (contains(train_.trains, item.key)) continue;
      if (options::trained_part(item.key))
        problems_.warning("unused-key", place(item), fmt::format("{} does not train '{}'", stage_.what, item.key), "");
      else
        problems_.error("unknown-part", place(item), fmt::format("'parts' names '{}', which is no part of a model", item.key), suggestion(item.key, train_.trains));
    }
  }

  void check_warmup(const Node& table, const Json& said, const std::string& what) {
    if (!said.contains("warmup_steps") || !said.contains("warmup_ratio")) return;
    problems_.error("conflicting-keys", place_of(table, "warmup_steps"),
                    fmt::format("{} says both 'warmup_steps' and 'warmup_ratio'", what), "keep one of them");
  }

  // A hundredfold away from what is usual is more often a slip than a wish.
  void warn_of(const Position& at, const char* key, double rate, double usual, std::string_view what) {
    if (rate <= usual * 100 && rate >= usual / 100) return;
    problems_.warning("unusual-value", at, fmt::format("'{}' is {}: more than a hundredfold {} the usual {} {}", key, rate, rate > usual ? "above" : "below", usual, what));
  }

  void check_learning_rate() {
    const bool lora = has(Of::language_model, Which::lora) || has(Of::vision_tower, Which::lora);
    const bool whole = changes(Of::language_model) || changes(Of::vision_tower);
    const bool from_nothing = train_.objective != "conversation" || !(whole || lora);
    if (stage_.said.contains("learning_rate"))
      warn_of(place_of(node_, "learning_rate"), "learning_rate", train_.learning_rate, from_nothing ? 1e-3 : 1e-4,
              train_.objective != "conversation" ? "for a part made from nothing" : lora ? "for low-rank adaptation" : whole ? "for a pretrained part" : "for a projector");
    const Node* parts = node_.find("parts");
    for (const auto& [name, part] : train_.parts) {
      const Node* item = parts && parts->is(Kind::kTable) ? parts->find(name) : nullptr;
      const auto entry = options::trained_part(name);
      if (!item || !entry || !part.learning_rate || train_.objective != "conversation") continue;
      const bool projector = entry->of == Of::projector;
      warn_of(place_of(*item, "learning_rate"), "learning_rate", *part.learning_rate, projector ? 1e-3 : 1e-4,
              projector ? "for a projector" : entry->which == Which::lora ? "for low-rank adaptation" : "for a pretrained part");
    }
  }

  void check_watching() {
    const bool validates = !train_.validation.empty();
    if (train_.objective == "contrastive" && validates)
      error("conflicting-keys", "validation", "the objective 'contrastive' has no loss of its own on samples held out", "remove 'validation'");
    if (!validates && train_.early_stop.patience)
      error("missing-key", "early_stop", "'early_stop' goes by the validation loss, and the stage has no 'validation'", "name held-out samples: validation = \"data.NAME\"");
    if (!validates && train_.use == "best")
      error("missing-key", "use", "'best' goes by the validation loss, and the stage has no 'validation'", "name held-out samples: validation = \"data.NAME\"");
  }

  const Bound& bound_;
  const BoundStage& stage_;
  const Node& node_;
  const options::TrainOptions& train_;
  Diagnostics& problems_;
  std::vector<Entry> entries_;
};

}  // namespace

void check_train(const Bound& bound, const BoundStage& stage, Diagnostics& problems) { TrainChecks(bound, stage, problems).check(); }

}  // namespace saucier::recipe
