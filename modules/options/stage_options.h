// [[stage]] by kind. The stage's name, kind and `from` are the runner's; the rest is what the worker's stage needs.
#pragma once

#include "modules/options/data_options.h"
#include "modules/options/filter_options.h"
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
    v(modules, {.key = "modules", .help = "Linear layers that get an update: a layer's path or the end of it, with * for any text ('q_proj', 'layers.1*.mlp.*'), or 'all-linear'."});
  }
};

inline LoraOptions vision_lora() {
  LoraOptions lora;
  lora.modules = {"all-linear"};
  return lora;
}

// What one entry of `trains` has otherwise than its stage.
struct PartOptions {
  std::optional<double> learning_rate;
  std::optional<double> weight_decay;
  std::optional<std::string> schedule;
  std::optional<double> warmup_ratio;
  std::optional<std::int64_t> warmup_steps;
  std::optional<double> min_learning_rate_ratio;
  std::optional<double> decay_ratio;
  std::optional<std::string> decay_shape;

  template <class Visitor>
  void declare(Visitor& v) {
    v(learning_rate, {.key = "learning_rate", .help = "Highest learning rate of this part.", .max = 10, .positive = true});
    v(weight_decay, {.key = "weight_decay", .help = "Weight decay of this part.", .min = 0});
    v(schedule, {.key = "schedule", .help = "Schedule of this part.", .choices = {"cosine", "linear", "constant", "wsd"}});
    v(warmup_ratio, {.key = "warmup_ratio", .help = "Warm-up of this part, as a share of the steps.", .min = 0, .max = 1});
    v(warmup_steps, {.key = "warmup_steps", .help = "Warm-up of this part in steps, in the place of warmup_ratio.", .unit = "steps", .min = 0});
    v(min_learning_rate_ratio, {.key = "min_learning_rate_ratio", .help = "Where the schedule of this part ends.", .min = 0, .max = 1});
    v(decay_ratio, {.key = "decay_ratio", .help = "Share of the steps in which a 'wsd' schedule of this part falls.", .max = 1, .positive = true});
    v(decay_shape, {.key = "decay_shape", .help = "How it falls there.", .choices = {"linear", "1-sqrt"}});
  }
};

struct EarlyStopOptions {
  std::optional<std::int64_t> patience;
  double min_delta = 0;

  template <class Visitor>
  void declare(Visitor& v) {
    v(patience, {.key = "patience", .help = "Validations in a row without a lower loss after which the stage ends. Unset: it never ends early.", .min = 1});
    v(min_delta, {.key = "min_delta", .help = "How much lower than the lowest so far a loss must be to count.", .min = 0});
  }
};

struct TrainOptions {
  std::string objective = "conversation";
  std::vector<std::string> trains;
  std::string data;
  LoraOptions lora;
  LoraOptions vision_lora = options::vision_lora();
  std::map<std::string, PartOptions> parts;
  std::string optimizer = "adamw";
  double learning_rate = 1e-3;
  std::int64_t global_batch = 32;
  std::optional<std::int64_t> micro_batch;
  std::string schedule = "cosine";
  double warmup_ratio = 0.03;
  std::optional<std::int64_t> warmup_steps;
  double min_learning_rate_ratio = 0;
  double decay_ratio = 0.2;
  std::string decay_shape = "linear";
  double weight_decay = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double clip_norm = 1;
  double embedding_noise = 0;
  std::string on_bad_step = "skip";
  std::optional<double> spike_factor;
  std::int64_t spike_window = 50;
  std::int64_t max_bad_steps = 20;
  std::int64_t roll_back_every = 100;
  std::string validation;
  std::int64_t validate_every = 200;
  std::int64_t validation_samples = 256;
  EarlyStopOptions early_stop;
  std::string use = "last";
  std::string dtype = "float32";
  std::string save_dtype = "float32";
  std::int64_t log_every = 20;
  std::int64_t checkpoint_every = 200;
  std::int64_t keep_states = 1;
  bool shard_optimizer = false;
  bool deterministic = false;

