// LLaVA models: LlavaForConditionalGeneration and LlavaNextForConditionalGeneration of transformers, and the files of the
// original LLaVA code (LlavaLlamaForCausalLM, with fields "mm_…").
#pragma once

#include <array>
#include <optional>

#include "modules/layout/language.h"
#include "modules/layout/vision.h"

namespace saucier::layout {

// How picture features become embeddings of the language model.
struct ProjectorConfig {
  // "identity", "linear", "mlp2x_gelu" and so on (N linear layers with exact GELU between), or "resampler": a linear layer,
  // and then a fixed number of learned queries that look at the patches (Idefics2PerceiverResampler of transformers;
  // Jaegle et al., "Perceiver", 2021).
  std::string kind = "mlp2x_gelu";
  bool bias = true;  // of the linear layers outside of the resampler
  std::int64_t latents = 64, depth = 3, heads = 16, kv_heads = 4, head_dim = 96;  // of the resampler
};

struct LlavaConfig {
  LanguageConfig language;
  std::optional<VisionConfig> vision;  // the original files name a tower that lies elsewhere
  std::string vision_path;             // that name
  ProjectorConfig projector;
  std::vector<std::int64_t> vision_layers = {-2};  // their features side by side
  bool keep_class = false;
  std::int64_t image_token = 32000;
  std::int64_t image_tokens = 576;  // a picture's, as image_seq_length says; nothing is computed from it
  bool original = false;
  std::string aspect = "square";  // square, pad or anyres: image_aspect_ratio of the original files
  std::vector<std::array<std::int64_t, 2>> grid = {};  // image_grid_pinpoints, height and width, of anyres
};

// Whether a config.json is a LLaVA model's.
bool is_llava(const Json& config);
LlavaConfig llava_config(const Json& config);
// The folder that LlavaConfig::vision_path of a model in `folder` means: inside of that, or from here; empty where there is none.
std::filesystem::path tower_folder(const std::filesystem::path& folder, const std::string& vision_path);
Json to_json(const LlavaConfig& config);  // of LlavaForConditionalGeneration, or original

std::int64_t projector_layers(const std::string& kind);  // linear layers outside of the resampler; Error with the nearest kind
Shapes projector_shapes(const ProjectorConfig& config, std::int64_t in, std::int64_t out);
// Resolutions that LLaVA-NeXT offers for a tower of `side` pixels.
std::vector<std::array<std::int64_t, 2>> usual_grid(std::int64_t side);

}  // namespace saucier::layout
