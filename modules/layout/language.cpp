#include "modules/layout/language.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/layout/fields.h"

namespace saucier::layout {
namespace {

// What a family's config.json leaves out means.
struct Family {
  const char* model_type;
  const char* architecture;
  std::int64_t vocab_size, intermediate_size, kv_heads, max_positions;  // kv_heads 0: as many as heads
  std::int64_t bos, eos, pad;
  double rms_norm_eps;
};
constexpr Family kFamilies[] = {
    {"llama", "LlamaForCausalLM", 32000, 11008, 0, 2048, 1, 2, -1, 1e-6},
    {"mistral", "MistralForCausalLM", 32000, 14336, 8, 4096 * 32, 1, 2, -1, 1e-6},
    {"qwen2", "Qwen2ForCausalLM", 151936, 22016, 32, 32768, -1, -1, -1, 1e-6},
    {"qwen3", "Qwen3ForCausalLM", 151936, 22016, 32, 32768, -1, -1, -1, 1e-6},
    {"phi3", "Phi3ForCausalLM", 32064, 8192, 0, 4096, 1, 32000, 32000, 1e-5},
};

// The original LLaVA code puts its own fields beside a language model's in one config.json.
constexpr std::pair<const char*, const char*> kLlavaTypes[] = {
    {"llava", "llama"}, {"llava_llama", "llama"}, {"llava_mistral", "mistral"}, {"llava_qwen", "qwen2"}};

const Family& family_of(std::string type) {
  for (const auto& [llava, inner] : kLlavaTypes)
    if (type == llava) type = inner;
  std::vector<std::string> known;
  for (const Family& family : kFamilies) {
    if (type == family.model_type) return family;
    known.emplace_back(family.model_type);
  }
  throw Error(fmt::format("config field 'model_type' is '{}', which is not supported", type), suggestion(type, known));
}

// How far a token looks back, and in which layers.
void read_window(const Fields& fields, const Json& config, LanguageConfig& read) {
  const bool qwen = read.model_type == "qwen2" || read.model_type == "qwen3";
  if (read.model_type == "llama" || (qwen && !fields.flag("use_sliding_window", false))) return;
  // Where the file says nothing, which is not null.
  constexpr std::int64_t kUsual = 4096;
  const bool silent = !config.contains("sliding_window") && !read.fused();
  if (silent || fields.has("sliding_window")) read.sliding_window = fields.size("sliding_window", kUsual);
  if (!qwen || read.sliding_window == 0) return;
  const std::int64_t first = fields.count("max_window_layers", 28);
  for (std::int64_t layer = 0; layer < read.layers; ++layer) read.sliding.push_back(layer >= first);
  if (!fields.has("layer_types")) return;
  const Json& types = fields["layer_types"];
  if (!types.is_array() || static_cast<std::int64_t>(types.size()) != read.layers)
    throw Error(fmt::format("config field 'layer_types' is '{}', not one text a layer", types.dump()));
  for (size_t layer = 0; layer < types.size(); ++layer) {
    if (types[layer] != "sliding_attention" && types[layer] != "full_attention")
      throw Error(fmt::format("config field 'layer_types' holds '{}', which is not supported", types[layer].dump()));
    read.sliding[layer] = types[layer] == "sliding_attention";
  }
}

}  // namespace

LanguageConfig language_config(const Json& config) {
  if (config.is_object() && config.contains("text_config") && config.at("text_config").is_object())
    return language_config(config.at("text_config"));
  const Fields fields(config);
  const Family& family = family_of(fields.text("model_type", "llama"));
  LanguageConfig read;
  read.model_type = family.model_type;
  fields.one_of("hidden_act", "silu", {"silu", "swish"});
  fields.expect_missing("quantization_config");
  read.vocab_size = fields.size("vocab_size", family.vocab_size);
  read.hidden_size = fields.size("hidden_size", read.model_type == "phi3" ? 3072 : 4096);
  read.intermediate_size = fields.size("intermediate_size", family.intermediate_size);
  read.layers = fields.size("num_hidden_layers", 32, kMostLayers);
  read.heads = fields.size("num_attention_heads", 32);
  const bool said = config.contains("num_key_value_heads");  // null: as many as heads
  read.kv_heads = fields.size("num_key_value_heads", family.kv_heads > 0 && !said ? family.kv_heads : read.heads);
  const bool qwen3 = read.model_type == "qwen3";
  if (!fields.has("head_dim") && !qwen3) expect_divides(read.hidden_size, read.heads, "hidden_size", "num_attention_heads");
  read.head_dim = fields.size("head_dim", qwen3 ? 128 : std::max<std::int64_t>(1, read.hidden_size / read.heads));
  read.max_positions = fields.size("max_position_embeddings", family.max_positions);
  read.rms_norm_eps = fields.number("rms_norm_eps", family.rms_norm_eps);
  read.rope = read_rope(config, 10000);
  read.tied_embeddings = fields.flag("tie_word_embeddings", false);
  const bool attention_bias = fields.flag("attention_bias", false);
  read.qkv_bias = attention_bias || read.model_type == "qwen2";
  read.output_bias = attention_bias && read.model_type != "qwen2";
  read.mlp_bias = fields.flag("mlp_bias", false);
  if (read.fused() && (attention_bias || read.mlp_bias)) fields.expect_false(attention_bias ? "attention_bias" : "mlp_bias");
  read.qk_norm = qwen3;
  read_window(fields, config, read);
  read.bos = fields.token("bos_token_id", family.bos);
  read.eos = fields.token("eos_token_id", family.eos);
  read.pad = fields.token("pad_token_id", family.pad);
  if (fields.has("eos_token_id") && config.at("eos_token_id").is_array())
    for (const Json& id : config.at("eos_token_id"))
      if (id.is_number_integer() && id != read.eos) read.further_eos.push_back(id.get<std::int64_t>());
  expect_divides(read.heads, read.kv_heads, "num_attention_heads", "num_key_value_heads");
  constexpr std::int64_t kWidestHead = 65536;
  if (read.head_dim > kWidestHead) throw Error(fmt::format("config field 'head_dim' is '{}', more than {} is not supported", read.head_dim, kWidestHead));
  const auto turning = static_cast<std::int64_t>(static_cast<double>(read.head_dim) * read.rope.partial);
  if (turning < 2 || turning % 2 != 0)
    throw Error(fmt::format("config field 'head_dim' is '{}', of which {} turn, not an even number", read.head_dim, turning));
  static_cast<void>(frequencies(read.rope, read.head_dim, read.max_positions, 1));  // its lists fit the head
  return read;
}

Json to_json(const LanguageConfig& config) {
  const auto token = [](std::int64_t id) { return id < 0 ? Json() : Json(id); };
  const Family& family = family_of(config.model_type);
  Json eos = token(config.eos);
  if (!config.further_eos.empty()) {
    eos = Json::array({config.eos});
    for (const std::int64_t id : config.further_eos) eos.push_back(id);
  }
  Json json = {{"architectures", {family.architecture}},
               {"model_type", family.model_type},
               {"attention_dropout", 0.0},
               {"bos_token_id", token(config.bos)},
               {"eos_token_id", eos},
               {"head_dim", config.head_dim},
               {"hidden_act", "silu"},
               {"hidden_size", config.hidden_size},
               {"initializer_range", 0.02},
               {"intermediate_size", config.intermediate_size},
               {"max_position_embeddings", config.max_positions},
               {"num_attention_heads", config.heads},
               {"num_hidden_layers", config.layers},
               {"num_key_value_heads", config.kv_heads},
               {"pad_token_id", token(config.pad)},
               {"rms_norm_eps", config.rms_norm_eps},
               {"tie_word_embeddings", config.tied_embeddings},
               {"use_cache", true},
               {"vocab_size", config.vocab_size}};
  write_rope(config.rope, json);
  if (config.model_type == "llama") {
    json["attention_bias"] = config.output_bias;
    json["mlp_bias"] = config.mlp_bias;
    json["pretraining_tp"] = 1;
  }
  if (config.model_type == "qwen3") json["attention_bias"] = config.qkv_bias;
  if (config.model_type == "mistral" || config.model_type == "phi3")
    json["sliding_window"] = config.sliding_window > 0 ? Json(config.sliding_window) : Json();
  if (config.model_type == "qwen2" || config.model_type == "qwen3") {
    json["use_sliding_window"] = config.sliding_window > 0;
    if (config.sliding_window > 0) json["sliding_window"] = config.sliding_window;
    Json types = Json::array();
    for (std::int64_t layer = 0; layer < config.layers; ++layer)
      types.push_back(config.slides(layer) ? "sliding_attention" : "full_attention");
    json["layer_types"] = types;
    json["max_window_layers"] =
        std::find(config.sliding.begin(), config.sliding.end(), true) - config.sliding.begin();
  }
  return json;
}

Shapes language_shapes(const LanguageConfig& config) {
  const std::int64_t d = config.hidden_size, f = config.intermediate_size;
  const std::int64_t q = config.heads * config.head_dim, kv = config.kv_heads * config.head_dim;
  Shapes shapes = {{"model.embed_tokens.weight", {config.vocab_size, d}}, {"model.norm.weight", {d}}};
  if (!config.tied_embeddings) shapes["lm_head.weight"] = {config.vocab_size, d};
  for (std::int64_t number = 0; number < config.layers; ++number) {
    const std::string name = fmt::format("model.layers.{}.", number);
    const auto linear = [&](const char* module, std::int64_t out, std::int64_t in, bool bias) {
      shapes[name + module + ".weight"] = {out, in};
      if (bias) shapes[name + module + ".bias"] = {out};
    };
    shapes[name + "input_layernorm.weight"] = {d};
    shapes[name + "post_attention_layernorm.weight"] = {d};
    if (config.fused()) {
      linear("self_attn.qkv_proj", q + 2 * kv, d, false);
      linear("mlp.gate_up_proj", 2 * f, d, false);
    } else {
      linear("self_attn.q_proj", q, d, config.qkv_bias);
      linear("self_attn.k_proj", kv, d, config.qkv_bias);
      linear("self_attn.v_proj", kv, d, config.qkv_bias);
      linear("mlp.gate_proj", f, d, config.mlp_bias);
      linear("mlp.up_proj", f, d, config.mlp_bias);
    }
    linear("self_attn.o_proj", d, q, config.output_bias);
    linear("mlp.down_proj", d, f, config.mlp_bias);
    if (config.qk_norm) shapes[name + "self_attn.q_norm.weight"] = shapes[name + "self_attn.k_norm.weight"] = {config.head_dim};
  }
  return shapes;
}

}  // namespace saucier::layout
