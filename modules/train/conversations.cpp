#include "modules/train/conversations.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "modules/base/rng.h"
#include "modules/model/head.h"
#include "modules/text/conversation.h"

namespace saucier::train {

Conversations::Conversations(const options::Job& job, model::JoinedModel& model, data::Loader& loader,
                             EventWriter& events)
    : options_(*job.train), aspect_(job.conversation.image_aspect), model_(model), loader_(loader), events_(events) {
  if (trains("language_model.lora")) {
    const options::LoraOptions& lora = options_.lora;
    if (!model_.language.lora_config()) {
      model_.language.add_lora({.rank = lora.rank, .alpha = lora.alpha, .dropout = lora.dropout, .rank_stabilised = lora.rank_stabilised, .modules = lora.modules},
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
  std::vector<float> scale;  // [N]
  for (const std::int64_t length : batch.rows.lengths)
    scale.insert(scale.end(), static_cast<size_t>(length), static_cast<float>(options_.embedding_noise / std::sqrt(static_cast<double>(length * batch.embeds.size(1)))));
  const at::Tensor size = at::tensor(scale).to(batch.embeds.device()).unsqueeze(1);
  const at::Tensor noise = at::rand(batch.embeds.sizes(), size.options());
  return (batch.embeds + (noise * 2 - 1) * size).to(batch.embeds.scalar_type());
}

// Its keys and values, where the language model stays as it is: computed when it first occurs.
std::span<const model::KeptPrefix> Conversations::kept_prefix(model::JoinedModel::Batch& batch) {
  const std::int64_t tokens = batch.rows.prefix;
  if (tokens == 0 || model_.language.trains()) return {};
  if (batch.prefix_ids != prefix_ids_) {
    prefix_ = model_.language.keep_prefix(batch.embeds.detach().narrow(0, 0, tokens));
    prefix_ids_ = batch.prefix_ids;
  }
  batch.rows.prefix_kept = true;
  batch.embeds = batch.embeds.narrow(0, tokens, batch.embeds.size(0) - tokens);
  batch.predict_at = batch.predict_at.sub(tokens);
  return prefix_;
}

StepResult Conversations::step(std::int64_t step) {
  if (!reported_) reported_ = step;
  const data::Batch rows = loader_.get(step);
  for (const std::string& warning : loader_.take_warnings()) events_.log("warning", warning);
  for (const data::Drop& drop : rows.dropped)
    events_.log("warning", fmt::format("sample '{}' of '{}' is left out: {}", drop.id, drop.source, data::explain(drop.reason)));
  std::int64_t learned = 0;  // of the whole step; nothing stands before a row's first token, so it is not predicted
  for (const std::vector<std::int32_t>& labels : rows.labels)
    learned += std::count_if(labels.begin() + 1, labels.end(), [](std::int32_t label) { return label != text::kIgnore; });
  if (learned == 0) throw Error(fmt::format("batch {} has no learned token", step), "see the template and max_length");
  StepResult result;
  const size_t size = rows.ids.size();
  const size_t each = options_.micro_batch ? static_cast<size_t>(*options_.micro_batch) : size;
  for (size_t begin = 0; begin < size; begin += each) add_rows(rows, begin, std::min(begin + each, size), learned, result);
  SAUCIER_CHECK(result.learned == learned, "{} learned tokens of {}", result.learned, learned);
  return result;
}

void Conversations::report(std::int64_t step) {
  if (!reported_ || *reported_ >= step) return;
  events_.drawn(*reported_, step, data::to_json(loader_.drawn(*reported_, step), loader_.mixture()));
  reported_ = step;
}

void Conversations::add_rows(const data::Batch& rows, size_t begin, size_t end, std::int64_t learned, StepResult& result) {
  std::vector<data::Picture> pictures;  // of these rows, each once
  std::vector<std::int64_t> which;
  std::map<std::int32_t, std::int64_t> place;
  for (size_t row = begin; row < end; ++row) {
    for (const std::int32_t picture : rows.shown[row]) {
      const auto [at, fresh] = place.try_emplace(picture, static_cast<std::int64_t>(pictures.size()));
      if (fresh) pictures.push_back(rows.pictures[static_cast<size_t>(picture)]);
      which.push_back(at->second);
    }
  }
  const auto part = [&](const auto& all) { return std::span(all).subspan(begin, end - begin); };
  // Noise is a row's own, so that rows with noise share nothing.
  model::JoinedModel::Batch batch = model_.splice(part(rows.ids), part(rows.labels), model_.show(pictures, aspect_), which, /*share=*/options_.embedding_noise <= 0);
  result.samples += static_cast<std::int64_t>(end - begin);
  for (const std::int64_t length : batch.lengths()) result.tokens += length;
  const std::int64_t here = batch.targets.size(0);
  result.learned += here;
  if (here == 0) return;

  const std::span<const model::KeptPrefix> prefix = kept_prefix(batch);
  const at::Tensor answers = model_.language.forward(with_noise(batch), batch.rows, batch.predict_at, prefix);  // [S, D]
  const model::Loss loss = model_.language.loss(answers, batch.targets, 1 / static_cast<double>(learned));
  loss.sum.backward();
  result.loss += loss.sum.item<double>();
}

}  // namespace saucier::train
