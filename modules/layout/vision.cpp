#include "modules/layout/vision.h"

#include "modules/base/error.h"
#include "modules/layout/fields.h"

namespace saucier::layout {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kLargestSide = 65536;  // of a picture

// How transformers names a kind, and what its config.json leaves out.
struct Family {
  const char* model_type;
  const char* architecture;
  const char* whole;  // model_type of the model that has such a tower inside
  std::int64_t patch_size;
  double layer_norm_eps;
  const char* activation;
};
constexpr Family kFamilies[] = {
    {"clip_vision_model", "CLIPVisionModel", "clip", 32, 1e-5, "quick_gelu"},
    {"siglip_vision_model", "SiglipVisionModel", "siglip", 16, 1e-6, "gelu_pytorch_tanh"},
    {"dinov2", "Dinov2Model", "", 14, 1e-6, "gelu"},
    {"dinov2_with_registers", "Dinov2WithRegistersModel", "", 14, 1e-6, "gelu"},
};

const Family& family_of(const std::string& model_type) {
  for (const Family& family : kFamilies)
    if (model_type == family.model_type) return family;
  throw Error(fmt::format("no vision tower of type '{}'", model_type));
}

// The tower inside a whole model, which says what kind it is where the tower itself does not.
VisionConfig inner_config(const Json& config) {
  Json inner = config.at("vision_config");
  if (!inner.contains("model_type") || inner["model_type"].is_null()) {
    inner["model_type"] = kFamilies[0].model_type;
    for (const Family& family : kFamilies)
      if (config.contains("model_type") && config["model_type"] == family.whole) inner["model_type"] = family.model_type;
  }
  return vision_config(inner);
}

// Of a SwiGLU feed-forward, as Dinov2SwiGLUFFN sizes it.
std::int64_t swiglu_width(std::int64_t wide) { return (wide * 2 / 3 + 7) / 8 * 8; }

}  // namespace

VisionConfig vision_config(const Json& config) {
  if (config.is_object() && config.contains("vision_config") && config.at("vision_config").is_object()) return inner_config(config);
  const Fields fields(config);
  VisionConfig read;
  read.model_type = fields.one_of("model_type", "clip_vision_model",
                                  {"clip_vision_model", "siglip_vision_model", "dinov2", "dinov2_with_registers"});
  const Family& family = family_of(read.model_type);
  if (fields.size("num_channels", kChannels) != kChannels)
    throw Error(fmt::format("config field 'num_channels' is '{}', only 3 is supported", fields["num_channels"].dump()));
  fields.expect_missing("quantization_config");
  read.image_size = fields.size("image_size", 224, kLargestSide);
  read.patch_size = fields.size("patch_size", family.patch_size);
  read.hidden_size = fields.size("hidden_size", 768);
  read.layers = fields.size("num_hidden_layers", 12, kMostLayers);
  read.heads = fields.size("num_attention_heads", 12);
  read.layer_norm_eps = fields.number("layer_norm_eps", family.layer_norm_eps);
  read.activation = fields.one_of("hidden_act", family.activation, {"quick_gelu", "gelu", "gelu_pytorch_tanh", "gelu_new"});
  if (read.activation == "gelu_new") read.activation = "gelu_pytorch_tanh";  // the same formula
  read.intermediate_size = fields.size("intermediate_size", 3072);
  if (read.dino()) {
    read.mlp_ratio = fields.number("mlp_ratio", 4);
    const double width = static_cast<double>(read.hidden_size) * read.mlp_ratio;
    if (!(width >= 1 && width <= static_cast<double>(Fields::kLargest)))
      throw Error(fmt::format("config field 'mlp_ratio' is '{}', which leaves no width", read.mlp_ratio));
    read.intermediate_size = static_cast<std::int64_t>(width);
    if (fields.flag("use_swiglu_ffn", false)) {
      read.activation = "swiglu";
      read.intermediate_size = swiglu_width(read.intermediate_size);
    }
    read.qkv_bias = fields.flag("qkv_bias", true);
    if (read.model_type == "dinov2_with_registers") read.registers = fields.count("num_register_tokens", 4);
  }
  expect_divides(read.hidden_size, read.heads, "hidden_size", "num_attention_heads");
  if (read.patch_size > read.image_size)
    throw Error(fmt::format("config field 'patch_size' ({}) is larger than 'image_size' ({})", read.patch_size, read.image_size));
  return read;
}

