#include <ATen/core/Reduction.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/model/decoder.h"
#include "modules/model/head.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

std::string layer_name(std::int64_t layer) { return fmt::format("model.layers.{}.", layer); }

const std::vector<std::string> kQkv = {"q_proj", "k_proj", "v_proj"}, kFusedQkv = {"qkv_proj"}, kGateUp = {"gate_proj", "up_proj"},
                               kFusedGateUp = {"gate_up_proj"};

}  // namespace

LanguageModel LanguageModel::random(const LanguageConfig& config, std::uint64_t seed) {
  Parameters parameters;
  for (const auto& [name, shape] : layout::language_shapes(config))
    parameters[name] = name.ends_with(".bias")  ? at::zeros(shape)
                       : shape.size() == 1      ? at::ones(shape)
                                                : normal_tensor(shape, 0.02, seed, name);
  return LanguageModel(config, std::move(parameters));
}

LanguageModel::LanguageModel(LanguageConfig config, Parameters parameters)
    : Part(std::move(parameters)), config_(std::move(config)) {
  if (config_.heads % config_.kv_heads != 0 || config_.head_dim % 2 != 0)
    throw Error(fmt::format("language model: {} heads, {} key and value heads of width {} do not fit together",
                            config_.heads, config_.kv_heads, config_.head_dim));
  layout::check_tensors(shapes_of(parameters_), layout::language_shapes(config_), "language model");
}

at::Tensor LanguageModel::embed(const at::Tensor& ids) const {
  return at::embedding(parameters_.at("model.embed_tokens.weight"), ids).to(dtype_);
}

at::Tensor LanguageModel::logits(const at::Tensor& hidden) const {
  if (config_.tied_embeddings) return at::linear(hidden, get("model.embed_tokens.weight"));
  return linear("lm_head", hidden.reshape({-1, config_.hidden_size})).unflatten(0, hidden.sizes().slice(0, static_cast<size_t>(hidden.dim() - 1)));
}

Loss LanguageModel::loss(const at::Tensor& hidden, const at::Tensor& targets, double scale) const {
  const std::string head = config_.tied_embeddings ? "model.embed_tokens" : "lm_head";
  const bool plain = !parameters_.contains(head + ".bias") && (merged() || !lora().contains(head + ".lora_A.weight"));
  if (plain) return next_token_loss(hidden, parameters_.at(head + ".weight"), targets, scale);
  const at::Tensor losses = at::cross_entropy_loss(logits(hidden).to(at::kFloat), targets, {}, at::Reduction::None);
  return {losses.sum().mul(scale), losses.detach()};
}

void LanguageModel::compute_in(at::ScalarType dtype) {
  Part::compute_in(dtype);
  if (config_.fused()) return;
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    join(layer_name(layer) + "self_attn.", kQkv);
    join(layer_name(layer) + "mlp.", kGateUp);
  }
}

AttentionShape LanguageModel::shape_of(std::int64_t layer) const {
  return {.heads = config_.heads, .kv_heads = config_.kv_heads, .width = config_.head_dim, .causal = true, .window = config_.slides(layer) ? config_.sliding_window : 0};
}

// `longest`: the positions that are seen at once, on which some rotary embeddings depend.
Rotary LanguageModel::angles_at(const at::Tensor& positions, std::int64_t longest) const {
  const layout::Frequencies turns = layout::frequencies(config_.rope, config_.head_dim, config_.max_positions, longest);
  return rotary(positions, turns.inverse, turns.scale);
}

// One forward pass over some rows.
struct LanguageModel::Pass {
  std::shared_ptr<const RowPlan> plan;
  Rotary angles;
  at::Tensor wanted = {};
  std::span<const KeptPrefix> prefix = {};
};

LanguageModel::Pass LanguageModel::pass_over(const at::Tensor& embeds, const Rows& rows) const {
  if (embeds.dim() != 2 || embeds.size(1) != config_.hidden_size)
    throw Error(fmt::format("the language model takes embeddings of width {}, got a tensor of shape [{}]", config_.hidden_size,
                            fmt::join(embeds.sizes(), ", ")));
  auto plan = std::make_shared<RowPlan>(rows);
  SAUCIER_CHECK(plan->tokens == embeds.size(0), "{} tokens in rows of {}", embeds.size(0), plan->tokens);
  const Rotary angles = angles_at(plan->positions().to(embeds.device()), rows.longest());
  return {.plan = std::move(plan), .angles = angles};
}

