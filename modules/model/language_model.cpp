#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
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
#include "modules/model/kernels.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

std::string layer_name(std::int64_t layer) { return fmt::format("model.layers.{}.", layer); }

// What a token may look at where no plain causal mask will do: [T, T], true for itself and the window - 1 before it.
at::Tensor window_mask(std::int64_t tokens, std::int64_t window, const at::Device& device) {
  const at::Tensor at = at::arange(tokens, at::TensorOptions(at::kLong).device(device));
  const at::Tensor back = at.unsqueeze(1).sub(at.unsqueeze(0));  // how far back a key lies
  return back.ge(0).logical_and(back.lt(window));
}

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

// Runs the layers over embeds [B, T, D]; `attend(layer, heads)` gives [B, H, T, E]; `observe(x)` sees what goes into each
// layer, [B T, D]. `longest`: the positions that are seen at once, on which some rotary embeddings depend.
template <class Attend, class Observe>
at::Tensor LanguageModel::layers(const at::Tensor& embeds, const at::Tensor& positions, std::int64_t longest, Attend attend,
                                 Observe observe) const {
  static const std::vector<std::string> kQkv = {"q_proj", "k_proj", "v_proj"}, kFusedQkv = {"qkv_proj"},
                                        kGateUp = {"gate_proj", "up_proj"}, kFusedGateUp = {"gate_up_proj"};
  const std::int64_t rows = embeds.size(0), tokens = embeds.size(1), width = config_.hidden_size;
  if (embeds.dim() != 3 || embeds.size(2) != width)
    throw Error(fmt::format("the language model takes embeddings of width {}, got a tensor of shape [{}]", width,
                            fmt::join(embeds.sizes(), ", ")));
  const layout::Frequencies turns = layout::frequencies(config_.rope, config_.head_dim, config_.max_positions, longest);
  const Rotary angles = rotary(positions, turns.inverse, turns.scale);
  const auto norm = [&](const std::string& name, const at::Tensor& x) {
    return rms_norm(x, get(name + ".weight"), config_.rms_norm_eps);
  };
  const std::int64_t all_heads = config_.heads + 2 * config_.kv_heads;
  const auto norm_heads = [&](const std::string& name, const at::Tensor& qkv) {  // [B T, (H + 2 Hkv) E]
    std::vector<at::Tensor> parts = qkv.view({-1, all_heads, config_.head_dim}).split_with_sizes({config_.heads, config_.kv_heads, config_.kv_heads}, 1);
    parts[0] = norm(name + "q_norm", parts[0].reshape({-1, config_.head_dim})).view_as(parts[0]);
    parts[1] = norm(name + "k_norm", parts[1].reshape({-1, config_.head_dim})).view_as(parts[1]);
    return at::cat(parts, 1).view({rows * tokens, -1});
  };
  at::Tensor x = embeds.reshape({rows * tokens, width});
  for (std::int64_t number = 0; number < config_.layers; ++number) {
    observe(x);
    const std::string name = layer_name(number), attention = name + "self_attn.", mlp = name + "mlp.";
    at::Tensor qkv = linear(attention, config_.fused() ? kFusedQkv : kQkv, norm(name + "input_layernorm", x));
    if (config_.qk_norm) qkv = norm_heads(attention, qkv);
    const Heads heads = split_heads(qkv, rows, tokens, config_.heads, config_.kv_heads, angles);
    const at::Tensor mixed = attend(static_cast<size_t>(number), heads);  // [B, H, T, E]
    x = x.add(linear(attention + "o_proj", mixed.transpose(1, 2).reshape({rows * tokens, config_.heads * config_.head_dim})));
    const at::Tensor wide = linear(mlp, config_.fused() ? kFusedGateUp : kGateUp, norm(name + "post_attention_layernorm", x));
    x = x.add(linear(mlp + "down_proj", swiglu(wide)));
  }
  return norm("model.norm", x).view({rows, tokens, width});
}

