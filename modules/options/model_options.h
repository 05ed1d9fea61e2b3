// [model]: which parts are joined, or how parts made from nothing look.
#pragma once

#include "modules/options/table.h"

namespace saucier::options {

struct TokenizerOptions {
  std::int64_t vocab_size = 1024;
  std::int64_t train_samples = 4000;

  template <class Visitor>
  void declare(Visitor& v) {
    v(vocab_size, {.key = "vocab_size", .help = "Entries of the byte-level BPE vocabulary, bytes and special tokens included.", .unit = "tokens", .min = 300, .max = 65536});
    v(train_samples, {.key = "train_samples", .help = "Samples of the stage's own data that the merges are learned from.", .unit = "samples", .min = 1});
  }
};

struct LanguageModelOptions {
  std::string path;
  std::string init = "pretrained";
  std::string initialization = "normal";
  std::int64_t hidden_size = 192;
  std::int64_t intermediate_size = 512;
  std::int64_t layers = 4;
  std::int64_t heads = 6;
  std::int64_t kv_heads = 6;
  std::int64_t max_positions = 1024;
  double rope_theta = 10000;
  TokenizerOptions tokenizer;

  template <class Visitor>
  void declare(Visitor& v) {
    v(path, {.key = "path", .help = "The language model: a folder in Hugging Face layout (a LLaVA model's, too), or a GGUF file.", .path = true});
    v(init, {.key = "init", .help = "'pretrained' loads `path`; 'random' starts from nothing with the sizes below.", .choices = {"pretrained", "random"}});
    v(initialization, {.key = "initialization", .help = "How the weights of a model made from nothing are drawn: 'normal' (0, 0.02), or 'matching' (heads that find equal words from the start, for tiny models).", .choices = {"normal", "matching"}});
    v(hidden_size, {.key = "hidden_size", .help = "Width of a model made from nothing.", .min = 8});
    v(intermediate_size, {.key = "intermediate_size", .help = "Width of its SwiGLU feed-forward.", .min = 8});
    v(layers, {.key = "layers", .help = "Number of its decoder layers.", .min = 1});
    v(heads, {.key = "heads", .help = "Number of its attention heads.", .min = 1});
    v(kv_heads, {.key = "kv_heads", .help = "Number of its key and value heads (grouped-query attention when fewer).", .min = 1});
    v(max_positions, {.key = "max_positions", .help = "Longest sequence it is made for.", .unit = "tokens", .min = 16});
    v(rope_theta, {.key = "rope_theta", .help = "Base of its rotary position embedding.", .positive = true});
    v(tokenizer, {.key = "tokenizer", .help = "Tokenizer that is learned with a model made from nothing."});
  }
};

struct VisionTowerOptions {
  std::string path;
  std::string init = "pretrained";
  std::int64_t layer = -2;
  std::string features = "patch";
  std::int64_t image_size = 80;
  std::int64_t patch_size = 16;
  std::int64_t hidden_size = 192;
  std::int64_t intermediate_size = 768;
  std::int64_t layers = 4;
  std::int64_t heads = 6;

  template <class Visitor>
  void declare(Visitor& v) {
    v(path, {.key = "path", .help = "Folder of the vision tower in Hugging Face layout: CLIP, SigLIP, DINOv2, or a LLaVA model's.", .path = true});
    v(init, {.key = "init", .help = "'pretrained' loads `path`; 'random' starts from nothing with the sizes below.", .choices = {"pretrained", "random"}});
    v(layer, {.key = "layer", .help = "Hidden layer whose output is used; negative counts from the end, -1 is the last."});
    v(features, {.key = "features", .help = "'patch' drops the class token, 'cls_patch' keeps it.", .choices = {"patch", "cls_patch"}});
    v(image_size, {.key = "image_size", .help = "Picture side of a tower made from nothing.", .unit = "pixels", .min = 8});
    v(patch_size, {.key = "patch_size", .help = "Patch side; must divide image_size.", .unit = "pixels", .min = 2});
    v(hidden_size, {.key = "hidden_size", .help = "Width of a tower made from nothing.", .min = 8});
    v(intermediate_size, {.key = "intermediate_size", .help = "Width of its feed-forward.", .min = 8});
    v(layers, {.key = "layers", .help = "Number of its layers.", .min = 1});
    v(heads, {.key = "heads", .help = "Number of its attention heads.", .min = 1});
  }
};

struct ResamplerOptions {
  std::int64_t latents = 64;
  std::int64_t depth = 3;
  std::int64_t heads = 16;
  std::int64_t kv_heads = 4;
  std::int64_t head_dim = 96;

  template <class Visitor>
  void declare(Visitor& v) {
    v(latents, {.key = "latents", .help = "Learned queries: the tokens that a picture takes.", .unit = "tokens", .min = 1, .max = 4096});
    v(depth, {.key = "depth", .help = "Number of its layers.", .min = 1, .max = 64});
    v(heads, {.key = "heads", .help = "Number of its attention heads.", .min = 1});
    v(kv_heads, {.key = "kv_heads", .help = "Number of its key and value heads; must divide heads.", .min = 1});
    v(head_dim, {.key = "head_dim", .help = "Width of a head.", .min = 1});
  }
};

struct ProjectorOptions {
  std::string kind = "mlp2x_gelu";
  std::string path;
  ResamplerOptions resampler;

  template <class Visitor>
  void declare(Visitor& v) {
    v(path, {.key = "path", .help = "Where a trained projector begins from: a safetensors file, LLaVA's mm_projector.bin, or the folder of a LLaVA model. Unset: random weights.", .path = true});
    v(kind, {.key = "kind", .help = "How picture features become language-model embeddings.", .choices = {"linear", "mlp2x_gelu", "mlp3x_gelu", "mlp4x_gelu", "identity", "resampler"}});
    v(resampler, {.key = "resampler", .help = "Sizes of a 'resampler', whose learned queries look at the patches (Idefics2's); a picture then takes as many tokens as there are queries."});
  }
};

struct ModelOptions {
  LanguageModelOptions language_model;
  VisionTowerOptions vision_tower;
  ProjectorOptions projector;

  template <class Visitor>
  void declare(Visitor& v) {
    v(language_model, {.key = "language_model", .help = "The language model."});
    v(vision_tower, {.key = "vision_tower", .help = "The vision tower."});
    v(projector, {.key = "projector", .help = "The projector between them."});
  }
};

}  // namespace saucier::options
