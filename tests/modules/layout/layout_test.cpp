#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <numbers>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/layout/gguf.h"
#include "modules/layout/joined.h"
#include "modules/layout/names.h"

using namespace saucier;
using namespace saucier::layout;
using Catch::Matchers::Contains;

namespace {

Json llama(const std::string& key = "", const Json& value = {}) {
  Json config = {{"model_type", "llama"}, {"hidden_size", 16}, {"num_attention_heads", 4}, {"num_hidden_layers", 2}, {"vocab_size", 64}, {"intermediate_size", 24}};
  if (!key.empty()) config[key] = value;
  return config;
}

std::string language_problem(const std::string& key, const Json& value) {
  try {
    language_config(llama(key, value));
  } catch (const Error& error) {
    return error.render();
  }
  return "none";
}

}  // namespace

TEST_CASE("every config that transformers wrote is read, and what is written of it reads the same") {
  int read = 0;
  for (const auto& folder : std::filesystem::directory_iterator(std::filesystem::path(SAUCIER_SOURCE_DIR) / "tests/data/model")) {
    if (!std::filesystem::exists(folder.path() / "config.json")) continue;
    INFO(folder.path().filename());
    const Json config = parse_json(read_file(folder.path() / "config.json"), "config");
    ++read;
    if (is_llava(config)) {
      const Json written = to_json(llava_config(config));
      CHECK(to_json(llava_config(written)) == written);
    } else if (config.contains("vision_config") || config["model_type"].get<std::string>().starts_with("dinov2") ||
               config["model_type"].get<std::string>().ends_with("vision_model")) {
      const Json written = to_json(vision_config(config));
      CHECK(to_json(vision_config(written)) == written);
    } else {
      const Json written = to_json(language_config(config));
      CHECK(to_json(language_config(written)) == written);
    }
  }
  CHECK(read > 25);
}

