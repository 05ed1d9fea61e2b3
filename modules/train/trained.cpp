#include "modules/train/trained.h"

#include <algorithm>
#include <set>

#include "modules/base/rng.h"

namespace saucier::train {
namespace {

using options::TrainedPart;
using Of = TrainedPart::Of;
using Which = TrainedPart::Which;

TrainedPart read(const std::string& word) {
  const auto part = options::trained_part(word);
  if (!part) throw Error(fmt::format("unknown word '{}' in 'trains'", word));  // of a damaged job
  return *part;
}

bool is_embedding(const std::string& name) { return name == "model.embed_tokens.weight" || name == "lm_head.weight"; }

std::int64_t used_layers(const model::JoinedModel& model) {
  const std::int64_t all = model.tower->config().layers;
  std::int64_t used = 0;
  for (const std::int64_t layer : model.vision_layers) used = std::max(used, layer < 0 ? layer + all + 1 : layer);
  return std::min(used, all);
}

// Of a tensor's name behind `prefix`; nothing where it is of no layer.
std::optional<std::int64_t> layer_of(const std::string& name, const std::string& prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  return std::stoll(name.substr(prefix.size()));
}

struct Range {
  std::int64_t first = 0, end = 0;
  bool has(std::optional<std::int64_t> layer) const { return layer && *layer >= first && *layer < end; }
};

Range range_of(const TrainedPart& part, const std::string& word, std::int64_t layers, std::string_view what) {
  if (part.which == Which::last ? part.count > layers : part.last >= layers || part.first > part.last)
    throw Error(fmt::format("'{}' is outside of {}", word, what), part.which == Which::last ? fmt::format("name at most {}", layers) : fmt::format("they are numbered 0 to {}", layers - 1));
  return part.which == Which::last ? Range{layers - part.count, layers} : Range{part.first, part.last + 1};
}

// The tensors of a part that an entry names and none before it had.
class Taken {
 public:
  template <class Test>
  void take(model::Parameters& parameters, ParameterGroup& group, Test test) {
    for (auto& [name, tensor] : parameters)
      if (test(name) && taken_.insert(&tensor).second) group.tensors.push_back(&tensor);
  }

 private:
  std::set<const at::Tensor*> taken_;
};

void take_language(model::LanguageModel& language, const TrainedPart& part, const std::string& word, Taken& taken, ParameterGroup& group) {
  const std::string prefix = "model.layers.";
  switch (part.which) {
    case Which::all: return taken.take(language.parameters(), group, [](const std::string&) { return true; });
    case Which::lora: return taken.take(language.lora(), group, [](const std::string&) { return true; });
    case Which::norms: return taken.take(language.parameters(), group, [](const std::string& name) { return name.ends_with("norm.weight"); });
    case Which::embeddings: return taken.take(language.parameters(), group, is_embedding);
    case Which::layers:
    case Which::last: break;
  }
  const std::int64_t layers = language.config().layers;
  const Range range = range_of(part, word, layers, fmt::format("the language model's {} layers", layers));
  taken.take(language.parameters(), group, [&](const std::string& name) { return range.has(layer_of(name, prefix)); });
}

void take_tower(model::JoinedModel& model, const TrainedPart& part, const std::string& word, Taken& taken, ParameterGroup& group) {
  model::VisionTower& tower = *model.tower;
  const layout::VisionNames& names = layout::names_of(tower.config());
  const std::int64_t used = used_layers(model);
  const auto unused = [&](const std::string& name) {
    const auto layer = layer_of(name, names.layer);
    return (layer && *layer >= used) || name.starts_with(names.after + ".");
  };
  if (part.which == Which::lora) return taken.take(tower.lora(), group, [&](const std::string& name) { return !unused(name); });
  if (part.which == Which::all) return taken.take(tower.parameters(), group, [&](const std::string& name) { return !unused(name); });
  const Range range = range_of(part, word, used, fmt::format("the {} layers of the vision tower whose features are used", used));
  taken.take(tower.parameters(), group, [&](const std::string& name) { return range.has(layer_of(name, names.layer)); });
}

model::LoraConfig config_of(const options::LoraOptions& lora) {
  return {.rank = lora.rank, .alpha = lora.alpha, .dropout = lora.dropout, .rank_stabilised = lora.rank_stabilised, .modules = lora.modules};
}

}  // namespace

ParameterGroup group_of(const options::TrainOptions& options, const std::string& part) {
  ParameterGroup group{.name = part, .tensors = {}, .learning_rate = options.learning_rate, .weight_decay = options.weight_decay, .schedule = schedule_of(options, part)};
  if (const auto own = options.parts.find(part); own != options.parts.end()) {
    group.learning_rate = own->second.learning_rate.value_or(group.learning_rate);
    group.weight_decay = own->second.weight_decay.value_or(group.weight_decay);
  }
  return group;
}

void add_updates(const options::Job& job, model::JoinedModel& model) {
  for (const std::string& word : job.train->trains) {
    const TrainedPart part = read(word);
    if (part.which != Which::lora) continue;
    const bool language = part.of == Of::language_model;
    if (!language && !model.tower) continue;  // parameter_groups() says so
    model::Part& own = language ? static_cast<model::Part&>(model.language) : *model.tower;
    if (own.lora_config()) continue;
    own.add_lora(config_of(language ? job.train->lora : job.train->vision_lora),
                 Rng(static_cast<std::uint64_t>(job.seed), (language ? "lora." : "vision_lora.") + job.stage).next64());
  }
}

std::vector<ParameterGroup> parameter_groups(const options::TrainOptions& options, model::JoinedModel& model) {
  std::vector<ParameterGroup> groups;
  for (const std::string& word : options.trains) groups.push_back(group_of(options, word));
  Taken taken;
  for (const bool layers : {true, false}) {
    for (size_t i = 0; i < groups.size(); ++i) {
      const TrainedPart part = read(groups[i].name);
      if (part.by_layers() != layers) continue;
      if (part.of == Of::language_model) take_language(model.language, part, groups[i].name, taken, groups[i]);
      if (part.of == Of::vision_tower && model.tower) take_tower(model, part, groups[i].name, taken, groups[i]);
      if (part.of == Of::projector && model.projector) taken.take(model.projector->parameters(), groups[i], [](const std::string&) { return true; });
      if (groups[i].tensors.empty()) throw Error(fmt::format("'{}' names nothing that the model has", groups[i].name), "remove it from 'trains'");
    }
  }
  return groups;
}

bool changes_weights(const options::TrainOptions& options, Of of) {
  return std::any_of(options.trains.begin(), options.trains.end(), [&](const std::string& word) {
    const TrainedPart part = read(word);
    return part.of == of && part.which != Which::lora;
  });
}

}  // namespace saucier::train
