#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/model/kernels.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

constexpr std::int64_t kChannels = 3;
const std::string kEmbeddings = "vision_model.embeddings.";

std::string layer_name(std::int64_t layer) { return fmt::format("vision_model.encoder.layers.{}.", layer); }

// One pass through some layers. x: [B * T, C] with T = P + 1 tokens, the class token first.
class Pass {
 public:
  Pass(const VisionConfig& config, const Parameters& parameters, at::ScalarType dtype, const at::Tensor& pixels)
      : config_(config), parameters_(parameters), dtype_(dtype), rows_(pixels.size(0)), tokens_(config.patches() + 1) {
    if (pixels.dim() != 4 || pixels.size(1) != kChannels || pixels.size(2) != config.image_size ||
        pixels.size(3) != config.image_size)
      throw Error(fmt::format("the vision tower takes pictures of {0} x {0} pixels, got a tensor of shape [{1}]",
                              config.image_size, fmt::join(pixels.sizes(), ", ")));
  }

  at::Tensor embed(const at::Tensor& pixels) const {
    const std::int64_t side = config_.image_size / config_.patch_size, p = config_.patch_size;
    const at::Tensor squares = pixels.to(dtype_)
                                   .narrow(2, 0, side * p)
                                   .narrow(3, 0, side * p)
                                   .reshape({rows_, kChannels, side, p, side, p})
                                   .permute({0, 2, 4, 1, 3, 5})
                                   .reshape({rows_ * side * side, kChannels * p * p});
    const at::Tensor kernel = get(kEmbeddings + "patch_embedding.weight").view({config_.hidden_size, -1});
    const at::Tensor patches = at::linear(squares, kernel).view({rows_, side * side, config_.hidden_size});  // [B, P, C]
    const at::Tensor first = get(kEmbeddings + "class_embedding").view({1, 1, -1}).expand({rows_, 1, -1});
    const at::Tensor x = at::cat({first, patches}, 1).add(get(kEmbeddings + "position_embedding.weight"));  // [B, T, C]
    return norm("vision_model.pre_layrnorm", x.view({rows_ * tokens_, -1}));  // the name is spelt so
  }

  at::Tensor layer(const at::Tensor& x, std::int64_t number) const {
    const std::string name = layer_name(number);
    const std::string attention = name + "self_attn.";
    const at::Tensor weight = at::cat({get(attention + "q_proj.weight"), get(attention + "k_proj.weight"),
                                       get(attention + "v_proj.weight")});
    const at::Tensor bias =
        at::cat({get(attention + "q_proj.bias"), get(attention + "k_proj.bias"), get(attention + "v_proj.bias")});
    const at::Tensor qkv = at::linear(norm(name + "layer_norm1", x), weight, bias);  // [B T, 3 C]
    const Heads heads = split_heads(qkv, rows_, tokens_, config_.heads, config_.heads, {});
    const at::Tensor mixed = at::scaled_dot_product_attention(heads.q, heads.k, heads.v);  // [B, H, T, E]
    const at::Tensor together = mixed.transpose(1, 2).reshape({rows_ * tokens_, config_.hidden_size});
    const at::Tensor y = x.add(linear(attention + "out_proj", together));
    const at::Tensor wide = linear(name + "mlp.fc1", norm(name + "layer_norm2", y));  // [B T, F]
    return y.add(linear(name + "mlp.fc2", config_.activation == "quick_gelu" ? quick_gelu(wide) : at::gelu(wide)));
  }

  at::Tensor norm(const std::string& name, const at::Tensor& x) const {
    return at::layer_norm(x, {config_.hidden_size}, get(name + ".weight"), get(name + ".bias"),
                          config_.layer_norm_eps);
  }

  // Hidden state `index` (0 the embeddings): [B, T, C].
  at::Tensor hidden(const at::Tensor& pixels, std::int64_t index) const {
    at::Tensor x = embed(pixels);
    for (std::int64_t number = 0; number < index; ++number) x = layer(x, number);
    return x.view({rows_, tokens_, config_.hidden_size});
  }

 private:
  at::Tensor get(const std::string& name) const { return parameters_.at(name).to(dtype_); }
  at::Tensor linear(const std::string& name, const at::Tensor& x) const {
    return at::linear(x, get(name + ".weight"), get(name + ".bias"));
  }