  template <class Visitor>
  void declare(Visitor& v) {
    v(objective, {.key = "objective", .help = "'conversation' learns the assistant's turns; 'text' the same from text alone, for a language model made from nothing; 'contrastive' matches pictures with captions, for a vision tower.", .choices = {"conversation", "text", "contrastive"}});
    v(trains, {.key = "trains", .help = "What learns: 'projector', 'language_model', 'language_model.lora', 'vision_tower' and further parts of these, by name or by layers (docs/training.md).", .choices = {"projector", "language_model", "language_model.lora", "language_model.norms", "language_model.embeddings", "language_model.layers.A-B", "language_model.last.N", "vision_tower", "vision_tower.last.N", "vision_tower.lora"}, .open = true, .required = true});
    v(data, {.key = "data", .help = "'mixture.NAME' or 'data.NAME'.", .required = true});
    v(lora, {.key = "lora", .help = "Low-rank adaptation of the language model, used when `trains` names language_model.lora."});
    v(vision_lora, {.key = "vision_lora", .help = "Low-rank adaptation of the vision tower, used when `trains` names vision_tower.lora."});
    v(parts, {.key = "parts", .help = "What an entry of `trains` has otherwise than the stage."});
    v(optimizer, {.key = "optimizer", .help = "'adamw'; 'adamw_8bit' keeps both moments in a byte each; 'sgd' has neither.", .choices = {"adamw", "adamw_8bit", "sgd"}});
    v(learning_rate, {.key = "learning_rate", .help = "Highest learning rate.", .max = 10, .positive = true});
    v(global_batch, {.key = "global_batch", .help = "Samples a step.", .unit = "samples", .min = 1});
    // Operational, as the device is: it changes the order of sums, and which random numbers dropout and embedding noise
    // draw, not what they are drawn from.
    v(micro_batch, {.key = "micro_batch", .help = "Samples computed at once, for less memory; gradients are summed up to global_batch, every learned token of which weighs the same. Unset: all.", .unit = "samples", .min = 1, .operational = true});
    v(schedule, {.key = "schedule", .help = "How the learning rate falls after warm-up; 'wsd' stays at its highest and falls at the end.", .choices = {"cosine", "linear", "constant", "wsd"}});
    v(warmup_ratio, {.key = "warmup_ratio", .help = "Share of the steps in which the learning rate rises from 0.", .min = 0, .max = 1});
    v(warmup_steps, {.key = "warmup_steps", .help = "The same in steps, in the place of warmup_ratio.", .unit = "steps", .min = 0});
    v(min_learning_rate_ratio, {.key = "min_learning_rate_ratio", .help = "Where the schedule ends, as a share of learning_rate.", .min = 0, .max = 1});
    v(decay_ratio, {.key = "decay_ratio", .help = "Share of the steps in which a 'wsd' schedule falls.", .max = 1, .positive = true});
    v(decay_shape, {.key = "decay_shape", .help = "How a 'wsd' schedule falls: in a line, or as 1 - √ of the way.", .choices = {"linear", "1-sqrt"}});
    v(weight_decay, {.key = "weight_decay", .help = "Decoupled weight decay, on matrices only.", .min = 0});
    v(beta1, {.key = "beta1", .help = "Decay of AdamW's first moment.", .min = 0, .max = 0.9999});
    v(beta2, {.key = "beta2", .help = "Decay of AdamW's second moment.", .min = 0, .max = 1});
    v(epsilon, {.key = "epsilon", .help = "What AdamW adds to the root of the second moment.", .positive = true});
    v(clip_norm, {.key = "clip_norm", .help = "Largest gradient norm; 0 does not clip.", .min = 0});
    v(embedding_noise, {.key = "embedding_noise", .help = "Uniform noise on the input embeddings, scaled by this over the root of tokens times width (NEFTune); 0: none.", .min = 0});
    v(on_bad_step, {.key = "on_bad_step", .help = "What becomes of a step whose loss or gradient is no number, or a spike: 'skip' leaves it out, 'roll_back' takes back the steps since the last multiple of roll_back_every too and goes on behind it, 'stop' ends the stage.", .choices = {"skip", "stop", "roll_back"}});
    v(spike_factor, {.key = "spike_factor", .help = "A loss or gradient norm of so many times its running median is a spike. Unset: none is.", .min = 1});
    v(spike_window, {.key = "spike_window", .help = "Steps that the median is of; before there are so many nothing is a spike.", .unit = "steps", .min = 1});
    v(max_bad_steps, {.key = "max_bad_steps", .help = "Bad steps in a row that end the stage.", .unit = "steps", .min = 1, .operational = true});
    v(roll_back_every, {.key = "roll_back_every", .help = "Steps between the states that 'roll_back' goes back to.", .unit = "steps", .min = 1});
    v(validation, {.key = "validation", .help = "Samples held out, on which the loss is measured: 'mixture.NAME' or 'data.NAME'. It changes the result with early_stop or use = 'best' only."});
    v(validate_every, {.key = "validate_every", .help = "Steps between validations; there is also one at the end.", .unit = "steps", .min = 1});
    v(validation_samples, {.key = "validation_samples", .help = "Most samples of a validation, always the same.", .unit = "samples", .min = 1});
    v(early_stop, {.key = "early_stop", .help = "When a stage ends before its last step."});
    v(use, {.key = "use", .help = "The weights that the stage leaves: those of its 'last' step, or the 'best' by validation loss.", .choices = {"last", "best"}});
    v(dtype, {.key = "dtype", .help = "Number format of the forward and backward pass and of the weights that are not trained; what is trained stays in float32, and so does the optimizer.", .choices = {"float32", "bfloat16"}});
    v(save_dtype, {.key = "save_dtype", .help = "Number format of the weights that the stage leaves.", .choices = {"float32", "bfloat16"}});
    v(log_every, {.key = "log_every", .help = "Steps between metric rows.", .unit = "steps", .min = 1, .operational = true});
    v(checkpoint_every, {.key = "checkpoint_every", .help = "Steps between training states that a killed stage goes on from.", .unit = "steps", .min = 1, .operational = true});
    v(keep_states, {.key = "keep_states", .help = "Newest training states that are kept.", .unit = "states", .min = 1, .operational = true});
    v(shard_optimizer, {.key = "shard_optimizer", .help = "Whether each of several devices keeps the optimizer's moments of its part of the parameters only: less memory, and a second exchange a step.", .operational = true});
    v(deterministic, {.key = "deterministic", .help = "Whether a rerun on CUDA devices ends in the same bits, as one on the CPU does anyway; slower.", .operational = true});
  }
};