Json to_json(const VisionConfig& config) {
  const Family& family = family_of(config.model_type);
  Json json = {{"architectures", {family.architecture}},
               {"model_type", config.model_type},
               {"hidden_act", config.activation == "swiglu" ? "gelu" : config.activation},
               {"hidden_size", config.hidden_size},
               {"image_size", config.image_size},
               {"initializer_range", 0.02},
               {"layer_norm_eps", config.layer_norm_eps},
               {"num_attention_heads", config.heads},
               {"num_channels", kChannels},
               {"num_hidden_layers", config.layers},
               {"patch_size", config.patch_size}};
  if (!config.dino()) {
    json["attention_dropout"] = 0.0;
    json["intermediate_size"] = config.intermediate_size;
    if (config.class_token()) {
      json["initializer_factor"] = 1.0;
      json["projection_dim"] = config.hidden_size;
    } else {
      json["vision_use_head"] = false;
    }
    return json;
  }
  json["use_swiglu_ffn"] = config.activation == "swiglu";
  json["qkv_bias"] = config.qkv_bias;
  json["mlp_ratio"] = config.mlp_ratio;
  if (config.model_type == "dinov2_with_registers") json["num_register_tokens"] = config.registers;
  return json;
}

const VisionNames& names_of(const VisionConfig& config) {
  static const VisionNames clip = {.class_token = "vision_model.embeddings.class_embedding",
                                   .registers = "",
                                   .position = "vision_model.embeddings.position_embedding.weight",
                                   .patch = "vision_model.embeddings.patch_embedding",
                                   .before = "vision_model.pre_layrnorm",  // the name is spelt so
                                   .after = "vision_model.post_layernorm",
                                   .layer = "vision_model.encoder.layers.",
                                   .norm1 = "layer_norm1",
                                   .query = "self_attn.q_proj",
                                   .key = "self_attn.k_proj",
                                   .value = "self_attn.v_proj",
                                   .out = "self_attn.out_proj",
                                   .norm2 = "layer_norm2",
                                   .fc1 = "mlp.fc1",
                                   .fc2 = "mlp.fc2",
                                   .scale1 = "",
                                   .scale2 = ""};
  static const VisionNames siglip = [] {
    VisionNames names = clip;
    names.class_token = names.before = "";
    return names;
  }();
  static const VisionNames dino = {.class_token = "embeddings.cls_token",
                                   .registers = "embeddings.register_tokens",
                                   .position = "embeddings.position_embeddings",
                                   .patch = "embeddings.patch_embeddings.projection",
                                   .before = "",
                                   .after = "layernorm",
                                   .layer = "encoder.layer.",
                                   .norm1 = "norm1",
                                   .query = "attention.attention.query",
                                   .key = "attention.attention.key",
                                   .value = "attention.attention.value",
                                   .out = "attention.output.dense",
                                   .norm2 = "norm2",
                                   .fc1 = "mlp.fc1",
                                   .fc2 = "mlp.fc2",
                                   .scale1 = "layer_scale1.lambda1",
                                   .scale2 = "layer_scale2.lambda1"};
  static const VisionNames dino_swiglu = [] {
    VisionNames names = dino;
    names.fc1 = "mlp.weights_in";
    names.fc2 = "mlp.weights_out";
    return names;
  }();
  if (config.dino()) return config.activation == "swiglu" ? dino_swiglu : dino;
  return config.class_token() ? clip : siglip;
}

Shapes vision_shapes(const VisionConfig& config) {
  const VisionNames& names = names_of(config);
  const std::int64_t c = config.hidden_size, f = config.intermediate_size, p = config.patch_size;
  const std::int64_t positions = config.patches() + (config.class_token() ? 1 : 0);
  Shapes shapes;
  const auto norm = [&](const std::string& name) { shapes[name + ".weight"] = shapes[name + ".bias"] = {c}; };
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in, bool bias = true) {
    shapes[name + ".weight"] = {out, in};
    if (bias) shapes[name + ".bias"] = {out};
  };
  shapes[names.patch + ".weight"] = {c, kChannels, p, p};
  if (config.model_type != "clip_vision_model") shapes[names.patch + ".bias"] = {c};
  if (config.class_token()) shapes[names.class_token] = config.dino() ? Shape{1, 1, c} : Shape{c};
  if (config.registers > 0) shapes[names.registers] = {1, config.registers, c};
  shapes[names.position] = config.dino() ? Shape{1, positions, c} : Shape{positions, c};
  if (!names.before.empty()) norm(names.before);
  norm(names.after);
  for (std::int64_t number = 0; number < config.layers; ++number) {
    const std::string name = names.layer + std::to_string(number) + ".";
    norm(name + names.norm1);
    norm(name + names.norm2);
    for (const std::string& module : {names.query, names.key, names.value}) linear(name + module, c, c, config.qkv_bias);
    linear(name + names.out, c, c);
    linear(name + names.fc1, config.activation == "swiglu" ? 2 * f : f, c);
    linear(name + names.fc2, c, f);
    if (!names.scale1.empty()) shapes[name + names.scale1] = shapes[name + names.scale2] = {c};
  }
  return shapes;
}

}  // namespace saucier::layout
