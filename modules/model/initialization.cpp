#include "modules/model/initialization.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>

#include <cmath>

#include "modules/base/error.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

constexpr double kEmbedding = 0.5;      // deviation; the final norm's weight brings the logits back to scale
constexpr double kFinalNorm = 0.15;
constexpr double kInner = 0.8;          // times 1 / sqrt(width): q, k, v, gate, up
constexpr double kLast = 0.5;           // times 1 / sqrt(2 layers width): o, down
constexpr double kMatchGain = 1.5;
constexpr double kFastDamping = 0.1;
constexpr double kSlowest = 0.0125;     // radians a position; faster dimensions are damped

double deviation_of(const std::string& name, const LanguageConfig& config) {
  if (name == "model.embed_tokens.weight" || name == "lm_head.weight") return kEmbedding;
  const double width = 1 / std::sqrt(static_cast<double>(config.hidden_size));
  if (name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight"))
    return kLast * width / std::sqrt(2.0 * static_cast<double>(config.layers));
  return kInner * width;
}

// 1 for the slow rotary dimensions of a head, kFastDamping for the fast ones: [E].
at::Tensor damping(const LanguageConfig& config) {
  at::Tensor out = at::ones({config.head_dim});
  const std::int64_t half = config.head_dim / 2;
  for (std::int64_t i = 0; i < half; ++i) {
    const double frequency = std::pow(config.rope.theta, -2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim));
    if (frequency <= kSlowest) continue;
    out[i] = kFastDamping;
    out[half + i] = kFastDamping;
  }
  return out;
}

}  // namespace

LanguageModel matching_language_model(const LanguageConfig& config, std::uint64_t seed) {
  Parameters parameters;
  for (const auto& [name, shape] : layout::language_shapes(config))
    parameters[name] =
        shape.size() == 1 ? at::ones(shape) : normal_tensor(shape, deviation_of(name, config), seed, name);
  parameters.at("model.norm.weight").fill_(kFinalNorm);
  const at::Tensor scale = damping(config).view({1, config.head_dim, 1}) * kMatchGain;
  const std::int64_t group = config.heads / config.kv_heads;
  for (std::int64_t layer = 1; layer < config.layers; ++layer) {
    const std::string name = fmt::format("model.layers.{}.self_attn.", layer);
    const auto heads = [&](const char* module, std::int64_t count) {  // [H, E, D], a view
      return parameters.at(name + module).view({count, config.head_dim, config.hidden_size});
    };
    at::Tensor queries = heads("q_proj.weight", config.heads), keys = heads("k_proj.weight", config.kv_heads);
    for (std::int64_t k = 0; k < config.kv_heads / 2; ++k) {
      at::Tensor shared = queries[k * group] * scale[0];
      keys[k].copy_(shared);
      for (std::int64_t q = 0; q < group; ++q) queries[k * group + q].copy_(shared);
    }
  }
  return LanguageModel(config, std::move(parameters));
}

}  // namespace saucier::model
