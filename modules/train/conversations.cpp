#include "modules/train/conversations.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "modules/base/rng.h"

namespace saucier::train {

Conversations::Conversations(const options::Job& job, model::JoinedModel& model, data::Loader& loader,
                             EventWriter& events)
    : options_(*job.train), model_(model), loader_(loader), events_(events) {
  if (trains("language_model.lora")) {
    const options::LoraOptions& lora = options_.lora;
    if (!model_.language.lora_config()) {
      model_.language.add_lora({.rank = lora.rank, .alpha = lora.alpha, .dropout = lora.dropout, .modules = lora.modules},
                               Rng(static_cast<std::uint64_t>(job.seed), "lora." + job.stage).next64());
    }
  }
  model_.language.set_training(true);
}

bool Conversations::trains(const std::string& part) const {
  return std::find(options_.trains.begin(), options_.trains.end(), part) != options_.trains.end();
}

std::vector<ParameterGroup> Conversations::groups() {
  std::vector<ParameterGroup> groups;
  const auto add = [&](const std::string& part, model::Parameters& parameters, double learning_rate) {
    if (!trains(part)) return;
    ParameterGroup group{part, {}, learning_rate, options_.weight_decay};
    for (auto& [name, tensor] : parameters) group.tensors.push_back(&tensor);
    groups.push_back(std::move(group));
  };
  if (model_.tower) add("vision_tower", model_.tower->parameters(), options_.learning_rate);
  if (model_.projector)
    add("projector", model_.projector->parameters(), options_.projector_learning_rate.value_or(options_.learning_rate));
  add("language_model", model_.language.parameters(), options_.learning_rate);
  add("language_model.lora", model_.language.lora(), options_.learning_rate);
  return groups;
}

std::int64_t Conversations::steps() const { return loader_.batches(); }

// NEFTune (Jain et al., "NEFTune: Noisy Embeddings Improve Instruction Finetuning", ICLR 2024): uniform noise of
// magnitude alpha / sqrt(T D), T being the row's own length.
at::Tensor Conversations::with_noise(const model::JoinedModel::Batch& batch) const {
  if (options_.embedding_noise <= 0) return batch.embeds;
  std::vector<float> scale;
  for (std::int64_t length : batch.lengths)
    scale.push_back(static_cast<float>(options_.embedding_noise /
                                       std::sqrt(static_cast<double>(length * batch.embeds.size(2)))));
  const at::Tensor size = at::tensor(scale).view({-1, 1, 1});
  return batch.embeds + (at::rand(batch.embeds.sizes()) * 2 - 1) * size;
}

StepResult Conversations::step(std::int64_t step) {
  const data::Batch rows = loader_.get(step);
  for (const data::Drop& drop : rows.dropped)
    events_.log("warning", fmt::format("sample '{}' of '{}' is left out: {}", drop.id, drop.source, drop.reason));
  StepResult result;
  result.samples = static_cast<std::int64_t>(rows.ids.size());

  at::Tensor features;  // [rows with a picture, P, C]
  if (!rows.pictures.empty()) {
    std::vector<std::int64_t> which;
    for (std::int32_t picture : rows.picture_of)
      if (picture >= 0) which.push_back(picture);
    features = model_.picture_features(model::pixel_values(rows.pictures, model_.tower->config()));
    if (which.size() != rows.pictures.size()) features = features.index_select(0, at::tensor(which, at::kLong));
  }
  const model::JoinedModel::Batch batch = model_.splice(rows.ids, rows.labels, features);
  for (std::int64_t length : batch.lengths) result.tokens += length;
  result.learned = batch.targets.size(0);
  if (result.learned == 0) throw Error(fmt::format("batch {} has no learned token", step), "see the template and max_length");

  const at::Tensor hidden = model_.language.forward(with_noise(batch));
  const at::Tensor learned = hidden.reshape({-1, hidden.size(2)}).index_select(0, batch.predict_at);  // [S, D]
  const at::Tensor loss = at::cross_entropy_loss(model_.language.logits(learned), batch.targets);
  loss.backward();
  result.loss = loss.item<double>();
  result.extra["padded_tokens"] = static_cast<double>(batch.embeds.size(0) * batch.embeds.size(1) - result.tokens);
  return result;
}

}  // namespace saucier::train