c10::intrusive_ptr<AttentionHalf> LanguageModel::attention_half(std::int64_t layer, const Pass& pass) const {
  const std::string name = layer_name(layer), attention = name + "self_attn.";
  const auto norm = [&](const std::string& path) { return NormWeight{parameters_.at(path + ".weight"), config_.rms_norm_eps}; };
  AttentionHalf::Parts parts{.norm = norm(name + "input_layernorm"), .q_norm = {}, .k_norm = {}, .qkv = group(attention, config_.fused() ? kFusedQkv : kQkv),
                             .out = group(attention, std::vector<std::string>{"o_proj"}), .shape = shape_of(layer), .angles = pass.angles, .plan = pass.plan};
  if (config_.qk_norm) {
    parts.q_norm = norm(attention + "q_norm");
    parts.k_norm = norm(attention + "k_norm");
  }
  if (!pass.prefix.empty()) parts.prefix = pass.prefix[static_cast<size_t>(layer)];
  if (layer + 1 == config_.layers) parts.wanted = pass.wanted;
  return c10::make_intrusive<AttentionHalf>(std::move(parts));
}

c10::intrusive_ptr<MlpHalf> LanguageModel::mlp_half(std::int64_t layer) const {
  const std::string name = layer_name(layer), mlp = name + "mlp.";
  return c10::make_intrusive<MlpHalf>(MlpHalf::Parts{.norm = {parameters_.at(name + "post_attention_layernorm.weight"), config_.rms_norm_eps},
                                                     .gate_up = group(mlp, config_.fused() ? kFusedGateUp : kGateUp),
                                                     .down = group(mlp, std::vector<std::string>{"down_proj"})});
}

// `observe(layer, x, attention)` sees what goes into each layer, [N, D], and its first half before it runs.
template <class Observe>
at::Tensor LanguageModel::through_layers(const at::Tensor& embeds, const Pass& pass, Observe observe) const {
  at::Tensor x = embeds.contiguous();
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    const auto attention = attention_half(layer, pass);
    observe(layer, x, *attention);
    x = run(mlp_half(layer), run(attention, x));
  }
  return rms_norm(x, parameters_.at("model.norm.weight"), config_.rms_norm_eps);
}

at::Tensor LanguageModel::forward(const at::Tensor& embeds, const Rows& rows, const at::Tensor& wanted, std::span<const KeptPrefix> prefix) const {
  Pass pass = pass_over(embeds, rows);
  pass.wanted = wanted;
  pass.prefix = prefix;
  return through_layers(embeds, pass, [](auto&&...) {});
}

at::Tensor LanguageModel::forward(const at::Tensor& embeds) const {
  return forward(embeds.flatten(0, 1), Rows::equal(embeds.size(0), embeds.size(1))).view(embeds.sizes());
}

std::vector<at::Tensor> LanguageModel::hidden_states(const at::Tensor& embeds) const {
  const at::Tensor flat = embeds.flatten(0, 1);
  std::vector<at::Tensor> states;
  const at::Tensor last = through_layers(flat, pass_over(flat, Rows::equal(embeds.size(0), embeds.size(1))),
                                         [&](std::int64_t, const at::Tensor& x, auto&&) { states.push_back(x.view(embeds.sizes())); });
  states.push_back(last.view(embeds.sizes()));
  return states;
}

std::vector<KeptPrefix> LanguageModel::keep_prefix(const at::Tensor& embeds) const {
  at::NoGradGuard no_grad;
  std::vector<KeptPrefix> kept;
  const Pass pass = pass_over(embeds, {{embeds.size(0)}});
  at::Tensor x = embeds.contiguous();
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    const auto attention = attention_half(layer, pass);
    attention->keep_heads();
    x = run(mlp_half(layer), run(attention, x));
    const auto apart = [&](const at::Tensor& all) { return all.view({config_.kv_heads, embeds.size(0), config_.head_dim}); };
    kept.push_back({apart(attention->heads().k), apart(attention->heads().v)});
  }
  return kept;
}