  const VisionConfig& config_;
  const Parameters& parameters_;
  at::ScalarType dtype_;
  std::int64_t rows_, tokens_;
};

}  // namespace

Shapes vision_shapes(const VisionConfig& config) {
  const std::int64_t c = config.hidden_size, f = config.intermediate_size, p = config.patch_size;
  Shapes shapes = {{kEmbeddings + "class_embedding", {c}},
                   {kEmbeddings + "patch_embedding.weight", {c, kChannels, p, p}},
                   {kEmbeddings + "position_embedding.weight", {config.patches() + 1, c}}};
  const auto norm = [&](const std::string& name) { shapes[name + ".weight"] = shapes[name + ".bias"] = {c}; };
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    shapes[name + ".weight"] = {out, in};
    shapes[name + ".bias"] = {out};
  };
  norm("vision_model.pre_layrnorm");
  norm("vision_model.post_layernorm");
  for (std::int64_t number = 0; number < config.layers; ++number) {
    const std::string name = layer_name(number);
    norm(name + "layer_norm1");
    norm(name + "layer_norm2");
    for (const char* module : {"q_proj", "k_proj", "v_proj", "out_proj"}) linear(name + "self_attn." + module, c, c);
    linear(name + "mlp.fc1", f, c);
    linear(name + "mlp.fc2", c, f);
  }
  return shapes;
}

// Deviations as transformers' CLIPPreTrainedModel starts with.
VisionTower VisionTower::random(const VisionConfig& config, std::uint64_t seed) {
  const double width = static_cast<double>(config.hidden_size);
  const double depth = std::pow(2.0 * static_cast<double>(config.layers), -0.5);
  const auto deviation = [&](const std::string& name) {
    if (name.ends_with("class_embedding")) return std::pow(width, -0.5);
    if (name.starts_with(kEmbeddings)) return 0.02;
    if (name.ends_with("out_proj.weight")) return std::pow(width, -0.5);
    if (name.ends_with("fc1.weight")) return std::pow(2 * width, -0.5);
    return std::pow(width, -0.5) * depth;  // q, k, v and fc2
  };
  Parameters parameters;
  for (const auto& [name, shape] : vision_shapes(config)) {
    const bool is_norm = name.find("norm") != std::string::npos;
    if (name.ends_with(".bias"))
      parameters[name] = at::zeros(shape);
    else if (is_norm)
      parameters[name] = at::ones(shape);
    else
      parameters[name] = normal_tensor(shape, deviation(name), seed, name);
  }
  return VisionTower(config, std::move(parameters));
}

VisionTower::VisionTower(VisionConfig config, Parameters parameters)
    : config_(std::move(config)), parameters_(std::move(parameters)) {
  if (config_.hidden_size % config_.heads != 0)
    throw Error(fmt::format("vision tower: hidden_size {} is not a multiple of heads {}", config_.hidden_size,
                            config_.heads));
  check_tensors(parameters_, vision_shapes(config_), "vision tower");
}

at::Tensor VisionTower::forward(const at::Tensor& pixels, std::int64_t layer, bool keep_class) const {
  const std::int64_t states = config_.layers + 1;
  const std::int64_t index = layer < 0 ? layer + states : layer;
  if (index < 0 || index >= states)
    throw Error(fmt::format("vision layer '{}' is outside of {} to {} (a tower of {} layers)", layer, -states,
                            states - 1, config_.layers));
  const at::Tensor x = Pass(config_, parameters_, dtype_, pixels).hidden(pixels, index);  // [B, P + 1, C]
  return keep_class ? x : x.narrow(1, 1, config_.patches());
}

at::Tensor VisionTower::pooled(const at::Tensor& pixels) const {
  const Pass pass(config_, parameters_, dtype_, pixels);
  return pass.norm("vision_model.post_layernorm", pass.hidden(pixels, config_.layers).select(1, 0));
}

void VisionTower::compute_in(at::ScalarType dtype) {
  dtype_ = dtype;
  keep_frozen_in(parameters_, dtype);
}

}  // namespace saucier::model
