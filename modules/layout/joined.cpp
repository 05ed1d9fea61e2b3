#include "modules/layout/joined.h"

#include <algorithm>
#include <charconv>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/layout/fields.h"

namespace saucier::layout {
namespace {

constexpr std::string_view kMlp = "mlp", kGelu = "x_gelu";
constexpr const char* kNext = "llava_next";

// One number, or a list of them.
std::vector<std::int64_t> layer_numbers(const Fields& fields, const char* key) {
  if (!fields.has(key)) return {-2};
  const Json& value = fields[key];
  std::vector<std::int64_t> read;
  for (const Json& one : value.is_array() ? value : Json::array({value})) {
    if (!one.is_number_integer()) throw Error(fmt::format("config field '{}' is '{}', not a layer", key, value.dump()));
    read.push_back(one.get<std::int64_t>());
  }
  if (read.empty()) throw Error(fmt::format("config field '{}' is empty", key));
  return read;
}

std::vector<std::array<std::int64_t, 2>> grid_of(const Fields& fields) {
  constexpr const char* kField = "image_grid_pinpoints";
  if (!fields.has(kField)) return usual_grid(336);  // transformers' default, whatever the tower
  std::vector<std::array<std::int64_t, 2>> grid;
  for (const Json& one : fields[kField].is_array() ? fields[kField] : Json::array({Json()})) {
    const auto side = [](const Json& value) { return value.is_number_integer() && value > 0; };
    if (!one.is_array() || one.size() != 2 || !side(one[0]) || !side(one[1]))
      throw Error(fmt::format("config field '{}' is '{}', not a list of heights and widths", kField, fields[kField].dump()));
    grid.push_back({one[0].get<std::int64_t>(), one[1].get<std::int64_t>()});
  }
  if (grid.empty()) throw Error(fmt::format("config field '{}' is empty", kField));
  return grid;
}

LlavaConfig read_original(const Json& config) {
  const Fields fields(config);
  LlavaConfig read;
  read.original = true;
  read.language = language_config(config);
  read.vision_path = fields.text("mm_vision_tower", "");
  read.projector.kind = fields.text("mm_projector_type", "linear");
  projector_layers(read.projector.kind);
  read.vision_layers = layer_numbers(fields, "mm_vision_select_layer");
  read.keep_class = fields.one_of("mm_vision_select_feature", "patch", {"patch", "cls_patch"}) == "cls_patch";
  read.aspect = fields.one_of("image_aspect_ratio", "square", {"square", "pad", "anyres"});
  if (read.aspect == "anyres") {
    read.grid = grid_of(fields);
    fields.one_of("mm_patch_merge_type", "flat", {"spatial_unpad"});
  }
  fields.expect_false("mm_use_im_start_end");
  fields.expect_false("mm_use_im_patch_token");
  return read;
}

Json write_original(const LlavaConfig& config) {
  Json json = to_json(config.language);
  json["architectures"] = {config.language.model_type == "mistral" ? "LlavaMistralForCausalLM"
                           : config.language.model_type == "qwen2" ? "LlavaQwenForCausalLM"
                                                                   : "LlavaLlamaForCausalLM"};
  json["model_type"] = config.language.model_type == "mistral" ? "llava_mistral"
                       : config.language.model_type == "qwen2" ? "llava_qwen"
                                                               : "llava_llama";
  json["mm_vision_tower"] = config.vision_path;
  json["mm_hidden_size"] = config.vision ? Json(config.vision->hidden_size * static_cast<std::int64_t>(config.vision_layers.size())) : Json();
  json["mm_projector_type"] = config.projector.kind;
  json["mm_vision_select_layer"] = config.vision_layers.front();
  json["mm_vision_select_feature"] = config.keep_class ? "cls_patch" : "patch";
  json["image_aspect_ratio"] = config.aspect;
  if (config.aspect == "anyres") {
    json["image_grid_pinpoints"] = config.grid;
    json["mm_patch_merge_type"] = "spatial_unpad";
  }
  json["mm_use_im_start_end"] = json["mm_use_im_patch_token"] = false;
  json["tune_mm_mlp_adapter"] = json["freeze_mm_mlp_adapter"] = false;
  json["use_mm_proj"] = true;
  json["tokenizer_model_max_length"] = 2048;
  json["tokenizer_padding_side"] = "right";
  return json;
}


}  // namespace

bool is_llava(const Json& config) {
  if (!config.is_object()) return false;
  const bool joined = config.contains("vision_config") && config.contains("text_config") && (config.value("model_type", Json()) == "llava" || config.value("model_type", Json()) == kNext);
  return joined || config.contains("mm_vision_tower") || config.contains("mm_projector_type");
}

LlavaConfig llava_config(const Json& config) {
  if (!config.contains("vision_config")) return read_original(config);
  const Fields fields(config);
  const bool next = fields.one_of("model_type", "llava", {"llava", kNext}) == kNext;
  fields.expect_missing("quantization_config");
  LlavaConfig read;
  read.language = language_config(config);
  read.vision = vision_config(config);
  fields.one_of("projector_hidden_act", "gelu", {"gelu"});
  read.projector.bias = fields.flag("multimodal_projector_bias", true);
  read.vision_layers = layer_numbers(fields, "vision_feature_layer");
  read.keep_class = fields.one_of("vision_feature_select_strategy", "default", {"default", "full"}) == "full";
  if (next) {
    read.aspect = "anyres";
    read.grid = grid_of(fields);
    if (read.keep_class && read.vision->class_token())
      throw Error("config field 'vision_feature_select_strategy' is 'full', which leaves a class token among the patches of a 'llava_next' model's grid");
  }
  if (!read.vision->class_token() && !read.keep_class)
    throw Error("config field 'vision_feature_select_strategy' is 'default', which would cut off a patch: the tower has no class token");
  if (read.vision->registers > 0)
    throw Error("config field 'vision_config' has register tokens, which transformers would take for patches; that is not supported");
  read.image_token = fields.token(fields.has("image_token_index") ? "image_token_index" : "image_token_id", 32000);
  read.image_tokens = fields.count("image_seq_length", 576);
  // The whole model's word on tied embeddings is the one transformers goes by.
  read.language.tied_embeddings = fields.flag("tie_word_embeddings", read.language.tied_embeddings);
  return read;
}

std::filesystem::path tower_folder(const std::filesystem::path& folder, const std::string& vision_path) {
  std::error_code ignored;
  for (const std::filesystem::path& candidate : {folder / vision_path, std::filesystem::path(vision_path)})
    if (!vision_path.empty() && std::filesystem::is_directory(candidate, ignored)) return candidate;
  return {};
}

Json to_json(const LlavaConfig& config) {
  if (config.original) return write_original(config);
  const bool one = config.vision_layers.size() == 1, next = config.aspect == "anyres";
  Json json = {{"architectures", {next ? "LlavaNextForConditionalGeneration" : "LlavaForConditionalGeneration"}},
              {"model_type", next ? kNext : "llava"},
              {"image_seq_length", config.image_tokens},
              {"image_token_index", config.image_token},
              {"multimodal_projector_bias", config.projector.bias},
              {"pad_token_id", config.language.pad < 0 ? Json() : Json(config.language.pad)},
              {"projector_hidden_act", "gelu"},
              {"text_config", to_json(config.language)},
              {"tie_word_embeddings", config.language.tied_embeddings},
              {"vision_config", to_json(*config.vision)},
              {"vision_feature_layer", one ? Json(config.vision_layers.front()) : Json(config.vision_layers)},
              {"vision_feature_select_strategy", config.keep_class || !config.vision->class_token() ? "full" : "default"}};
  if (next) json["image_grid_pinpoints"] = config.grid;
  return json;
}

std::int64_t projector_layers(const std::string& kind) {
  if (kind == "identity") return 0;
  if (kind == "linear" || kind == "resampler") return 1;
  if (kind.starts_with(kMlp) && kind.ends_with(kGelu) && kind.size() > kMlp.size() + kGelu.size()) {
    std::int64_t layers = 0;
    const char* begin = kind.data() + kMlp.size();
    const char* end = kind.data() + kind.size() - kGelu.size();
    const auto [stopped, problem] = std::from_chars(begin, end, layers);
    if (problem == std::errc() && stopped == end && layers >= 1 && layers <= 64) return layers;
  }
  throw Error(fmt::format("unknown projector kind '{}'", kind),
              suggestion(kind, std::vector<std::string>{"identity", "linear", "mlp2x_gelu", "mlp3x_gelu", "resampler"}));
}

Shapes projector_shapes(const ProjectorConfig& config, std::int64_t in, std::int64_t out) {
  Shapes shapes;
  for (std::int64_t number = 1; number <= projector_layers(config.kind); ++number) {
    shapes[fmt::format("linear_{}.weight", number)] = {out, number == 1 ? in : out};
    if (config.bias) shapes[fmt::format("linear_{}.bias", number)] = {out};
  }
  if (config.kind != "resampler") return shapes;
  shapes["latents"] = {config.latents, out};
  shapes["norm.weight"] = {out};
  const std::int64_t queries = config.heads * config.head_dim, keys = config.kv_heads * config.head_dim;
  for (std::int64_t layer = 0; layer < config.depth; ++layer) {
    const std::string name = fmt::format("layers.{}.", layer), attention = name + "self_attn.";
    for (const char* norm : {"input_latents_norm", "input_context_norm", "post_attention_layernorm"}) shapes[name + norm + ".weight"] = {out};
    shapes[attention + "q_proj.weight"] = {queries, out};
    shapes[attention + "k_proj.weight"] = shapes[attention + "v_proj.weight"] = {keys, out};
    shapes[attention + "o_proj.weight"] = {out, queries};
    shapes[name + "mlp.gate_proj.weight"] = shapes[name + "mlp.up_proj.weight"] = {4 * out, out};
    shapes[name + "mlp.down_proj.weight"] = {out, 4 * out};
  }
  return shapes;
}

std::vector<std::array<std::int64_t, 2>> usual_grid(std::int64_t side) {
  return {{side, 2 * side}, {2 * side, side}, {2 * side, 2 * side}, {3 * side, side}, {side, 3 * side}};
}

}  // namespace saucier::layout
