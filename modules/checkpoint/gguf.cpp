#include "modules/checkpoint/gguf.h"

#include "modules/base/error.h"
#include "modules/layout/gguf.h"
#include "modules/layout/names.h"

namespace saucier::checkpoint {
namespace {

constexpr const char* kFactors = "rope_freqs.weight";

// llama.cpp keeps the two halves of a head interleaved: row 2 i is row i of the first half. [H E, ...] → the same.
at::Tensor in_halves(const at::Tensor& rows, std::int64_t heads) {
  const std::int64_t half = rows.size(0) / heads / 2;
  return rows.reshape({heads, half, 2, -1}).transpose(1, 2).reshape(rows.sizes()).contiguous();
}

template <class Value>
std::vector<Value> list(const Json& metadata, const char* key) {
  if (!metadata.contains(key)) return {};
  const Json& value = metadata.at(key);
  if (!value.is_array()) throw Error(fmt::format("key '{}' is not a list", key));
  try {
    return value.get<std::vector<Value>>();
  } catch (const Json::exception&) {
    throw Error(fmt::format("key '{}' holds other things than it should", key));
  }
}

}  // namespace

model::LanguageModel load_gguf_language(const fs::path& file) {
  const weights::Container container = weights::Container::gguf(file);
  layout::Shapes shapes;
  for (const auto& [name, tensor] : container.tensors()) shapes[name] = tensor.shape;
  layout::GgufLanguage language = layout::language_config_of_gguf(container.metadata(), shapes);
  layout::LanguageConfig& config = language.config;
  Tensors tensors;
  for (const auto& [name, tensor] : container.tensors()) {
    if (name == kFactors) {
      const at::Tensor factors = to_torch(tensor, container.memory()).to(at::kFloat).contiguous();
      const float* data = factors.const_data_ptr<float>();
      config.rope.short_factor.assign(data, data + factors.numel());
      continue;
    }
    const std::optional<std::string> ours = layout::name_of_gguf(name, config);
    if (!ours) throw Error(fmt::format("tensor '{}' is not part of a language model of this kind", name));
    at::Tensor value = to_torch(tensor, container.memory());
    const bool query = ours->find(".q_proj.") != std::string::npos, key = ours->find(".k_proj.") != std::string::npos;
    const std::int64_t heads = query ? config.heads : config.kv_heads;
    if (language.permuted && (query || key)) {
      if (value.dim() < 1 || value.size(0) % (2 * heads) != 0)
        throw Error(fmt::format("tensor '{}' has {} rows for {} heads", name, value.dim() < 1 ? 0 : value.size(0), heads));
      value = in_halves(value, heads);
    }
    tensors[*ours] = value;
  }
  return model::LanguageModel(std::move(config), std::move(tensors));
}

text::Tokenizer load_gguf_tokenizer(const fs::path& file) {
  const weights::Container container = weights::Container::gguf(file);
  const Json& metadata = container.metadata();
  const auto text = [&](const char* key) {
    return metadata.contains(key) && metadata.at(key).is_string() ? metadata.at(key).get<std::string>() : std::string();
  };
  const auto id = [&](const char* key) {
    return metadata.contains(key) && metadata.at(key).is_number_integer() ? metadata.at(key).get<std::int32_t>() : -1;
  };
  const auto flag = [&](const char* key) -> std::optional<bool> {
    return metadata.contains(key) && metadata.at(key).is_boolean() ? std::optional(metadata.at(key).get<bool>()) : std::nullopt;
  };
  return text::Tokenizer::from_gguf({.model = text("tokenizer.ggml.model"),
                                     .pre = text("tokenizer.ggml.pre"),
                                     .tokens = list<std::string>(metadata, "tokenizer.ggml.tokens"),
                                     .scores = list<float>(metadata, "tokenizer.ggml.scores"),
                                     .token_types = list<std::int32_t>(metadata, "tokenizer.ggml.token_type"),
                                     .merges = list<std::string>(metadata, "tokenizer.ggml.merges"),
                                     .bos = id("tokenizer.ggml.bos_token_id"),
                                     .eos = id("tokenizer.ggml.eos_token_id"),
                                     .unk = id("tokenizer.ggml.unknown_token_id"),
                                     .pad = id("tokenizer.ggml.padding_token_id"),
                                     .add_bos = flag("tokenizer.ggml.add_bos_token"),
                                     .add_eos = flag("tokenizer.ggml.add_eos_token"),
                                     .add_space_prefix = flag("tokenizer.ggml.add_space_prefix")});
}

}  // namespace saucier::checkpoint