struct SynthesizeOptions {
  std::string source;
  std::string teacher = "template";
  std::map<std::string, double> kinds = {{"conversation", 0.4}, {"detail", 0.2}, {"reasoning", 0.4}};
  std::int64_t samples_per_picture = 1;
  std::int64_t max_turns = 3;
  FilterOptions filters;
  double tolerate = 0.05;

  template <class Visitor>
  void declare(Visitor& v) {
    v(source, {.key = "source", .help = "Data source whose captions and boxes the teacher reads.", .required = true});
    v(teacher, {.key = "teacher", .help = "Who writes: 'template' is deterministic and needs no model, any other is a [teacher.NAME].", .choices = {"template"}, .open = true});
    v(kinds, {.key = "kinds", .help = "Proportions of conversation, detail, reasoning and the recipe's own [kind.NAME]; of the template teacher also checklist.", .min = 0, .choices = {"conversation", "detail", "reasoning", "checklist"}, .open = true});
    v(samples_per_picture, {.key = "samples_per_picture", .help = "Samples written for each picture.", .unit = "samples", .min = 1});
    v(max_turns, {.key = "max_turns", .help = "Most question-answer pairs of a conversation; a teacher in words is asked for so many.", .unit = "turns", .min = 1});
    v(filters, {.key = "filters", .help = "What is kept of what a [teacher.NAME] wrote."});
    // Operational: more failures stop the stage, and what it would have made is the same.
    v(tolerate, {.key = "tolerate", .help = "Share of the samples for which a [teacher.NAME] may fail to reply before the stage stops.", .min = 0, .max = 1, .operational = true});
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
    v(benchmarks, {.key = "benchmarks", .help = "Benchmarks to score: those over scenes (scenes-pope, scenes-count, scenes-position, scenes-choice), and any [benchmark.NAME].", .choices = {"scenes-pope", "scenes-count", "scenes-position", "scenes-choice"}, .open = true, .required = true});
    v(pictures, {.key = "pictures", .help = "Pictures that each benchmark over scenes asks about.", .unit = "pictures", .min = 1});
    v(first, {.key = "first", .help = "Index of the first test scene.", .unit = "scenes", .min = 0});
    v(blind, {.key = "blind", .help = "Score also with every picture replaced by plain grey."});
    v(max_new_tokens, {.key = "max_new_tokens", .help = "Longest answer to a question about scenes.", .unit = "tokens", .min = 1});
    v(batch, {.key = "batch", .help = "Questions answered at once; results do not depend on it.", .min = 1, .operational = true});
    v(scenes, {.key = "scenes", .help = "How the test scenes are made; count is set by `pictures`."});
  }
};

}  // namespace saucier::options
