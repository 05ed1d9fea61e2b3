#include "modules/model/config.h"

#include <vector>

#include "modules/base/error.h"
#include "modules/base/suggest.h"

namespace saucier::model {
namespace {

// Reads fields with Hugging Face's default where the file leaves one out, and checks what would change the result.
class Reader {
 public:
  explicit Reader(const Json& config) : config_(config) {
    if (!config.is_object()) throw Error("a model's config is a JSON object");
  }

  bool has(const char* key) const { return config_.contains(key) && !config_.at(key).is_null(); }

  std::int64_t size(const char* key, std::int64_t missing) const {
    if (!has(key)) return missing;
    const Json& value = config_.at(key);
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1)
      throw Error(fmt::format("config field '{}' is '{}', not a positive integer", key, value.dump()));
    return value.get<std::int64_t>();
  }

  double number(const char* key, double missing) const {
    if (!has(key)) return missing;
    if (!config_.at(key).is_number())
      throw Error(fmt::format("config field '{}' is '{}', not a number", key, config_.at(key).dump()));
    return config_.at(key).get<double>();
  }

  // A token id, the first of a list, or -1.
  std::int64_t token(const char* key, std::int64_t missing) const {
    if (!config_.contains(key)) return missing;
    const Json& value = config_.at(key);
    if (value.is_null()) return -1;
    const Json& first = value.is_array() && !value.empty() ? value.front() : value;
    if (!first.is_number_integer())
      throw Error(fmt::format("config field '{}' is '{}', not a token id", key, value.dump()));
    return first.get<std::int64_t>();
  }

  bool flag(const char* key, bool missing) const {
    if (!has(key)) return missing;
    if (!config_.at(key).is_boolean())
      throw Error(fmt::format("config field '{}' is '{}', not true or false", key, config_.at(key).dump()));
    return config_.at(key).get<bool>();
  }

  std::string text(const char* key, const std::string& missing) const {
    if (!has(key)) return missing;
    if (!config_.at(key).is_string())
      throw Error(fmt::format("config field '{}' is '{}', not a text", key, config_.at(key).dump()));
    return config_.at(key).get<std::string>();
  }

  void expect_text(const char* key, const std::string& missing, const std::vector<std::string>& known) const {
    const std::string value = text(key, missing);
    for (const std::string& name : known)
      if (value == name) return;
    throw Error(fmt::format("config field '{}' is '{}', which is not supported", key, value), suggestion(value, known));
  }

  void expect_false(const char* key) const {
    if (flag(key, false)) throw Error(fmt::format("config field '{}' is 'true', which is not supported", key));
  }

 private:
  const Json& config_;
};

void expect_divides(std::int64_t whole, std::int64_t part, const char* whole_name, const char* part_name) {
  if (whole % part != 0)
    throw Error(fmt::format("config field '{}' ({}) is not a multiple of '{}' ({})", whole_name, whole, part_name, part));
}

}  // namespace

VisionConfig vision_config(const Json& config) {
  // A whole CLIP model, or a LLaVA one, keeps its tower's sizes one level down.
  if (config.is_object() && config.contains("vision_config") && config.at("vision_config").is_object())
    return vision_config(config.at("vision_config"));
  const Reader reader(config);
  reader.expect_text("model_type", "clip_vision_model", {"clip_vision_model"});
  reader.expect_text("hidden_act", "quick_gelu", {"quick_gelu", "gelu"});
  if (reader.size("num_channels", 3) != 3)
    throw Error(fmt::format("config field 'num_channels' is '{}', only 3 is supported", reader.size("num_channels", 3)));
  VisionConfig read;
  read.image_size = reader.size("image_size", 224);
  read.patch_size = reader.size("patch_size", 32);
  read.hidden_size = reader.size("hidden_size", 768);
  read.intermediate_size = reader.size("intermediate_size", 3072);
  read.layers = reader.size("num_hidden_layers", 12);
  read.heads = reader.size("num_attention_heads", 12);
  read.layer_norm_eps = reader.number("layer_norm_eps", 1e-5);
  read.activation = reader.text("hidden_act", "quick_gelu");
  expect_divides(read.hidden_size, read.heads, "hidden_size", "num_attention_heads");
  if (read.patch_size > read.image_size)
    throw Error(fmt::format("config field 'patch_size' ({}) is larger than 'image_size' ({})", read.patch_size,
                            read.image_size));
  return read;
}

