#include <ATen/ops/arange.h>
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

// Keys and values of fewer heads than queries, each repeated for its group of queries.
at::Tensor repeat_heads(const at::Tensor& x, std::int64_t times) {  // [B, Hkv, T, E] → [B, H, T, E]
  if (times == 1) return x;
  return x.unsqueeze(2).expand({x.size(0), x.size(1), times, x.size(2), x.size(3)}).reshape(
      {x.size(0), x.size(1) * times, x.size(2), x.size(3)});
}

}  // namespace

Shapes language_shapes(const LanguageConfig& config) {
  const std::int64_t d = config.hidden_size, f = config.intermediate_size;
  const std::int64_t q = config.heads * config.head_dim, kv = config.kv_heads * config.head_dim;
  Shapes shapes = {{"model.embed_tokens.weight", {config.vocab_size, d}}, {"model.norm.weight", {d}}};
  if (!config.tied_embeddings) shapes["lm_head.weight"] = {config.vocab_size, d};
  for (std::int64_t number = 0; number < config.layers; ++number) {
    const std::string name = layer_name(number);
    shapes[name + "input_layernorm.weight"] = {d};
    shapes[name + "post_attention_layernorm.weight"] = {d};
    shapes[name + "self_attn.q_proj.weight"] = {q, d};
    shapes[name + "self_attn.k_proj.weight"] = {kv, d};
    shapes[name + "self_attn.v_proj.weight"] = {kv, d};
    shapes[name + "self_attn.o_proj.weight"] = {d, q};
    shapes[name + "mlp.gate_proj.weight"] = {f, d};
    shapes[name + "mlp.up_proj.weight"] = {f, d};
    shapes[name + "mlp.down_proj.weight"] = {d, f};
  }
  return shapes;
}

LanguageModel LanguageModel::random(const LanguageConfig& config, std::uint64_t seed) {
  Parameters parameters;
  for (const auto& [name, shape] : language_shapes(config))
    parameters[name] = shape.size() == 1 ? at::ones(shape) : normal_tensor(shape, 0.02, seed, name);
  return LanguageModel(config, std::move(parameters));
}

LanguageModel::LanguageModel(LanguageConfig config, Parameters parameters)
    : config_(std::move(config)), parameters_(std::move(parameters)) {
  if (config_.heads % config_.kv_heads != 0 || config_.head_dim % 2 != 0)
    throw Error(fmt::format("language model: {} heads, {} key and value heads of width {} do not fit together",
                            config_.heads, config_.kv_heads, config_.head_dim));
  check_tensors(parameters_, language_shapes(config_), "language model");
}

at::Tensor LanguageModel::embed(const at::Tensor& ids) const {
  return at::embedding(parameters_.at("model.embed_tokens.weight"), ids).to(dtype_);
}

void LanguageModel::compute_in(at::ScalarType dtype) {
  dtype_ = dtype;
  keep_frozen_in(parameters_, dtype);
}

at::Tensor LanguageModel::logits(const at::Tensor& hidden) const {
  return at::linear(hidden, weight(config_.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"));
}

// Runs the layers over embeds [B, T, D]; `attend(layer, heads)` gives [B, H, T, E].
template <class Attend>
at::Tensor LanguageModel::layers(const at::Tensor& embeds, const at::Tensor& positions, Attend attend) const {
  const std::int64_t rows = embeds.size(0), tokens = embeds.size(1), width = config_.hidden_size;
  if (embeds.dim() != 3 || embeds.size(2) != width)
    throw Error(fmt::format("the language model takes embeddings of width {}, got a tensor of shape [{}]", width,
                            fmt::join(embeds.sizes(), ", ")));
  const Rotary angles = rotary(positions, config_.head_dim, config_.rope_theta);
  const auto norm = [&](const std::string& name, const at::Tensor& x) {
    return rms_norm(x, weight(name + ".weight"), config_.rms_norm_eps);
  };
  at::Tensor x = embeds.reshape({rows * tokens, width});
  for (std::int64_t number = 0; number < config_.layers; ++number) {
    const std::string name = layer_name(number);
    const at::Tensor qkv = linear(name + "self_attn.", {"q_proj", "k_proj", "v_proj"}, norm(name + "input_layernorm", x));
    const Heads heads = split_heads(qkv, rows, tokens, config_.heads, config_.kv_heads, angles);
    const at::Tensor mixed = attend(static_cast<size_t>(number), heads);  // [B, H, T, E]
    x = x.add(linear(name + "self_attn.", {"o_proj"},
                     mixed.transpose(1, 2).reshape({rows * tokens, config_.heads * config_.head_dim})));
    const at::Tensor wide = linear(name + "mlp.", {"gate_proj", "up_proj"}, norm(name + "post_attention_layernorm", x));
    x = x.add(linear(name + "mlp.", {"down_proj"}, swiglu(wide)));
  }
  return norm("model.norm", x).view({rows, tokens, width});
}

at::Tensor LanguageModel::forward(const at::Tensor& embeds) const {
  const std::int64_t group = config_.heads / config_.kv_heads;
  const at::Tensor positions = at::arange(embeds.size(1), embeds.options().dtype(at::kLong)).unsqueeze(0);
  return layers(embeds, positions, [&](size_t, const Heads& heads) {
    return at::scaled_dot_product_attention(heads.q, repeat_heads(heads.k, group), repeat_heads(heads.v, group), {}, 0.0,
                                            /*is_causal=*/true);
  });
}

at::Tensor LanguageModel::prefill(const at::Tensor& embeds, const std::vector<std::int64_t>& lengths,
                                  std::int64_t capacity, KeyValueCache& cache) const {
  const std::int64_t rows = embeds.size(0), tokens = embeds.size(1);
  const std::int64_t group = config_.heads / config_.kv_heads;
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
  return layers(embeds, positions, [&](size_t, const Heads& heads) {
    cache.keys.push_back(keep(heads.k));
    cache.values.push_back(keep(heads.v));
    return at::scaled_dot_product_attention(heads.q, repeat_heads(heads.k, group), repeat_heads(heads.v, group), {}, 0.0,
                                            /*is_causal=*/true);
  });
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
  const at::Tensor hidden = at::arange(filled, whole).unsqueeze(0).gt(positions.unsqueeze(1));  // [B, L]
  const at::Tensor mask = at::zeros({rows, 1, 1, filled}, embeds.options())
                              .masked_fill_(hidden.view({rows, 1, 1, filled}), -std::numeric_limits<float>::infinity());
  const at::Tensor output = layers(embeds, positions.unsqueeze(1), [&](size_t layer, const Heads& heads) {
    const auto add = [&](at::Tensor& room, const at::Tensor& x) {  // x: [B, Hkv, 1, E]
      room.transpose(1, 2).index_put_({row, positions}, x.squeeze(2));
      return room.narrow(2, 0, filled);
    };
    const at::Tensor keys = add(cache.keys[layer], heads.k), values = add(cache.values[layer], heads.v);
    // The queries that share a key head stand as tokens of one head: nothing is repeated.
    const at::Tensor q = heads.q.view({rows, config_.kv_heads, group, config_.head_dim});
    return at::scaled_dot_product_attention(q, keys, values, mask.expand({rows, 1, group, filled}))
        .reshape({rows, config_.heads, 1, config_.head_dim});
  });
  for (std::int64_t& length : cache.lengths) ++length;
  return output;
}

}  // namespace saucier::model
