#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <cmath>

#include "modules/base/error.h"
#include "modules/model/attention.h"
#include "modules/model/block.h"
#include "modules/model/linear.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

using layout::projector_layers;

constexpr double kEpsilon = 1e-6;  // of the resampler's norms
constexpr double kDeviation = 0.02;

std::string layer_name(std::int64_t number) { return fmt::format("linear_{}", number); }

}  // namespace

// Linear layers as LLaVA's projectors start: uniform within 1 / √in, weights and biases. A resampler as Idefics2's, but for
// its queries: there they start alike, and only what stands behind them tells them apart.
Projector Projector::random(const ProjectorConfig& config, std::int64_t in, std::int64_t out, std::uint64_t seed) {
  if (projector_layers(config.kind) == 0 && in != out)
    throw Error(fmt::format("an 'identity' projector needs equal widths, the vision tower has {} and the language "
                            "model {}", in, out),
                "use projector.kind = \"linear\"");
  Parameters parameters;
  for (const auto& [name, shape] : layout::projector_shapes(config, in, out)) {
    const std::string tensor = "projector." + name;
    if (name.starts_with("linear_"))
      parameters[name] = uniform_tensor(shape, 1 / std::sqrt(static_cast<double>(name.starts_with("linear_1.") ? in : out)), seed, tensor);
    else
      parameters[name] = shape.size() == 1 ? at::ones(shape) : normal_tensor(shape, name == "latents" ? 1 : kDeviation, seed, tensor);
  }
  return Projector(config, std::move(parameters));
}

Projector::Projector(ProjectorConfig config, Parameters parameters) : Part(std::move(parameters)), config_(std::move(config)) {
  layout::Shapes given = shapes_of(parameters_);
  given.erase(kNewline);
  const auto first = parameters_.find("linear_1.weight");
  const bool some = projector_layers(config_.kind) > 0;
  if (some && (first == parameters_.end() || first->second.dim() != 2))
    throw Error("projector: tensor 'linear_1.weight' is missing or not a matrix");
  config_.bias = parameters_.contains("linear_1.bias");
  layout::check_tensors(given, some ? layout::projector_shapes(config_, first->second.size(1), first->second.size(0)) : layout::Shapes{},
                        fmt::format("projector '{}'", config_.kind));
  if (config_.kind == "resampler" && (config_.kv_heads < 1 || config_.heads % config_.kv_heads != 0))
    throw Error(fmt::format("projector: {} heads cannot share {} key and value heads", config_.heads, config_.kv_heads));
}

void Projector::add_newline(std::int64_t out, std::uint64_t seed) {
  parameters_[kNewline] = normal_tensor({out}, 1 / std::sqrt(static_cast<double>(out)), seed, "projector.image_newline");
}

at::Tensor Projector::forward(const at::Tensor& features) const {
  const std::int64_t pictures = features.size(0), patches = features.size(1);
  at::Tensor x = features.reshape({pictures * patches, features.size(2)});
  for (std::int64_t number = 1; number <= projector_layers(config_.kind); ++number) {
    if (number > 1) x = at::gelu(x);
    x = linear(layer_name(number), x);
  }
  x = x.view({pictures, patches, x.size(1)});
  return config_.kind == "resampler" ? resample(x) : x;
}

// Each layer's queries look at the patches and at each other: context [N, P, D] → [N, L, D].
at::Tensor Projector::resample(const at::Tensor& context) const {
  static const std::vector<std::string> kKeysValues = {"k_proj", "v_proj"}, kGateUp = {"gate_proj", "up_proj"};
  const std::int64_t rows = context.size(0), width = context.size(2), latents = config_.latents, seen = context.size(1) + latents;
  const auto norm = [&](const std::string& name, const at::Tensor& x) {
    return rms_norm(x.reshape({-1, width}), get(name + ".weight"), kEpsilon);
  };
  const at::Tensor queries = get("latents");
  at::Tensor x = queries.unsqueeze(0).expand({rows, latents, width}).reshape({rows * latents, width});
  for (std::int64_t number = 0; number < config_.depth; ++number) {
    const std::string name = fmt::format("layers.{}.", number), attention = name + "self_attn.", mlp = name + "mlp.";
    const at::Tensor own = norm(name + "input_latents_norm", x);
    const at::Tensor all = at::cat({norm(name + "input_context_norm", context).view_as(context), own.view({rows, latents, width})}, 1);
    const at::Tensor q = linear(attention + "q_proj", own).view({rows, latents, config_.heads, config_.head_dim}).transpose(1, 2);
    const at::Tensor kv = linear(attention, kKeysValues, all.reshape({rows * seen, width}))
                              .view({rows, seen, 2, config_.kv_heads, config_.head_dim}).permute({2, 0, 3, 1, 4});
    const std::int64_t group = config_.heads / config_.kv_heads;
    const at::Tensor mixed = at::scaled_dot_product_attention(q, repeat_heads(kv[0], group), repeat_heads(kv[1], group));  // [N, H, L, E]
    x = x.add(linear(attention + "o_proj", mixed.transpose(1, 2).reshape({rows * latents, config_.heads * config_.head_dim})));
    x = x.add(linear(mlp + "down_proj", swiglu(linear(mlp, kGateUp, norm(name + "post_attention_layernorm", x)))));
  }
  return norm("norm", x).view({rows, latents, width});
}

}  // namespace saucier::model
