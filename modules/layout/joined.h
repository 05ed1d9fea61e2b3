// LLaVA models: LlavaForConditionalGeneration of transformers, and the files of the original LLaVA code (LlavaLlamaForCausalLM,
// with fields "mm_…"). Also what a folder or file is, by what it says of itself, never by its name.
#pragma once

#include <optional>

#include "modules/layout/language.h"
#include "modules/layout/vision.h"

namespace saucier::layout {

struct LlavaConfig {
  LanguageConfig language;
  std::optional<VisionConfig> vision;  // the original files name a tower that lies elsewhere
  std::string vision_path;             // that name
  std::string projector = "mlp2x_gelu";
  bool projector_bias = true;
  std::vector<std::int64_t> vision_layers = {-2};  // their features side by side
  bool keep_class = false;
  std::int64_t image_token = 32000;
  std::int64_t image_tokens = 576;  // a picture's, as image_seq_length says; nothing is computed from it
  bool original = false;
  std::string aspect = "square";  // image_aspect_ratio of the original files
};

// Whether a config.json is a LLaVA model's.
bool is_llava(const Json& config);
LlavaConfig llava_config(const Json& config);
// The folder that LlavaConfig::vision_path of a model in `folder` means: inside of that, or from here; empty where there is none.
std::filesystem::path tower_folder(const std::filesystem::path& folder, const std::string& vision_path);
Json to_json(const LlavaConfig& config);  // of LlavaForConditionalGeneration, or original

// Projectors: "identity", "linear", "mlp2x_gelu" and so on (N linear layers with exact GELU between).
std::int64_t projector_layers(const std::string& kind);  // Error with the nearest kind
Shapes projector_shapes(const std::string& kind, std::int64_t in, std::int64_t out, bool bias = true);

}  // namespace saucier::layout
