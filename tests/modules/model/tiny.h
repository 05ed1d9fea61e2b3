// Small configurations and comparisons that several test files share.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <vector>

#include "modules/model/joined.h"

namespace saucier::model {

inline LanguageConfig tiny_language(std::int64_t kv_heads = 4, std::int64_t vocab_size = 64) {
  LanguageConfig config;
  config.vocab_size = vocab_size;
  config.hidden_size = 16;
  config.intermediate_size = 24;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = kv_heads;
  config.head_dim = 4;
  config.max_positions = 64;
  return config;
}

inline VisionConfig tiny_vision() {
  VisionConfig config;
  config.image_size = 8;
  config.patch_size = 4;
  config.hidden_size = 8;
  config.intermediate_size = 12;
  config.layers = 2;
  config.heads = 2;
  return config;
}

// Random weights of a deviation at which attention and activations are not close to linear.
inline void enliven(Parameters& parameters, std::uint64_t seed) {
  at::manual_seed(seed);
  for (auto& [name, tensor] : parameters)
    tensor = tensor.dim() == 1 ? 1 + 0.2 * at::randn(tensor.sizes())
                               : at::randn(tensor.sizes()) * 1.5 / std::sqrt(static_cast<double>(tensor[0].numel()));
}

inline double farthest(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return INFINITY;
  return (a - b).abs().max().item<double>();
}

}  // namespace saucier::model
