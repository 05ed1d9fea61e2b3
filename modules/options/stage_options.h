// [[stage]] by kind. The stage's name, kind and `from` are the runner's; the rest is what the worker's stage needs.
#pragma once

#include "modules/options/data_options.h"
#include "modules/options/model_options.h"

namespace saucier::options {

struct LoraOptions {
  std::int64_t rank = 64;
  double alpha = 16;
  double dropout = 0;
  bool rank_stabilised = false;
  std::vector<std::string> modules = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

  template <class Visitor>
  void declare(Visitor& v) {
    v(rank, {.key = "rank", .help = "Rank of the update matrices.", .min = 1});
    v(alpha, {.key = "alpha", .help = "Scale: the update is alpha / rank times B A.", .positive = true});
    v(rank_stabilised, {.key = "rank_stabilised", .help = "Scales the update by alpha / √rank instead, so that high ranks learn as fast as low ones (rsLoRA)."});
    v(dropout, {.key = "dropout", .help = "Dropout on the input of the update.", .min = 0, .max = 0.9});
    v(modules, {.key = "modules", .help = "Linear layers of the language model that get an update: a layer's path or the end of it, with * for any text ('q_proj', 'layers.1*.mlp.*'), or 'all-linear'."});
  }
};

struct TrainOptions {
  std::string objective = "conversation";
  std::vector<std::string> trains;
  std::string data;
  LoraOptions lora;
  double learning_rate = 1e-3;
  std::optional<double> projector_learning_rate;
  std::int64_t global_batch = 32;
  std::optional<std::int64_t> micro_batch;
  std::string schedule = "cosine";
  double warmup_ratio = 0.03;
  double min_learning_rate_ratio = 0;
  double weight_decay = 0;
  double beta2 = 0.999;
  double clip_norm = 1;
  double embedding_noise = 0;
  std::string dtype = "float32";
  std::string save_dtype = "float32";
  std::int64_t log_every = 20;
  std::int64_t checkpoint_every = 200;

  template <class Visitor>
  void declare(Visitor& v) {
    v(objective, {.key = "objective", .help = "'conversation' learns the assistant's turns; 'text' the same from text alone, for a language model made from nothing; 'contrastive' matches pictures with captions, for a vision tower.", .choices = {"conversation", "text", "contrastive"}});
    v(trains, {.key = "trains", .help = "What learns: 'projector', 'language_model', 'language_model.lora', 'vision_tower'.", .choices = {"projector", "language_model", "language_model.lora", "vision_tower"}, .required = true});
    v(data, {.key = "data", .help = "'mixture.NAME' or 'data.NAME'.", .required = true});
    v(lora, {.key = "lora", .help = "Low-rank adaptation, used when `trains` names language_model.lora."});
    v(learning_rate, {.key = "learning_rate", .help = "Highest learning rate.", .max = 10, .positive = true});
    v(projector_learning_rate, {.key = "projector_learning_rate", .help = "Learning rate of the projector where it differs.", .max = 10, .positive = true});
    v(global_batch, {.key = "global_batch", .help = "Samples a step.", .unit = "samples", .min = 1});
    // Operational, as the device is: it changes the order of sums, and which random numbers dropout and embedding noise
    // draw, not what they are drawn from.
    v(micro_batch, {.key = "micro_batch", .help = "Samples computed at once, for less memory; gradients are summed up to global_batch, every learned token of which weighs the same. Unset: all.", .unit = "samples", .min = 1, .operational = true});
    v(schedule, {.key = "schedule", .help = "How the learning rate falls after warm-up.", .choices = {"cosine", "linear", "constant"}});
    v(warmup_ratio, {.key = "warmup_ratio", .help = "Share of the steps in which the learning rate rises from 0.", .min = 0, .max = 1});
    v(min_learning_rate_ratio, {.key = "min_learning_rate_ratio", .help = "Where the schedule ends, as a share of learning_rate.", .min = 0, .max = 1});
    v(weight_decay, {.key = "weight_decay", .help = "Decoupled weight decay (AdamW), on matrices only.", .min = 0});
    v(beta2, {.key = "beta2", .help = "Decay of AdamW's second moment.", .min = 0, .max = 1});
    v(clip_norm, {.key = "clip_norm", .help = "Largest gradient norm; 0 does not clip.", .min = 0});
    v(embedding_noise, {.key = "embedding_noise", .help = "Uniform noise on the input embeddings, scaled by this over the root of tokens times width (NEFTune); 0: none.", .min = 0});
    v(dtype, {.key = "dtype", .help = "Number format of the forward and backward pass and of the weights that are not trained; what is trained stays in float32, and so does the optimizer.", .choices = {"float32", "bfloat16"}});
    v(save_dtype, {.key = "save_dtype", .help = "Number format of the weights that the stage leaves.", .choices = {"float32", "bfloat16"}});
    v(log_every, {.key = "log_every", .help = "Steps between metric rows.", .unit = "steps", .min = 1, .operational = true});
    v(checkpoint_every, {.key = "checkpoint_every", .help = "Steps between training states that a killed stage goes on from.", .unit = "steps", .min = 1, .operational = true});
  }
};

struct SynthesizeOptions {
  std::string source;
  std::string teacher = "template";
  std::map<std::string, double> kinds = {{"conversation", 0.4}, {"detail", 0.2}, {"reasoning", 0.4}};
  std::int64_t samples_per_picture = 1;
  std::int64_t max_turns = 3;

  template <class Visitor>
  void declare(Visitor& v) {
    v(source, {.key = "source", .help = "Data source whose captions and boxes the teacher reads.", .required = true});
    v(teacher, {.key = "teacher", .help = "Who writes: 'template' is deterministic and needs no model.", .choices = {"template"}});
    v(kinds, {.key = "kinds", .help = "Proportions of conversation, detail, reasoning and checklist.", .min = 0, .choices = {"conversation", "detail", "reasoning", "checklist"}});
    v(samples_per_picture, {.key = "samples_per_picture", .help = "Samples written for each picture.", .unit = "samples", .min = 1});
    v(max_turns, {.key = "max_turns", .help = "Most question-answer pairs of a conversation.", .unit = "turns", .min = 1});
  }
};

inline SceneOptions test_scenes() {
  SceneOptions scenes;
  scenes.split = "test";
  return scenes;
}

struct EvaluateOptions {
  std::vector<std::string> benchmarks;
  std::int64_t pictures = 200;
  std::int64_t first = 0;
  bool blind = true;
  std::int64_t max_new_tokens = 24;
  std::int64_t batch = 64;
  SceneOptions scenes = test_scenes();

  template <class Visitor>
  void declare(Visitor& v) {
    v(benchmarks, {.key = "benchmarks", .help = "Benchmarks to score: scenes-pope, scenes-count, scenes-position, scenes-choice.", .choices = {"scenes-pope", "scenes-count", "scenes-position", "scenes-choice"}, .required = true});
    v(pictures, {.key = "pictures", .help = "Pictures each benchmark asks about.", .unit = "pictures", .min = 1});
    v(first, {.key = "first", .help = "Index of the first test scene.", .unit = "scenes", .min = 0});
    v(blind, {.key = "blind", .help = "Score also with every picture replaced by plain grey."});
    v(max_new_tokens, {.key = "max_new_tokens", .help = "Longest answer.", .unit = "tokens", .min = 1});
    v(batch, {.key = "batch", .help = "Questions answered at once; results do not depend on it.", .min = 1, .operational = true});
    v(scenes, {.key = "scenes", .help = "How the test scenes are made; count is set by `pictures`."});
  }
};

}  // namespace saucier::options
