// train: alignment, instruction tuning, and the pretraining of small parts from nothing.
//
// Leaves in out/model/ all that this stage or those before it trained: projector.safetensors, adapter/ and tower_adapter/
// (LoRA), language/ and tower/ (the parts themselves), as Hugging Face folders. So a stage that goes on from it needs no
// earlier one.

#include <ATen/ATen.h>

#include <algorithm>

#include "modules/base/paths.h"
#include "modules/base/rng.h"
#include "modules/base/stop.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/model/initialization.h"
#include "modules/sources/sources.h"
#include "modules/stages/common.h"
#include "modules/stages/other_ranks.h"
#include "modules/stages/stage.h"
#include "modules/train/contrastive.h"
#include "modules/train/conversations.h"
#include "modules/train/trained.h"
#include "modules/train/trainer.h"

namespace saucier::stages {
namespace {

namespace fs = std::filesystem;
using Of = options::TrainedPart::Of;

std::uint64_t seed_of(const options::Job& job, const std::string& purpose) {
  return Rng(static_cast<std::uint64_t>(job.seed), purpose).next64();
}

train::Optimizer make_optimizer(const options::TrainOptions& train, std::vector<train::ParameterGroup> groups, const train::Ranks& ranks) {
  train::OptimizerOptions options{.kind = train.optimizer, .beta1 = train.beta1, .beta2 = train.beta2, .epsilon = train.epsilon, .clip_norm = train.clip_norm};
  if (train.shard_optimizer) {
    options.shard = ranks.rank();
    options.shards = ranks.count();
  }
  return train::Optimizer(std::move(groups), options);
}

at::ScalarType dtype_of(const options::Job& job) { return job.train->dtype == "bfloat16" ? at::kBFloat16 : at::kFloat; }

model::LanguageModel random_language(const options::Job& job, const text::Tokenizer& tokenizer) {
  const options::LanguageModelOptions& options = job.model.language_model;
  model::LanguageConfig config;
  config.vocab_size = tokenizer.vocab_size();
  config.hidden_size = options.hidden_size;
  config.intermediate_size = options.intermediate_size;
  config.layers = options.layers;
  config.heads = options.heads;
  config.kv_heads = options.kv_heads;
  config.head_dim = options.hidden_size / options.heads;
  config.max_positions = options.max_positions;
  config.rope.theta = options.rope_theta;
  config.tied_embeddings = true;
  config.bos = tokenizer.bos();
  config.eos = tokenizer.eos();
  config.pad = tokenizer.pad();
  const std::uint64_t seed = seed_of(job, "language_model");
  return options.initialization == "matching" ? model::matching_language_model(config, seed)
                                              : model::LanguageModel::random(config, seed);
}

model::VisionTower random_tower(const options::Job& job) {
  const options::VisionTowerOptions& options = job.model.vision_tower;
  model::VisionConfig config;
  config.image_size = options.image_size;
  config.patch_size = options.patch_size;
  config.hidden_size = options.hidden_size;
  config.intermediate_size = options.intermediate_size;
  config.layers = options.layers;
  config.heads = options.heads;
  return model::VisionTower::random(config, seed_of(job, "vision_tower"));
}

// What an earlier stage trained and this one left as it is.
void carry_forward(const options::Job& job) {
  if (job.from.empty()) return;
  const fs::path from = fs::path(job.from) / paths::kModelFolder, out = output_folder(job) / paths::kModelFolder;
  for (const std::string_view part : {paths::kProjectorFile, paths::kAdapterFolder, paths::kTowerAdapterFolder, paths::kLanguageFolder, paths::kTowerFolder})
    if (fs::exists(from / part) && !fs::exists(out / part)) fs::copy(from / part, out / part, fs::copy_options::recursive);
}

void train_tower(const options::Job& job, EventWriter& events) {
  const auto mixture = sources::make_mixture(job, job.train->data, &events);
  sources::tell_reports(*mixture, events);
  const auto tokenizer = sources::learn_tokenizer(job, *mixture, job.model.language_model.tokenizer);
  model::VisionTower tower = job.model.vision_tower.init == "random" && job.from.empty()
                                 ? random_tower(job)
                                 : checkpoint::load_tower(job.from.empty() ? fs::path(job.model.vision_tower.path)
                                                                           : fs::path(job.from) / paths::kModelFolder / paths::kTowerFolder);
  tower.move_to(device_of(job));
  train::Contrastive objective(
      job, tower, *tokenizer, [&](std::int64_t i) { return mixture->sample(mixture->draw(i)); }, mixture->size());
  train::Ranks alone;  // every caption of a batch meets every picture of it
  train::Optimizer optimizer = make_optimizer(*job.train, objective.groups(), alone);
  tower.compute_in(dtype_of(job));
  if (job.ranks.count > 1) events.log("warning", "a contrastive stage runs on one device; the others of its slot are idle");
  train::run(job, objective, optimizer, alone, events);
  checkpoint::save_tower(output_folder(job) / paths::kModelFolder / paths::kTowerFolder, tower, job.train->save_dtype == "bfloat16");
}

model::JoinedModel starting_model(const options::Job& job, const data::Mixture& mixture) {
  if (job.train->objective == "text") {
    if (job.model.language_model.init == "random" && job.from.empty()) {
      auto tokenizer = sources::learn_tokenizer(job, mixture, job.model.language_model.tokenizer);
      return {.tower = {}, .projector = {}, .language = random_language(job, *tokenizer), .tokenizer = tokenizer};
    }
    const fs::path folder = job.from.empty() ? fs::path(job.model.language_model.path)
                                             : fs::path(job.from) / paths::kModelFolder / paths::kLanguageFolder;
    return {.tower = {}, .projector = {}, .language = checkpoint::load_language(folder),
            .tokenizer = checkpoint::load_tokenizer(folder)};
  }
  return checkpoint::load_model(job.model, job.from, static_cast<std::uint64_t>(job.seed), job.conversation.image_aspect);
}

// False in a rank that leaves nothing.
bool train_conversations(const options::Job& job, EventWriter& events) {
  train::Ranks ranks(job.ranks, device_of(job));
  std::optional<OtherRanks> others;
  if (ranks.first()) others.emplace(job, ranks.address(), events);
  const auto mixture = sources::make_mixture(job, job.train->data, &events);
  sources::tell_reports(*mixture, events);
  model::JoinedModel model = with_context("while loading the model to train", [&] { return starting_model(job, *mixture); });
  model.move_to(device_of(job));
  const auto batches = [&](std::shared_ptr<const data::Mixture> samples, std::int64_t size, const std::string& purpose) {
    return std::make_unique<data::Loader>(
        std::move(samples), *model.tokenizer, job.conversation,
        data::LoaderOptions{.global_batch = size, .picture_tokens = model.picture_tokens(job.conversation.image_aspect), .seed = seed_of(job, purpose),
                            .sources = job.data, .rank = ranks.rank(), .ranks = ranks.count(), .cache = job.cache, .contents = job.contents});
  };
  const auto loader = batches(mixture, job.train->global_batch, "loader." + job.stage);
  std::unique_ptr<data::Loader> held_out;
  if (!job.train->validation.empty()) {
    const auto samples = with_context("while reading the samples of the validation", [&] { return sources::make_mixture(job, job.train->validation, &events); });
    held_out = batches(samples, std::min({job.train->global_batch, job.train->validation_samples, samples->size()}), "validation." + job.stage);
  }
  train::Conversations objective(job, model, *loader, held_out.get(), events);
  train::Optimizer optimizer = make_optimizer(*job.train, objective.groups(), ranks);
  model.compute_in(dtype_of(job));  // behind the optimizer, which marks what is trained
  ranks.connect();
  try {
    train::run(job, objective, optimizer, ranks, events);
  } catch (const Interrupted&) {  // all of them were
    if (others) others->wait();
    throw;
  }
  if (!ranks.first()) return false;
  others->wait();

  const fs::path out = output_folder(job) / paths::kModelFolder;
  make_folders(out);
  const bool bfloat16 = job.train->save_dtype == "bfloat16";
  if (model.projector) checkpoint::save_projector(out / paths::kProjectorFile, *model.projector);
  if (model.language.lora_config())
    checkpoint::save_adapter(out / paths::kAdapterFolder, model.language, job.model.language_model.path);
  if (model.tower && model.tower->lora_config())
    checkpoint::save_tower_adapter(out / paths::kTowerAdapterFolder, *model.tower, job.model.vision_tower.path);
  if (train::changes_weights(*job.train, Of::language_model))
    checkpoint::save_language(out / paths::kLanguageFolder, model.language, *model.tokenizer, bfloat16);
  if (train::changes_weights(*job.train, Of::vision_tower)) checkpoint::save_tower(out / paths::kTowerFolder, *model.tower, bfloat16);
  return true;
}

}  // namespace

void train(const options::Job& job, EventWriter& events) {
  prepare(job, events);
  if (job.train->objective == "contrastive") {
    train_tower(job, events);
  } else if (!train_conversations(job, events)) {
    return;
  }
  carry_forward(job);
  events.done({{"objective", job.train->objective}});
}

}  // namespace saucier::stages
