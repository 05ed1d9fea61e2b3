// Sizes and constants of the parts, as in Hugging Face's config.json.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "modules/base/json.h"

namespace saucier::model {

// Of red, green and blue, 0 to 1: what CLIP was trained with (also in its preprocessor_config.json).
inline constexpr std::array<double, 3> kPixelMean = {0.48145466, 0.4578275, 0.40821073};
inline constexpr std::array<double, 3> kPixelDeviation = {0.26862954, 0.26130258, 0.27577711};

struct VisionConfig {  // model_type clip_vision_model
  std::int64_t image_size = 224, patch_size = 16, hidden_size = 768, intermediate_size = 3072, layers = 12, heads = 12;
  double layer_norm_eps = 1e-5;
  std::string activation = "quick_gelu";
  std::int64_t patches() const { return (image_size / patch_size) * (image_size / patch_size); }
};

struct LanguageConfig {  // model_type llama
  std::int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008, layers = 32, heads = 32,
               kv_heads = 32, head_dim = 128, max_positions = 2048;
  double rms_norm_eps = 1e-5, rope_theta = 10000;
  bool tied_embeddings = false;
  std::int64_t bos = 1, eos = 2, pad = -1;
};

// Both ways; reading throws Error naming a field whose value changes the result and is not supported.
VisionConfig vision_config(const Json& config);
Json to_json(const VisionConfig& config);
LanguageConfig language_config(const Json& config);
Json to_json(const LanguageConfig& config);

}  // namespace saucier::model