// Over whole rows.
at::Tensor LanguageModel::attend_all(size_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
  const std::int64_t group = config_.heads / config_.kv_heads, tokens = q.size(2);
  const bool windowed = config_.slides(static_cast<std::int64_t>(layer)) && tokens > config_.sliding_window;
  const std::optional<at::Tensor> mask =
      windowed ? std::optional(window_mask(tokens, config_.sliding_window, q.device())) : std::nullopt;
  return at::scaled_dot_product_attention(q, repeat_heads(k, group), repeat_heads(v, group), mask, 0.0, /*is_causal=*/!windowed);
}

at::Tensor LanguageModel::forward(const at::Tensor& embeds) const {
  const at::Tensor positions = at::arange(embeds.size(1), embeds.options().dtype(at::kLong)).unsqueeze(0);
  return layers(
      embeds, positions, embeds.size(1), [&](size_t layer, const Heads& heads) { return attend_all(layer, heads.q, heads.k, heads.v); },
      [](const at::Tensor&) {});
}

std::vector<at::Tensor> LanguageModel::hidden_states(const at::Tensor& embeds) const {
  const at::Tensor positions = at::arange(embeds.size(1), embeds.options().dtype(at::kLong)).unsqueeze(0);
  std::vector<at::Tensor> states;
  const at::Tensor last = layers(
      embeds, positions, embeds.size(1), [&](size_t layer, const Heads& heads) { return attend_all(layer, heads.q, heads.k, heads.v); },
      [&](const at::Tensor& x) { states.push_back(x.view(embeds.sizes())); });
  states.push_back(last);
  return states;
}

at::Tensor LanguageModel::prefill(const at::Tensor& embeds, const std::vector<std::int64_t>& lengths,
                                  std::int64_t capacity, KeyValueCache& cache) const {
  const std::int64_t rows = embeds.size(0), tokens = embeds.size(1);
  SAUCIER_CHECK(static_cast<std::int64_t>(lengths.size()) == rows && capacity >= tokens,
                "prefill: {} lengths, {} rows, capacity {}, {} tokens", lengths.size(), rows, capacity, tokens);
  cache = {};
  cache.lengths = lengths;
  const at::Tensor positions = at::arange(tokens, embeds.options().dtype(at::kLong)).unsqueeze(0);
  const auto keep = [&](const at::Tensor& x) {  // [B, Hkv, T, E] → [B, Hkv, capacity, E]
    at::Tensor room = at::zeros({rows, config_.kv_heads, capacity, config_.head_dim}, x.options());
    room.narrow(2, 0, tokens).copy_(x);
    return room;
  };
  return layers(
      embeds, positions, tokens,
      [&](size_t layer, const Heads& heads) {
        cache.keys.push_back(keep(heads.k));
        cache.values.push_back(keep(heads.v));
        return attend_all(layer, heads.q, heads.k, heads.v);
      },
      [](const at::Tensor&) {});
}

at::Tensor LanguageModel::decode(const at::Tensor& embeds, KeyValueCache& cache) const {
  const std::int64_t rows = embeds.size(0), group = config_.heads / config_.kv_heads;
  const auto whole = embeds.options().dtype(at::kLong);
  SAUCIER_CHECK(embeds.size(1) == 1 && static_cast<std::int64_t>(cache.lengths.size()) == rows,
                "decode: {} tokens a row, {} rows, {} in the cache", embeds.size(1), rows, cache.lengths.size());
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
  const auto attend = [&](size_t layer, const Heads& heads) {
    const auto add = [&](at::Tensor& room, const at::Tensor& x) {  // x: [B, Hkv, 1, E]
      room.transpose(1, 2).index_put_({row, positions}, x.squeeze(2));
      return room.narrow(2, 0, filled);
    };
    const at::Tensor keys = add(cache.keys[layer], heads.k), values = add(cache.values[layer], heads.v);
    // The queries that share a key head stand as tokens of one head: nothing is repeated.
    const at::Tensor q = heads.q.view({rows, config_.kv_heads, group, config_.head_dim});
    return at::scaled_dot_product_attention(q, keys, values, config_.slides(static_cast<std::int64_t>(layer)) ? narrow : mask)
        .reshape({rows, config_.heads, 1, config_.head_dim});
  };
  const at::Tensor output = layers(embeds, positions.unsqueeze(1), filled, attend, [](const at::Tensor&) {});
  for (std::int64_t& length : cache.lengths) ++length;
  return output;
}

}  // namespace saucier::model
