#include "modules/layout/gguf.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/suggest.h"

namespace saucier::layout {
namespace {

class KeyValues {
 public:
  KeyValues(const Json& metadata, std::string architecture) : metadata_(metadata), architecture_(std::move(architecture)) {}

  std::string key(const char* name) const { return architecture_ + "." + name; }
  bool has(const char* name) const { return metadata_.contains(key(name)); }

  std::int64_t size(const char* name) const {
    if (!has(name)) throw Error(fmt::format("key '{}' is missing", key(name)));
    return size(name, 0);
  }
  std::int64_t size(const char* name, std::int64_t missing) const {
    if (!has(name)) return missing;
    const Json& value = metadata_.at(key(name));
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1 || value.get<std::int64_t>() > (std::int64_t{1} << 31))
      throw Error(fmt::format("key '{}' is '{}', not a positive integer", key(name), value.dump()));
    return value.get<std::int64_t>();
  }
  double number(const char* name, double missing) const {
    if (!has(name)) return missing;
    if (!metadata_.at(key(name)).is_number())
      throw Error(fmt::format("key '{}' is '{}', not a number", key(name), metadata_.at(key(name)).dump()));
    return metadata_.at(key(name)).get<double>();
  }
  std::string text(const char* name, const char* missing) const {
    return has(name) && metadata_.at(key(name)).is_string() ? metadata_.at(key(name)).get<std::string>() : missing;
  }

 private:
  const Json& metadata_;
  std::string architecture_;
};

void read_scaling(const KeyValues& values, Rope& rope) {
  const std::string type = values.text("rope.scaling.type", "none");
  if (type == "none") return;
  if (type != "linear" && type != "yarn" && type != "longrope")
    throw Error(fmt::format("key '{}' is '{}', which is not supported", values.key("rope.scaling.type"), type));
  rope.type = type;
  rope.factor = values.number("rope.scaling.factor", 1);
  rope.original_positions = values.size("rope.scaling.original_context_length", 0);
  if (values.has("rope.scaling.attn_factor")) rope.attention_factor = values.number("rope.scaling.attn_factor", 1);
}

std::int64_t token(const Json& metadata, const char* key) {
  return metadata.contains(key) && metadata.at(key).is_number_integer() ? metadata.at(key).get<std::int64_t>() : -1;
}

}  // namespace

GgufLanguage language_config_of_gguf(const Json& metadata, const Shapes& shapes) {
  const Json said = metadata.value("general.architecture", Json());
  const std::string architecture = said.is_string() ? said.get<std::string>() : "";
  const std::vector<std::string> known = {"llama", "qwen2", "qwen3", "phi3"};
  if (std::find(known.begin(), known.end(), architecture) == known.end())
    throw Error(fmt::format("key 'general.architecture' is '{}', which is not supported", architecture), suggestion(architecture, known));
  const KeyValues values(metadata, architecture);
  GgufLanguage out;
  out.permuted = architecture == "llama";
  LanguageConfig& config = out.config;
  config.model_type = architecture;
  config.hidden_size = values.size("embedding_length");
  config.intermediate_size = values.size("feed_forward_length");
  config.layers = values.size("block_count");
  if (config.layers > kMostLayers) throw Error(fmt::format("key '{}' is '{}', more than {} is not supported", values.key("block_count"), config.layers, kMostLayers));
  config.heads = values.size("attention.head_count");
  config.kv_heads = values.size("attention.head_count_kv", config.heads);
  config.head_dim = values.size("attention.key_length", std::max<std::int64_t>(1, config.hidden_size / config.heads));
  config.max_positions = values.size("context_length", 2048);
  config.rms_norm_eps = values.number("attention.layer_norm_rms_epsilon", 1e-5);
  config.rope.theta = values.number("rope.freq_base", 10000);
  config.rope.partial = static_cast<double>(values.size("rope.dimension_count", config.head_dim)) / static_cast<double>(config.head_dim);
  read_scaling(values, config.rope);
  if (shapes.contains("rope_freqs.weight")) config.rope.type = "factors";
  const auto embeddings = shapes.find("token_embd.weight");
  if (embeddings == shapes.end() || embeddings->second.size() != 2) throw Error("tensor 'token_embd.weight' is missing or not a matrix");
  config.vocab_size = embeddings->second[0];
  config.tied_embeddings = !shapes.contains("output.weight");
  config.qkv_bias = shapes.contains("blk.0.attn_q.bias");
  config.output_bias = shapes.contains("blk.0.attn_output.bias");
  config.qk_norm = architecture == "qwen3";
  if (architecture == "phi3") config.sliding_window = values.size("attention.sliding_window", 0);
  config.bos = token(metadata, "tokenizer.ggml.bos_token_id");
  config.eos = token(metadata, "tokenizer.ggml.eos_token_id");
  config.pad = token(metadata, "tokenizer.ggml.padding_token_id");
  if (config.heads % config.kv_heads != 0)
    throw Error(fmt::format("key '{}' ({}) is not a multiple of '{}' ({})", values.key("attention.head_count"), config.heads,
                            values.key("attention.head_count_kv"), config.kv_heads));
  return out;
}

}  // namespace saucier::layout
