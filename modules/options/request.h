// What the command line asks a worker about a model, outside of any recipe's stages.
#pragma once

#include "modules/options/stage_options.h"

namespace saucier::options {

// A model: a folder or file with what lies beside it, or what a recipe's train stages made of one.
struct ModelReference {
  std::string path;
  std::string vision_tower;
  std::string projector;
  std::string adapter;
  std::optional<ModelOptions> recipe;  // in place of the four above
  std::string from;                    // the artifact laid over it
  std::string aspect;                  // how pictures are shown; empty: as the model's files say
  std::int64_t seed = 0;

  template <class Visitor>
  void declare(Visitor& v) {
    v(path, {.key = "path", .help = "Folder or file of the model.", .path = true});
    v(vision_tower, {.key = "vision_tower", .help = "Folder of a vision tower.", .path = true});
    v(projector, {.key = "projector", .help = "File of a projector.", .path = true});
    v(adapter, {.key = "adapter", .help = "Folder of an adapter.", .path = true});
    v(recipe, {.key = "recipe", .help = "[model] of a trial."});
    v(from, {.key = "from", .help = "Artifact of its train stage."});
    v(seed, {.key = "seed", .help = "Seed of its recipe."});
    v(aspect, {.key = "aspect", .help = "How pictures are shown."});
  }
};

struct LogitsRequest {
  std::optional<std::string> prompt;  // or
  std::vector<std::int64_t> ids;
  std::vector<std::string> images;
  std::string dtype = "float32";
  std::string out;
  bool hidden = false;
  bool pixels = false;

  template <class Visitor>
  void declare(Visitor& v) {
    v(prompt, {.key = "prompt", .help = "Text."});
    v(ids, {.key = "ids", .help = "Token ids in its place."});
    v(images, {.key = "images", .help = "Pictures for its <image> markers."});
    v(dtype, {.key = "dtype", .help = "Number format.", .choices = {"float32", "bfloat16"}});
    v(out, {.key = "out", .help = "File to write."});
    v(hidden, {.key = "hidden", .help = "With hidden states."});
    v(pixels, {.key = "pixels", .help = "With pixel values."});
  }
};

struct AskRequest {
  std::vector<std::string> questions;  // none: a conversation, a line of standard input a turn
  std::string image;
  JobConversation conversation;
  std::int64_t max_new_tokens = 256;

  template <class Visitor>
  void declare(Visitor& v) {
    v(questions, {.key = "questions", .help = "Questions, each by itself."});
    v(image, {.key = "image", .help = "A picture."});
    v(conversation, {.key = "conversation", .help = "Template, system message, image position."});
    v(max_new_tokens, {.key = "max_new_tokens", .help = "Longest answer.", .min = 1});
  }
};

struct ExportRequest {
  std::string folder;
  std::string layout = "transformers";
  bool bfloat16 = false;
  std::int64_t shard_bytes = 5'000'000'000;
  std::string tower_name = "vision_tower";
  std::string base_path;

  template <class Visitor>
  void declare(Visitor& v) {
    v(folder, {.key = "folder", .help = "Folder to write."});
    v(layout, {.key = "layout", .help = "Names and files.", .choices = {"transformers", "original", "adapter"}});
    v(bfloat16, {.key = "bfloat16", .help = "Weights in bfloat16."});
    v(shard_bytes, {.key = "shard_bytes", .help = "Largest file.", .min = 1});
    v(tower_name, {.key = "tower_name", .help = "What mm_vision_tower says."});
    v(base_path, {.key = "base_path", .help = "What an adapter says of its base model."});
  }
};

struct Request {
  std::int64_t protocol = 1;
  std::int64_t threads = 0;  // 0: as many as cores
  ModelReference model;
  std::optional<LogitsRequest> logits;  // exactly one of these
  std::optional<AskRequest> ask;
  std::optional<ExportRequest> export_model;

  template <class Visitor>
  void declare(Visitor& v) {
    v(protocol, {.key = "protocol", .help = "Version of the worker protocol."});
    v(threads, {.key = "threads", .help = "CPU threads."});
    v(model, {.key = "model", .help = "The model."});
    v(logits, {.key = "logits", .help = "Logits of a text."});
    v(ask, {.key = "ask", .help = "Answers."});
    v(export_model, {.key = "export_model", .help = "A copy for other programs."});
  }
};

}  // namespace saucier::options