Json to_json(const VisionConfig& config) {
  return Json{{"architectures", {"CLIPVisionModel"}},
              {"model_type", "clip_vision_model"},
              {"attention_dropout", 0.0},
              {"hidden_act", config.activation},
              {"hidden_size", config.hidden_size},
              {"image_size", config.image_size},
              {"initializer_factor", 1.0},
              {"initializer_range", 0.02},
              {"intermediate_size", config.intermediate_size},
              {"layer_norm_eps", config.layer_norm_eps},
              {"num_attention_heads", config.heads},
              {"num_channels", 3},
              {"num_hidden_layers", config.layers},
              {"patch_size", config.patch_size},
              {"projection_dim", config.hidden_size}};
}

LanguageConfig language_config(const Json& config) {
  if (config.is_object() && config.contains("text_config") && config.at("text_config").is_object())
    return language_config(config.at("text_config"));
  const Reader reader(config);
  reader.expect_text("model_type", "llama", {"llama"});
  reader.expect_text("hidden_act", "silu", {"silu"});
  reader.expect_false("attention_bias");
  reader.expect_false("mlp_bias");
  if (reader.has("rope_scaling"))
    throw Error(fmt::format("config field 'rope_scaling' is '{}', which is not supported",
                            config.at("rope_scaling").dump()));
  LanguageConfig read;
  read.vocab_size = reader.size("vocab_size", 32000);
  read.hidden_size = reader.size("hidden_size", 4096);
  read.intermediate_size = reader.size("intermediate_size", 11008);
  read.layers = reader.size("num_hidden_layers", 32);
  read.heads = reader.size("num_attention_heads", 32);
  read.kv_heads = reader.size("num_key_value_heads", read.heads);
  if (!reader.has("head_dim")) expect_divides(read.hidden_size, read.heads, "hidden_size", "num_attention_heads");
  read.head_dim = reader.size("head_dim", read.hidden_size / read.heads);
  read.max_positions = reader.size("max_position_embeddings", 2048);
  read.rms_norm_eps = reader.number("rms_norm_eps", 1e-6);
  read.rope_theta = reader.number("rope_theta", 10000);
  if (reader.has("rope_parameters")) {  // transformers 5
    const Reader rope(config.at("rope_parameters"));
    rope.expect_text("rope_type", "default", {"default"});
    read.rope_theta = rope.number("rope_theta", read.rope_theta);
  }
  read.tied_embeddings = reader.flag("tie_word_embeddings", false);
  read.bos = reader.token("bos_token_id", 1);
  read.eos = reader.token("eos_token_id", 2);
  read.pad = reader.token("pad_token_id", -1);
  expect_divides(read.heads, read.kv_heads, "num_attention_heads", "num_key_value_heads");
  expect_divides(read.head_dim, 2, "head_dim", "2, the halves that turn");
  return read;
}

Json to_json(const LanguageConfig& config) {
  const auto token = [](std::int64_t id) { return id < 0 ? Json() : Json(id); };
  return Json{{"architectures", {"LlamaForCausalLM"}},
              {"model_type", "llama"},
              {"attention_bias", false},
              {"attention_dropout", 0.0},
              {"bos_token_id", token(config.bos)},
              {"eos_token_id", token(config.eos)},
              {"head_dim", config.head_dim},
              {"hidden_act", "silu"},
              {"hidden_size", config.hidden_size},
              {"initializer_range", 0.02},
              {"intermediate_size", config.intermediate_size},
              {"max_position_embeddings", config.max_positions},
              {"mlp_bias", false},
              {"num_attention_heads", config.heads},
              {"num_hidden_layers", config.layers},
              {"num_key_value_heads", config.kv_heads},
              {"pad_token_id", token(config.pad)},
              {"pretraining_tp", 1},
              {"rms_norm_eps", config.rms_norm_eps},
              {"rope_scaling", Json()},
              {"rope_theta", config.rope_theta},
              {"tie_word_embeddings", config.tied_embeddings},
              {"use_cache", true},
              {"vocab_size", config.vocab_size}};
}

}  // namespace saucier::model
