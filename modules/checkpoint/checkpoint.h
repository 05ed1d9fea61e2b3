// Model folders in Hugging Face layout, adapters as PEFT writes them, and training states.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "modules/model/joined.h"
#include "modules/options/model_options.h"

namespace saucier::checkpoint {

namespace fs = std::filesystem;

// safetensors, checked by modules/weights. BF16 and F16 come as float32; all others as they are, in the file's mapped
// pages, which are private: changing a tensor in place does not change the file.
std::map<std::string, at::Tensor> read_safetensors(const fs::path& file);
void write_safetensors(const fs::path& file, const std::map<std::string, at::Tensor>& tensors, bool bfloat16 = false);

// config.json + model.safetensors; `save_language` also writes the tokenizer and generation_config.json,
// `save_tower` preprocessor_config.json.
model::VisionTower load_tower(const fs::path& folder);
void save_tower(const fs::path& folder, const model::VisionTower& tower, bool bfloat16);
model::LanguageModel load_language(const fs::path& folder);
void save_language(const fs::path& folder, const model::LanguageModel& language, const text::Tokenizer& tokenizer,
                   bool bfloat16);

// multi_modal_projector.linear_1.weight …
model::Projector load_projector(const fs::path& file, const std::string& kind);
void save_projector(const fs::path& file, const model::Projector& projector);

// adapter_config.json + adapter_model.safetensors, keys base_model.model.model.layers.0.….lora_A.weight.
void load_adapter(const fs::path& folder, model::LanguageModel& language);
void save_adapter(const fs::path& folder, const model::LanguageModel& language, const std::string& base_path);

// The model that [model] names, with the projector and adapter of the train stage's artifact `from` laid over it (empty:
// none, so the projector is random from `seed`). With init = "random" parts, `from` must bring them.
model::JoinedModel load_model(const options::ModelOptions& options, const fs::path& from, std::uint64_t seed);

}  // namespace saucier::checkpoint
