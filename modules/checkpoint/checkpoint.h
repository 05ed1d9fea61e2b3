// Models on disk as parts: folders in Hugging Face layout (a tower, CLIP or SigLIP as a whole, a language model, LLaVA in
// transformers' layouts or the original one), GGUF files, projectors alone, adapters as PEFT writes them. What a folder
// is follows from what its files say, never from its name.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "modules/checkpoint/tensors.h"
#include "modules/model/joined.h"
#include "modules/options/model_options.h"

namespace saucier::checkpoint {

// A file is GGUF; a folder has a config.json.
model::LanguageModel load_language(const fs::path& path);
std::shared_ptr<const text::Tokenizer> load_tokenizer(const fs::path& path);
// With preprocessor_config.json where one stands beside.
model::VisionTower load_tower(const fs::path& folder);
// A safetensors file, a .bin file (mm_projector.bin, non_lora_trainables.bin), or a LLaVA folder. An empty `kind`: as many
// layers as the file has.
model::Projector load_projector(const fs::path& path, layout::ProjectorConfig config = {.kind = ""});

// config.json + model.safetensors; `save_language` also the tokenizer and generation_config.json, `save_tower` also
// preprocessor_config.json.
void save_tower(const fs::path& folder, const model::VisionTower& tower, bool bfloat16);
void save_language(const fs::path& folder, const model::LanguageModel& language, const text::Tokenizer& tokenizer,
                   bool bfloat16);
void save_projector(const fs::path& file, const model::Projector& projector);  // multi_modal_projector.linear_1.weight …

// adapter_config.json + adapter_model.safetensors with the names of either transformers layout, or of a language model
// alone. Updates go to the parts' LoRA; tensors saved whole (modules_to_save) take the place of the part's own.
void load_adapter(const fs::path& folder, model::JoinedModel& model);
void save_adapter(const fs::path& folder, const model::LanguageModel& language, const std::string& base_path);
// Over a LLaVA model, of its tower alone: names and target modules as PEFT has them for LlavaForConditionalGeneration.
void save_tower_adapter(const fs::path& folder, const model::VisionTower& tower, const std::string& base_path);
// Over LlavaForConditionalGeneration: updates of all parts, and the projector as modules_to_save.
void save_joined_adapter(const fs::path& folder, const model::JoinedModel& model, const std::string& base_path);

// Any model that `path` is: a LLaVA model, or a language model alone (no tower then). Without a tokenizer where the folder
// has none.
struct Beside {
  fs::path tower;      // where a LLaVA model's own tower is elsewhere, as the original code has it
  fs::path projector;  // in place of the model's own, or beside a language model that has none
  fs::path adapter;
};
model::JoinedModel open_model(const fs::path& path, const Beside& beside = {});

// The model that [model] names, with the projector and adapters of the train stage's artifact `from` laid over it (empty:
// none, so the projector is random from `seed` unless model.projector.path brings it). With init = "random" parts, `from`
// must bring them. `aspect`: how the recipe shows pictures; "anyres" begins 'image_newline' at random where nothing brings it.
model::JoinedModel load_model(const options::ModelOptions& options, const fs::path& from, std::uint64_t seed,
                              const std::string& aspect = "square");

}  // namespace saucier::checkpoint
