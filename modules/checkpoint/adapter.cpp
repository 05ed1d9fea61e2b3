// LoRA adapters as PEFT writes them.

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/suggest.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/checkpoint/files.h"

namespace saucier::checkpoint {
namespace {

using layout::Layout;
using layout::Part;

constexpr std::string_view kA = ".lora_A.weight", kB = ".lora_B.weight";

double number(const Json& config, const char* key, double missing) {
  if (!config.contains(key) || config[key].is_null()) return missing;
  if (!config[key].is_number()) throw Error(fmt::format("field '{}' is '{}', not a number", key, config[key].dump()));
  return config[key].get<double>();
}

std::map<std::string, double> numbers_by_name(const Json& config, const char* key) {
  std::map<std::string, double> read;
  if (!config.contains(key) || config[key].is_null()) return read;
  if (!config[key].is_object()) throw Error(fmt::format("field '{}' is '{}', not a table of numbers", key, config[key].dump()));
  for (const auto& [name, value] : config[key].items()) {
    if (!value.is_number()) throw Error(fmt::format("field '{}' is '{}', not a table of numbers", key, config[key].dump()));
    if (name.find_first_of("*+?[](){}|^$\\") != std::string::npos)
      throw Error(fmt::format("field '{}' has the pattern '{}', only names are supported", key, name));
    read[name] = value.get<double>();
  }
  return read;
}

// Whatever changes the result and is not computed here must be at its plain value.
void check_plain(const Json& config) {
  const auto refuse = [&](const char* key) {
    throw Error(fmt::format("field '{}' is '{}', which is not supported", key, config[key].dump()));
  };
  if (!config.is_object()) throw Error("not a JSON object");
  if (config.value("peft_type", Json()) != "LORA")
    throw Error(fmt::format("field 'peft_type' is '{}', only 'LORA' is supported", config.value("peft_type", Json()).dump()));
  for (const char* key : {"use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "alora_invocation_tokens"})
    if (config.contains(key) && !config[key].is_null() && config[key] != false) refuse(key);
  for (const char* key : {"layer_replication", "target_parameters", "trainable_token_indices"})
    if (config.contains(key) && !config[key].is_null() && !config[key].empty()) refuse(key);
  // These ways to begin also change the weights under the update.
  if (config.contains("init_lora_weights") && config["init_lora_weights"].is_string())
    for (const char* kind : {"pissa", "olora", "corda", "loftq"})
      if (config["init_lora_weights"].get<std::string>().starts_with(kind)) refuse("init_lora_weights");
}

model::LoraConfig read_lora_config(const fs::path& file) {
  return with_context(fmt::format("in '{}'", file.string()), [&] {
    const Json config = read_json(file);
    check_plain(config);
    model::LoraConfig lora;
    lora.rank = std::llround(number(config, "r", 8));
    if (lora.rank < 1) throw Error(fmt::format("field 'r' is '{}', not a positive integer", lora.rank));
    lora.alpha = number(config, "lora_alpha", 8);
    lora.dropout = number(config, "lora_dropout", 0);
    lora.rank_stabilised = config.contains("use_rslora") && config["use_rslora"] == true;
    lora.ranks = numbers_by_name(config, "rank_pattern");
    lora.alphas = numbers_by_name(config, "alpha_pattern");
    return lora;
  });
}

// "model.layers.3.self_attn.q_proj.lora_A.weight" → its path; nothing where it is no update.
std::optional<std::string> updated_layer(const std::string& name) {
  for (const std::string_view end : {kA, kB})
    if (name.ends_with(end)) return name.substr(0, name.size() - end.size());
  return std::nullopt;
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

// The layers with an update, by the ends of their paths.
std::set<std::string> modules_of(const model::Parameters& lora) {
  std::set<std::string> modules;
  for (const auto& [name, tensor] : lora)
    if (const auto path = updated_layer(name)) modules.insert(last_part(*path));
  return modules;
}

void replace_whole(model::Parameters& parameters, const std::string& name, const at::Tensor& tensor, Part part) {
  const auto own = parameters.find(name);
  if (own == parameters.end()) {
    std::vector<std::string> known;
    for (const auto& [other, value] : parameters) known.push_back(other);
    throw Error(fmt::format("the {} has no tensor '{}'", layout::name_of(part), name), suggestion(name, known));
  }
  if (own->second.sizes() != tensor.sizes())
    throw Error(fmt::format("tensor '{}' has shape [{}], the {}'s has [{}]", name, fmt::join(tensor.sizes(), ", "),
                            layout::name_of(part), fmt::join(own->second.sizes(), ", ")));
  own->second = tensor;
}

Json config_of(const model::LoraConfig& lora, const Json& targets, const std::string& base_path) {
  const auto patterns = [](const std::map<std::string, double>& numbers) {
    Json json = Json::object();
    for (const auto& [name, value] : numbers) json[name] = value;
    return json;
  };
  return {{"alpha_pattern", patterns(lora.alphas)},
          {"base_model_name_or_path", base_path},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"init_lora_weights", true},
          {"lora_alpha", lora.alpha},
          {"lora_dropout", lora.dropout},
          {"modules_to_save", Json()},
          {"peft_type", "LORA"},
          {"r", lora.rank},
          {"rank_pattern", patterns(lora.ranks)},
          {"target_modules", targets},
          {"task_type", "CAUSAL_LM"},
          {"use_dora", false},
          {"use_rslora", lora.rank_stabilised}};
}

// A part's updates under the names that LLaVA in transformers' memory has for them, and the layers that they are of.
struct JoinedUpdates {
  Tensors tensors;
  Json targets = Json::array();  // whole paths: an end such as "q_proj" would also fit another part's layers

  void add(Part part, const std::string& name, const at::Tensor& tensor) {
    tensors[std::string(layout::kAdapterPrefix) + layout::file_name({part, name}, Layout::transformers_memory)] = tensor;
    if (name.ends_with(kA)) targets.push_back(layout::file_name({part, *updated_layer(name)}, Layout::transformers_memory));
  }
  void add(Part part, const model::Parameters& tensors_of_part) {
    for (const auto& [name, tensor] : tensors_of_part) add(part, name, tensor);
  }
  void write(const fs::path& folder, const Json& config) const {
    write_json(folder / paths::kAdapterConfig, config);
    write_safetensors(folder / fmt::format("{}.safetensors", paths::kAdapterWeights), tensors);
  }
};

}  // namespace

void load_adapter(const fs::path& folder, model::JoinedModel& model) {
  with_context(fmt::format("while reading the adapter '{}'", folder.string()), [&] {
    if (!fs::exists(folder / paths::kAdapterConfig)) throw Error(fmt::format("there is no '{}' in it", paths::kAdapterConfig));
    const model::LoraConfig config = read_lora_config(folder / paths::kAdapterConfig);
    const weights::Container container = weights::Container::folder(folder, paths::kAdapterWeights);
    std::map<Part, model::Parameters> updates, whole;
    for (const auto& [name, tensor] : container.tensors()) {
      if (!name.starts_with(layout::kAdapterPrefix)) throw Error(fmt::format("tensor '{}' does not begin with '{}'", name, layout::kAdapterPrefix));
      const layout::Place place = layout::place_of(name);
      (updated_layer(place.name) ? updates : whole)[place.part][place.name] = to_torch(tensor, container.memory());
    }
    const auto lay_over = [&](Part part, auto* owner) {
      const bool used = updates.contains(part) || whole.contains(part);
      if (!used) return;
      if (!owner) throw Error(fmt::format("it changes the {}, which the model does not have", layout::name_of(part)));
      for (const auto& [name, tensor] : whole[part]) replace_whole(owner->parameters(), name, tensor, part);
      if (updates[part].empty()) return;
      model::LoraConfig lora = config;
      const std::set<std::string> modules = modules_of(updates[part]);
      lora.modules.assign(modules.begin(), modules.end());
      owner->set_lora(lora, std::move(updates[part]));
    };
    lay_over(Part::language, &model.language);
    lay_over(Part::tower, model.tower ? &*model.tower : nullptr);
    lay_over(Part::projector, model.projector ? &*model.projector : nullptr);
    if (const auto newline = whole.find(Part::newline); newline != whole.end() && model.projector)
      model.projector->parameters()[model::Projector::kNewline] = newline->second.at(model::Projector::kNewline);
  });
}

void save_adapter(const fs::path& folder, const model::LanguageModel& language, const std::string& base_path) {
  SAUCIER_CHECK(language.lora_config().has_value(), "an adapter of a model without one");
  make_folders(folder);
  write_json(folder / paths::kAdapterConfig, config_of(*language.lora_config(), modules_of(language.lora()), base_path));
  Tensors tensors;
  for (const auto& [name, tensor] : language.lora()) tensors[std::string(layout::kAdapterPrefix) + name] = tensor;
  write_safetensors(folder / fmt::format("{}.safetensors", paths::kAdapterWeights), tensors);
}

void save_tower_adapter(const fs::path& folder, const model::VisionTower& tower, const std::string& base_path) {
  SAUCIER_CHECK(tower.lora_config().has_value(), "an adapter of a tower without one");
  make_folders(folder);
  JoinedUpdates updates;
  updates.add(Part::tower, tower.lora());
  updates.write(folder, config_of(*tower.lora_config(), updates.targets, base_path));
}

void save_joined_adapter(const fs::path& folder, const model::JoinedModel& model, const std::string& base_path) {
  SAUCIER_CHECK(model.tower && model.projector, "a joined adapter of a language model alone");
  make_folders(folder);
  if (model.projector->has_newline())
    throw Error("PEFT has no place for 'image_newline', which the model learned for its tiles", "export it as a whole model");
  JoinedUpdates updates;
  updates.add(Part::tower, model.tower->lora());
  updates.add(Part::language, model.language.lora());
  if (updates.targets.empty()) throw Error("the model has no adapter: none of its parts was tuned by LoRA", "export it as a whole model");
  // The numbers of the language model hold for all layers, those of the tower for its own by their paths.
  model::LoraConfig lora = model.language.lora_config() ? *model.language.lora_config() : *model.tower->lora_config();
  if (model.language.lora_config() && model.tower->lora_config()) {
    const model::LoraConfig& of_tower = *model.tower->lora_config();
    if (of_tower.rank_stabilised != lora.rank_stabilised)
      throw Error("PEFT scales all updates in one way, and this model has 'rank_stabilised' for one of its two alone", "export it as a whole model");
    for (const auto& [name, tensor] : model.tower->lora()) {
      if (!name.ends_with(kA)) continue;
      const std::string path = *updated_layer(name);
      if (of_tower.rank != lora.rank) lora.ranks[path] = static_cast<double>(of_tower.rank);
      if (of_tower.alpha != lora.alpha) lora.alphas[path] = of_tower.alpha;
    }
  }
  updates.add(Part::projector, model.projector->parameters());
  Json config = config_of(lora, updates.targets, base_path);
  if (!model.projector->parameters().empty()) config["modules_to_save"] = {"multi_modal_projector"};
  updates.write(folder, config);
}

}  // namespace saucier::checkpoint