TEST_CASE("fields that change a result and are not computed are refused by name") {
  CHECK(language_problem("num_attention_heads", 4) == "none");
  CHECK_THAT(language_problem("model_type", "mamba"), Contains("'model_type' is 'mamba', which is not supported"));
  CHECK_THAT(language_problem("model_type", "qwen4"), Contains("did you mean") && Contains("qwen"));
  CHECK_THAT(language_problem("hidden_act", "relu"), Contains("'hidden_act' is 'relu', which is not supported"));
  CHECK_THAT(language_problem("hidden_size", 0), Contains("'hidden_size' is '0', not a positive integer"));
  CHECK_THAT(language_problem("hidden_size", 1'000'000'000'000), Contains("'hidden_size' is '1000000000000', more than 1073741824 is not supported"));
  CHECK_THAT(language_problem("num_hidden_layers", 5000), Contains("'num_hidden_layers' is '5000', more than 4096 is not supported"));
  CHECK_THAT(language_problem("head_dim", 70'000), Contains("'head_dim' is '70000', more than 65536 is not supported"));
  CHECK_THAT(language_problem("hidden_size", 1e12), Contains("'hidden_size'") && Contains("not a positive integer"));
  CHECK_THAT(language_problem("hidden_size", 18), Contains("'hidden_size' (18) is not a multiple of 'num_attention_heads' (4)"));
  CHECK_THAT(language_problem("num_key_value_heads", 3), Contains("'num_attention_heads' (4) is not a multiple of 'num_key_value_heads' (3)"));
  CHECK_THAT(language_problem("rms_norm_eps", "small"), Contains("'rms_norm_eps' is '\"small\"', not a number"));
  CHECK_THAT(language_problem("tie_word_embeddings", 1), Contains("'tie_word_embeddings' is '1', not true or false"));
  CHECK_THAT(language_problem("eos_token_id", "</s>"), Contains("'eos_token_id' is '\"</s>\"', not a token id"));
  CHECK_THAT(language_problem("quantization_config", {{"bits", 4}}), Contains("'quantization_config'"));
  CHECK_THAT(language_problem("rope_scaling", {{"rope_type", "ntk"}, {"factor", 2}}), Contains("'rope_type' is 'ntk', which is not supported"));
  CHECK_THAT(language_problem("rope_scaling", {{"rope_type", "llama3"}}), Contains("'rope_scaling' has no 'factor'"));
  CHECK_THAT(language_problem("rope_scaling", {{"rope_type", "longrope"}, {"short_factor", {1.0}}, {"long_factor", {1.0}}}),
             Contains("has 1 factors for 2 frequencies"));
  CHECK_THAT(language_problem("rope_theta", -1), Contains("'rope_theta' is '-1', not a positive number"));
  CHECK_THAT(language_problem("head_dim", 3), Contains("'head_dim' is '3', of which 3 turn, not an even number"));
  CHECK_THROWS_WITH(language_config(Json::array()), Contains("JSON object"));

  const Json vision = {{"model_type", "clip_vision_model"}, {"hidden_size", 16}, {"num_attention_heads", 2}};
  const auto vision_with = [&](const char* key, const Json& value) {
    Json config = vision;
    config[key] = value;
    return config;
  };
  CHECK_THROWS_WITH(vision_config(vision_with("hidden_act", "relu")), Contains("'hidden_act' is 'relu'"));
  CHECK_THROWS_WITH(vision_config(vision_with("num_channels", 1)), Contains("only 3 is supported"));
  CHECK_THROWS_WITH(vision_config(vision_with("model_type", "vit")), Contains("'model_type' is 'vit'"));
  CHECK_THROWS_WITH(vision_config(vision_with("patch_size", 500)), Contains("is larger than 'image_size'"));

  const Json joined = {{"model_type", "llava"}, {"vision_config", vision}, {"text_config", llama()}};
  const auto joined_with = [&](const char* key, const Json& value) {
    Json config = joined;
    config[key] = value;
    return config;
  };
  CHECK(llava_config(joined).vision_layers == std::vector<std::int64_t>{-2});
  CHECK_THROWS_WITH(llava_config(joined_with("projector_hidden_act", "relu")), Contains("'projector_hidden_act' is 'relu'"));
  CHECK_THROWS_WITH(llava_config(joined_with("vision_feature_select_strategy", "mean")), Contains("'mean'"));
  Json registers = {{"model_type", "dinov2_with_registers"}};
  CHECK_THROWS_WITH(llava_config(joined_with("vision_config", registers)), Contains("register tokens"));
  Json siglip = {{"model_type", "siglip_vision_model"}};
  CHECK_THROWS_WITH(llava_config(joined_with("vision_config", siglip)), Contains("cut off a patch"));
  CHECK_THROWS_WITH(llava_config({{"model_type", "llava_llama"}, {"mm_projector_type", "mlp2x_gleu"}}), Contains("unknown projector kind 'mlp2x_gleu'"));
  CHECK_THROWS_WITH(llava_config({{"mm_projector_type", "linear"}, {"image_aspect_ratio", "highres"}}), Contains("'image_aspect_ratio' is 'highres', which is not supported"));
  CHECK_THROWS_WITH(llava_config({{"mm_projector_type", "linear"}, {"image_aspect_ratio", "anyres"}}), Contains("'mm_patch_merge_type' is 'flat', which is not supported"));
  CHECK_THROWS_WITH(llava_config({{"mm_projector_type", "linear"}, {"image_aspect_ratio", "anyres"}, {"image_grid_pinpoints", {{336, 0}}}}), Contains("'image_grid_pinpoints' is '[[336,0]]', not a list of heights and widths"));
  CHECK_THROWS_WITH(llava_config({{"mm_projector_type", "linear"}, {"mm_use_im_start_end", true}}), Contains("'mm_use_im_start_end' is 'true'"));
}

TEST_CASE("both generations of rotary fields are read") {
  CHECK(language_config(llama("rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5e5}})).rope.theta == 5e5);
  CHECK(language_config(llama("rope_theta", 5e5)).rope.theta == 5e5);
  const Rope linear = language_config(llama("rope_scaling", {{"type", "linear"}, {"factor", 4.0}})).rope;
  const Frequencies plain = frequencies({.theta = linear.theta}, 4, 64, 8), stretched = frequencies(linear, 4, 64, 8);
  for (size_t i = 0; i < 2; ++i) CHECK(stretched.inverse[i] == Approx(plain.inverse[i] / 4));
  // Llama 3.1: the slowest is divided by the factor, the fastest stays.
  const Rope llama3{.theta = 500000, .type = "llama3", .factor = 8, .low_frequency_factor = 1, .high_frequency_factor = 4, .original_positions = 8192};
  const Frequencies long_waves = frequencies(llama3, 128, 131072, 8), short_waves = frequencies({.theta = 500000}, 128, 131072, 8);
  CHECK(long_waves.inverse.front() == short_waves.inverse.front());
  CHECK(long_waves.inverse.back() == Approx(short_waves.inverse.back() / 8));
}

TEST_CASE("names of files and of parts, both ways") {
  struct Name {
    const char* file;
    Part part;
    const char* name;
  };
  const Name names[] = {
      {"model.layers.0.self_attn.q_proj.weight", Part::language, "model.layers.0.self_attn.q_proj.weight"},
      {"lm_head.weight", Part::language, "lm_head.weight"},
      {"language_model.model.norm.weight", Part::language, "model.norm.weight"},
      {"language_model.lm_head.weight", Part::language, "lm_head.weight"},
      {"model.language_model.norm.weight", Part::language, "model.norm.weight"},
      {"vision_model.post_layernorm.bias", Part::tower, "vision_model.post_layernorm.bias"},
      {"vision_tower.vision_model.pre_layrnorm.bias", Part::tower, "vision_model.pre_layrnorm.bias"},
      {"model.vision_tower.encoder.layer.0.norm1.bias", Part::tower, "encoder.layer.0.norm1.bias"},
      {"model.vision_tower.vision_tower.vision_model.post_layernorm.bias", Part::tower, "vision_model.post_layernorm.bias"},
      {"multi_modal_projector.linear_2.bias", Part::projector, "linear_2.bias"},
      {"model.multi_modal_projector.linear_1.weight", Part::projector, "linear_1.weight"},
      {"model.mm_projector.2.bias", Part::projector, "linear_2.bias"},
      {"model.mm_projector.weight", Part::projector, "linear_1.weight"},
      {"base_model.model.model.mm_projector.0.weight", Part::projector, "linear_1.weight"},
      {"model.image_newline", Part::newline, "image_newline"},
      {"text_model.embeddings.token_embedding.weight", Part::ignored, "text_model.embeddings.token_embedding.weight"},
      {"vision_model.head.probe", Part::ignored, "vision_model.head.probe"},
      {"vision_model.embeddings.position_ids", Part::ignored, "vision_model.embeddings.position_ids"},
      {"model.layers.0.self_attn.rotary_emb.inv_freq", Part::ignored, "model.layers.0.self_attn.rotary_emb.inv_freq"},
      {"base_model.model.model.language_model.layers.0.mlp.up_proj.lora_A.weight", Part::language, "model.layers.0.mlp.up_proj.lora_A.weight"},
      {"surprise", Part::language, "surprise"},
  };
  for (const Name& name : names) {
    INFO(name.file);
    const Place place = place_of(name.file);
    CHECK(place.part == name.part);
    if (name.part != Part::ignored) CHECK(place.name == name.name);
  }
  const Place places[] = {{Part::language, "model.norm.weight"}, {Part::language, "lm_head.weight"},
                          {Part::tower, "vision_model.post_layernorm.bias"}, {Part::projector, "linear_2.bias"}};
  for (const Layout layout : {Layout::transformers, Layout::transformers_memory, Layout::original}) {
    for (const Place& place : places) {
      const Place again = place_of(file_name(place, layout));
      CHECK(again.part == place.part);
      CHECK(again.name == place.name);
    }
  }
  CHECK(file_name({Part::projector, "linear_2.bias"}, Layout::original) == "model.mm_projector.2.bias");
  CHECK(file_name({Part::projector, "linear_1.bias"}, Layout::original, /*one_layer=*/true) == "model.mm_projector.bias");
}

TEST_CASE("a GGUF file's keys are a config") {
  const Json metadata = {{"general.architecture", "llama"}, {"llama.embedding_length", 16}, {"llama.feed_forward_length", 24}, {"llama.block_count", 2},
                         {"llama.attention.head_count", 4}, {"llama.attention.head_count_kv", 2}, {"llama.context_length", 128},
                         {"llama.rope.freq_base", 5e5}, {"tokenizer.ggml.eos_token_id", 7}};
  const Shapes shapes = {{"token_embd.weight", {64, 16}}};
  const GgufLanguage language = language_config_of_gguf(metadata, shapes);
  CHECK(language.permuted);
  CHECK(language.config.tied_embeddings);
  CHECK(language.config.kv_heads == 2);
  CHECK(language.config.eos == 7);
  CHECK(language.config.rope.theta == 5e5);
  CHECK(name_of_gguf("blk.1.ffn_gate.weight", language.config) == "model.layers.1.mlp.gate_proj.weight");
  CHECK(name_of_gguf("output_norm.weight", language.config) == "model.norm.weight");
  CHECK_FALSE(name_of_gguf("blk.1.ssm_in.weight", language.config).has_value());
  const auto with = [&](const char* key, const Json& value) {
    Json changed = metadata;
    changed[key] = value;
    return changed;
  };
  CHECK_THROWS_WITH(language_config_of_gguf(with("general.architecture", "mamba"), shapes), Contains("'general.architecture' is 'mamba'"));
  CHECK_THROWS_WITH(language_config_of_gguf(with("llama.block_count", -2), shapes), Contains("'llama.block_count' is '-2'"));
  CHECK_THROWS_WITH(language_config_of_gguf(with("llama.rope.scaling.type", "odd"), shapes), Contains("'llama.rope.scaling.type' is 'odd'"));
  CHECK_THROWS_WITH(language_config_of_gguf(metadata, {}), Contains("'token_embd.weight' is missing"));
  Json less = metadata;
  less.erase("llama.block_count");
  CHECK_THROWS_WITH(language_config_of_gguf(less, shapes), Contains("key 'llama.block_count' is missing"));
}