at::Tensor LanguageModel::prefill(const at::Tensor& embeds, const Rows& rows, std::int64_t capacity, KeyValueCache& cache) const {
  at::NoGradGuard no_grad;
  const std::int64_t count = static_cast<std::int64_t>(rows.lengths.size());
  SAUCIER_CHECK(rows.prefix == 0 && capacity >= rows.longest(), "prefill: capacity {} for {} tokens behind a prefix of {}", capacity, rows.longest(), rows.prefix);
  cache = {};
  cache.lengths = rows.lengths;
  const Pass pass = pass_over(embeds, rows);
  at::Tensor x = embeds.contiguous();
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    const auto attention = attention_half(layer, pass);
    attention->keep_heads();
    x = run(mlp_half(layer), run(attention, x));
    for (const auto& [room, from] : {std::pair(&cache.keys, attention->heads().k), std::pair(&cache.values, attention->heads().v)}) {
      room->push_back(at::zeros({count, config_.kv_heads, capacity, config_.head_dim}, embeds.options()));
      std::int64_t first = 0;
      for (std::int64_t row = 0; row < count; ++row) {
        const std::int64_t length = rows.lengths[static_cast<size_t>(row)], size = length * config_.kv_heads * config_.head_dim;
        room->back()[row].narrow(1, 0, length).copy_(from.narrow(0, first, size).view({config_.kv_heads, length, config_.head_dim}));
        first += size;
      }
    }
  }
  return rms_norm(x, parameters_.at("model.norm.weight"), config_.rms_norm_eps);
}

at::Tensor LanguageModel::decode(const at::Tensor& embeds, KeyValueCache& cache) const {
  at::NoGradGuard no_grad;
  const std::int64_t rows = embeds.size(0), group = config_.heads / config_.kv_heads;
  const auto whole = embeds.options().dtype(at::kLong);
  SAUCIER_CHECK(static_cast<std::int64_t>(cache.lengths.size()) == rows, "decode: {} rows, {} in the cache", rows, cache.lengths.size());
  const std::int64_t filled = *std::max_element(cache.lengths.begin(), cache.lengths.end()) + 1;
  SAUCIER_CHECK(filled <= cache.keys.at(0).size(2), "decode: position {} of a cache of {}", filled,
                cache.keys.at(0).size(2));
  const at::Tensor positions = at::tensor(cache.lengths, at::TensorOptions(at::kLong)).to(whole.device());  // [B]
  const at::Tensor row = at::arange(rows, whole);
  // A row sees its own positions alone: what stands behind them is padding or another row's room.
  const at::Tensor key_at = at::arange(filled, whole).unsqueeze(0), query_at = positions.unsqueeze(1);
  const at::Tensor hidden = key_at.gt(query_at);  // [B, L]
  const auto mask_of = [&](const at::Tensor& unseen) {
    return at::zeros({rows, 1, 1, filled}, embeds.options())
        .masked_fill_(unseen.view({rows, 1, 1, filled}), -std::numeric_limits<float>::infinity())
        .expand({rows, 1, group, filled});
  };
  const at::Tensor mask = mask_of(hidden);
  const at::Tensor narrow = config_.sliding_window > 0 && filled > config_.sliding_window
                                ? mask_of(hidden.logical_or(key_at.le(query_at.sub(config_.sliding_window))))
                                : mask;
  Pass pass = pass_over(embeds, Rows::equal(rows, 1));
  pass.angles = angles_at(positions, filled);
  at::Tensor x = embeds.contiguous();
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    const auto attention = attention_half(layer, pass);
    const Heads heads = split_heads(attention->before(x), *pass.plan, shape_of(layer), pass.angles, nullptr);
    const auto add = [&](at::Tensor& room, const at::Tensor& one) {
      room.transpose(1, 2).index_put_({row, positions}, one.view({rows, config_.kv_heads, config_.head_dim}));
      return room.narrow(2, 0, filled);
    };
    const at::Tensor keys = add(cache.keys[static_cast<size_t>(layer)], heads.k), values = add(cache.values[static_cast<size_t>(layer)], heads.v);
    // The queries that share a key head stand as tokens of one head: nothing is repeated.
    const at::Tensor mixed = at::scaled_dot_product_attention(heads.q.view({rows, config_.kv_heads, group, config_.head_dim}), keys, values,
                                                              config_.slides(layer) ? narrow : mask);
    x = run(mlp_half(layer), attention->after(x, mixed.reshape({rows, config_.heads * config_.head_dim})));
  }
  for (std::int64_t& length : cache.lengths) ++length;
  return rms_norm(x, parameters_.at("model.norm.weight"), config_.rms_norm_eps);
}

}  // namespace saucier::model
