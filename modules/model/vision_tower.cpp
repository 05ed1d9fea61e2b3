#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/model/block.h"
#include "modules/model/linear.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

constexpr std::int64_t kChannels = 3;

at::Tensor activate(const std::string& activation, const at::Tensor& x) {
  if (activation == "quick_gelu") return quick_gelu(x);
  if (activation == "swiglu") return swiglu(x);
  return at::gelu(x, activation == "gelu_pytorch_tanh" ? "tanh" : "none");
}

}  // namespace

// Deviations as transformers' CLIPPreTrainedModel starts with.
VisionTower VisionTower::random(const VisionConfig& config, std::uint64_t seed) {
  const layout::VisionNames& names = layout::names_of(config);
  const double width = static_cast<double>(config.hidden_size);
  const double depth = std::pow(2.0 * static_cast<double>(config.layers), -0.5);
  const auto deviation = [&](const std::string& name) {
    if (name == names.class_token || name == names.registers) return std::pow(width, -0.5);
    if (name == names.position || name.starts_with(names.patch)) return 0.02;
    if (name.ends_with(names.out + ".weight")) return std::pow(width, -0.5);
    if (name.ends_with(names.fc1 + ".weight")) return std::pow(2 * width, -0.5);
    return std::pow(width, -0.5) * depth;  // q, k, v and fc2
  };
  Parameters parameters;
  for (const auto& [name, shape] : layout::vision_shapes(config)) {
    const bool is_norm = name.find("norm") != std::string::npos;
    if (name.ends_with(".bias"))
      parameters[name] = at::zeros(shape);
    else if (is_norm || name.ends_with(".lambda1"))
      parameters[name] = at::ones(shape);
    else
      parameters[name] = normal_tensor(shape, deviation(name), seed, name);
  }
  return VisionTower(config, std::move(parameters));
}

VisionTower::VisionTower(VisionConfig config, Parameters parameters)
    : VisionTower(config, std::move(parameters), layout::usual_processor(config)) {}

VisionTower::VisionTower(VisionConfig config, Parameters parameters, image::Processor processor)
    : Part(std::move(parameters)), config_(std::move(config)), processor_(std::move(processor)) {
  if (config_.hidden_size % config_.heads != 0)
    throw Error(fmt::format("vision tower: hidden_size {} is not a multiple of heads {}", config_.hidden_size,
                            config_.heads));
  layout::check_tensors(shapes_of(parameters_), layout::vision_shapes(config_), "vision tower");
  const bool square = processor_.height() == processor_.width();
  if (!square || (config_.dino() ? processor_.height() < config_.patch_size : processor_.height() != config_.image_size))
    throw Error(fmt::format("pictures are prepared as {} x {} pixels, the vision tower takes {} x {}", processor_.height(),
                            processor_.width(), config_.image_size, config_.image_size),
                "see the sizes in its preprocessor_config.json");
}

void VisionTower::compute_in(at::ScalarType dtype) {
  Part::compute_in(dtype);
  const layout::VisionNames& names = layout::names_of(config_);
  const std::vector<std::string> inputs = {names.query, names.key, names.value};
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) join(names.layer + std::to_string(layer) + ".", inputs);
}

void VisionTower::set_processor(image::Processor processor) {
  SAUCIER_CHECK(processor.height() == processor_.height() && processor.width() == processor_.width(), "a processor of another size");
  processor_ = std::move(processor);
}

std::int64_t VisionTower::patches() const { return layout::patches(config_, processor_); }

// The position embeddings for pictures of so many patches a side: [1, extra + side², C], the extra one the class token's.
at::Tensor VisionTower::positions(std::int64_t side) const {
  const at::Tensor all = get(layout::names_of(config_).position).view({1, -1, config_.hidden_size});
  const std::int64_t own = config_.image_size / config_.patch_size, extra = config_.class_token() ? 1 : 0;
  if (side == own) return all;
  const at::Tensor grid = all.narrow(1, extra, own * own).to(at::kFloat).view({1, own, own, -1}).permute({0, 3, 1, 2});
  // As transformers stretches them: with registers antialiased.
  const at::Tensor stretched = config_.registers > 0 || config_.model_type == "dinov2_with_registers"
                                   ? at::_upsample_bicubic2d_aa(grid, {side, side}, false)
                                   : at::upsample_bicubic2d(grid, {side, side}, false);
  const at::Tensor patches = stretched.permute({0, 2, 3, 1}).reshape({1, side * side, -1}).to(dtype_);
  return extra == 0 ? patches : at::cat({all.narrow(1, 0, extra), patches}, 1);
}

