// Vision towers as their config.json describes them: CLIPVisionModel, SiglipVisionModel, Dinov2Model and
// Dinov2WithRegistersModel. All are one transformer with other names and extras.
#pragma once

#include "modules/base/json.h"
#include "modules/layout/tensors.h"

namespace saucier::layout {

struct VisionConfig {
  std::string model_type = "clip_vision_model";  // siglip_vision_model | dinov2 | dinov2_with_registers
  std::int64_t image_size = 224, patch_size = 16, hidden_size = 768, intermediate_size = 3072, layers = 12, heads = 12;
  double layer_norm_eps = 1e-5;
  std::string activation = "quick_gelu";  // gelu | gelu_pytorch_tanh; swiglu: gate and input in one matrix (Dinov2 giant)
  std::int64_t registers = 0;             // tokens behind the class token that stand for no patch
  bool qkv_bias = true;
  double mlp_ratio = 4;  // what a Dinov2 file says in place of intermediate_size
  bool class_token() const { return model_type != "siglip_vision_model"; }
  bool dino() const { return model_type.starts_with("dinov2"); }
  std::int64_t patches() const { return (image_size / patch_size) * (image_size / patch_size); }
  std::int64_t extra_tokens() const { return (class_token() ? 1 : 0) + registers; }
};

// Of a tower's own config.json, or of the vision_config in a CLIP, SigLIP or LLaVA model's.
VisionConfig vision_config(const Json& config);
Json to_json(const VisionConfig& config);

Shapes vision_shapes(const VisionConfig& config);

// What a family calls its tensors; empty where it has none. A module's name is followed by ".weight" and ".bias".
struct VisionNames {
  std::string class_token, registers, position, patch;  // patch: a convolution's module
  std::string before, after;                             // norms around the layers
  std::string layer;                                     // before a layer's number
  std::string norm1, query, key, value, out, norm2, fc1, fc2;
  std::string scale1, scale2;  // what a branch is multiplied with (layer scale)
};
const VisionNames& names_of(const VisionConfig& config);

}  // namespace saucier::layout
