// LoRA adapters as PEFT writes them.

#include <cmath>
#include <set>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/checkpoint/checkpoint.h"

namespace saucier::checkpoint {
namespace {

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";

double number(const Json& config, const char* key, double missing) {
  if (!config.contains(key) || config[key].is_null()) return missing;
  if (!config[key].is_number()) throw Error(fmt::format("field '{}' is '{}', not a number", key, config[key].dump()));
  return config[key].get<double>();
}

// Whatever changes the result and is not computed here must be at its plain value.
void check_plain(const Json& config) {
  const auto refuse = [&](const char* key) {
    throw Error(fmt::format("field '{}' is '{}', which is not supported", key, config[key].dump()));
  };
  if (!config.is_object()) throw Error("not a JSON object");
  if (config.value("peft_type", Json()) != "LORA")
    throw Error(fmt::format("field 'peft_type' is '{}', only 'LORA' is supported", config.value("peft_type", Json()).dump()));
  for (const char* key : {"use_dora", "fan_in_fan_out", "lora_bias", "use_qalora"})
    if (config.contains(key) && config[key] == true) refuse(key);
  for (const char* key : {"modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform", "layer_replication",
                          "target_parameters", "exclude_modules", "trainable_token_indices"})
    if (config.contains(key) && !config[key].is_null() && !config[key].empty()) refuse(key);
  if (config.contains("bias") && config["bias"] != "none") refuse("bias");
}

// "model.layers.3.self_attn.q_proj.lora_A.weight" → "q_proj".
std::string module_of(const std::string& name) {
  const size_t end = name.rfind(".lora_");
  if (end == std::string::npos || end == 0) return {};
  return name.substr(name.rfind('.', end - 1) + 1, end - name.rfind('.', end - 1) - 1);
}

}  // namespace

void load_adapter(const fs::path& folder, model::LanguageModel& language) {
  with_context(fmt::format("while reading the adapter '{}'", folder.string()), [&] {
    const std::string file = (folder / kConfig).string();
    const Json config = parse_json(read_file(file), "'" + file + "'");
    model::LoraConfig lora;
    with_context(fmt::format("in '{}'", file), [&] {
      check_plain(config);
      lora.rank = std::llround(number(config, "r", 8));
      if (lora.rank < 1) throw Error(fmt::format("field 'r' is '{}', not a positive integer", lora.rank));
      lora.alpha = number(config, "lora_alpha", 8);
      // Rank-stabilised LoRA scales by alpha / √r: the same as another alpha here.
      if (config.contains("use_rslora") && config["use_rslora"] == true) lora.alpha *= std::sqrt(static_cast<double>(lora.rank));
      lora.dropout = number(config, "lora_dropout", 0);
    });

    model::Parameters tensors;
    std::set<std::string> modules;  // as the tensors have them: target_modules may also be a pattern
    for (auto& [name, tensor] : read_safetensors(folder / kWeights)) {
      const std::string module = module_of(name);
      if (!name.starts_with(kPrefix) || module.empty())
        throw Error(fmt::format("tensor '{}' of '{}' is no LoRA weight", name, (folder / kWeights).string()));
      modules.insert(module);
      tensors[name.substr(kPrefix.size())] = tensor;
    }
    lora.modules.assign(modules.begin(), modules.end());
    language.set_lora(lora, std::move(tensors));
  });
}

void save_adapter(const fs::path& folder, const model::LanguageModel& language, const std::string& base_path) {
  SAUCIER_CHECK(language.lora_config().has_value(), "an adapter of a model without one");
  const model::LoraConfig& lora = *language.lora_config();
  make_folders(folder);
  const Json config = {{"base_model_name_or_path", base_path},
                       {"bias", "none"},
                       {"fan_in_fan_out", false},
                       {"inference_mode", true},
                       {"init_lora_weights", true},
                       {"lora_alpha", lora.alpha},
                       {"lora_dropout", lora.dropout},
                       {"modules_to_save", Json()},
                       {"peft_type", "LORA"},
                       {"r", lora.rank},
                       {"target_modules", lora.modules},
                       {"task_type", "CAUSAL_LM"},
                       {"use_dora", false},
                       {"use_rslora", false}};
  write_file_atomic(folder / kConfig, config.dump(2) + "\n");
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : language.lora()) tensors[std::string(kPrefix) + name] = tensor;
  write_safetensors(folder / kWeights, tensors);
}

}  // namespace saucier::checkpoint