// [B * T, C], the class token and the registers first.
at::Tensor VisionTower::embed(const at::Tensor& pixels) const {
  const layout::VisionNames& names = layout::names_of(config_);
  const std::int64_t p = config_.patch_size, rows = pixels.size(0), width = config_.hidden_size;
  const bool fits = pixels.dim() == 4 && pixels.size(1) == kChannels && pixels.size(2) == pixels.size(3) &&
                    (config_.dino() ? pixels.size(2) >= p : pixels.size(2) == config_.image_size);
  if (!fits)
    throw Error(fmt::format("the vision tower takes pictures of {0} x {0} pixels, got a tensor of shape [{1}]",
                            config_.image_size, fmt::join(pixels.sizes(), ", ")));
  const std::int64_t side = pixels.size(2) / p;
  const at::Tensor squares = pixels.to(dtype_)
                                 .narrow(2, 0, side * p)
                                 .narrow(3, 0, side * p)
                                 .reshape({rows, kChannels, side, p, side, p})
                                 .permute({0, 2, 4, 1, 3, 5})
                                 .reshape({rows * side * side, kChannels * p * p});
  const auto bias = parameters_.find(names.patch + ".bias");
  const at::Tensor patches = at::linear(squares, get(names.patch + ".weight").view({width, -1}),
                                        bias == parameters_.end() ? at::Tensor() : bias->second.to(dtype_))
                                 .view({rows, side * side, width});  // [B, P, C]
  const auto same_in_all = [&](const std::string& name) { return get(name).view({1, -1, width}).expand({rows, -1, width}); };
  at::Tensor x = patches;
  if (config_.class_token()) x = at::cat({same_in_all(names.class_token), x}, 1);
  x = x.add(positions(side));
  if (config_.registers > 0)  // they have no position
    x = at::cat({x.narrow(1, 0, 1), same_in_all(names.registers), x.narrow(1, 1, side * side)}, 1);
  x = x.reshape({-1, width});
  return names.before.empty() ? x : norm(names.before, x);
}

at::Tensor VisionTower::layer(const at::Tensor& x, std::int64_t rows, std::int64_t number) const {
  const layout::VisionNames& names = layout::names_of(config_);
  const std::string name = names.layer + std::to_string(number) + ".";
  const auto scaled = [&](const std::string& scale, const at::Tensor& branch) {
    return scale.empty() ? branch : branch.mul(get(name + scale));
  };
  const std::vector<std::string> inputs = {names.query, names.key, names.value};
  const std::int64_t tokens = x.size(0) / rows;
  const at::Tensor qkv = linear(name, inputs, norm(name + names.norm1, x));  // [B T, 3 C]
  const AttentionShape shape{.heads = config_.heads, .kv_heads = config_.heads, .width = config_.hidden_size / config_.heads, .causal = false};
  const at::Tensor mixed = attention(qkv, std::make_shared<RowPlan>(Rows::equal(rows, tokens)), shape, {});  // [B T, C]
  const at::Tensor y = x.add(scaled(names.scale1, linear(name + names.out, mixed)));
  const at::Tensor wide = activate(config_.activation, linear(name + names.fc1, norm(name + names.norm2, y)));  // [B T, F]
  return y.add(scaled(names.scale2, linear(name + names.fc2, wide)));
}

at::Tensor VisionTower::norm(const std::string& name, const at::Tensor& x) const {
  return at::layer_norm(x, {config_.hidden_size}, get(name + ".weight"), get(name + ".bias"), config_.layer_norm_eps);
}

std::int64_t VisionTower::index_of(std::int64_t layer) const {
  const std::int64_t states = config_.layers + 1;
  const std::int64_t index = layer < 0 ? layer + states : layer;
  if (index < 0 || index >= states)
    throw Error(fmt::format("vision layer '{}' is outside of {} to {} (a tower of {} layers)", layer, -states,
                            states - 1, config_.layers));
  return index;
}

at::Tensor VisionTower::forward(const at::Tensor& pixels, std::span<const std::int64_t> layers, bool keep_class) const {
  std::vector<std::int64_t> wanted;
  for (const std::int64_t layer : layers) wanted.push_back(index_of(layer));
  SAUCIER_CHECK(!wanted.empty(), "features of no vision layer");
  const std::int64_t rows = pixels.size(0), last = *std::max_element(wanted.begin(), wanted.end());
  std::vector<at::Tensor> features(wanted.size());
  at::Tensor x = embed(pixels);  // [B T, C]
  const std::int64_t tokens = x.size(0) / rows, patches = tokens - config_.extra_tokens();
  for (std::int64_t number = 0; number <= last; ++number) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] != number) continue;
      const at::Tensor whole = x.view({rows, tokens, config_.hidden_size});
      features[i] = whole.narrow(1, tokens - patches, patches);
      if (keep_class && config_.class_token()) features[i] = at::cat({whole.narrow(1, 0, 1), features[i]}, 1);
    }
    if (number < last) x = layer(x, rows, number);
  }
  return features.size() == 1 ? features.front() : at::cat(features, -1);
}

at::Tensor VisionTower::forward(const at::Tensor& pixels, std::int64_t layer, bool keep_class) const {
  return forward(pixels, std::span(&layer, 1), keep_class);
}

std::vector<at::Tensor> VisionTower::hidden_states(const at::Tensor& pixels) const {
  const std::int64_t rows = pixels.size(0);
  std::vector<at::Tensor> states = {embed(pixels)};
  for (std::int64_t number = 0; number < config_.layers; ++number) states.push_back(layer(states.back(), rows, number));
  for (at::Tensor& state : states) state = state.view({rows, -1, config_.hidden_size});
  return states;
}

at::Tensor VisionTower::pooled(const at::Tensor& pixels) const {
  if (!config_.class_token()) throw Error("a vision tower without a class token has no pooled feature");
  return norm(layout::names_of(config_).after, hidden_states(pixels).back().select(1, 0));
}

}  // namespace saucier::model
