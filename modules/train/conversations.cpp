#include "modules/train/conversations.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "modules/image/anyres.h"
#include "modules/model/head.h"
#include "modules/text/conversation.h"

namespace saucier::train {

Conversations::Conversations(const options::Job& job, model::JoinedModel& model, data::Loader& loader, data::Loader* held_out,
                             EventWriter& events)
    : options_(*job.train), aspect_(job.conversation.image_aspect), model_(model), loader_(loader), held_out_(held_out), events_(events),
      micro_batch_(options_.micro_batch) {
  add_updates(job, model_);
  set_training(true);
}

void Conversations::set_training(bool training) {
  model_.language.set_training(training);
  if (model_.tower) model_.tower->set_training(training);
}

std::int64_t Conversations::steps() const { return loader_.batches(); }

std::vector<std::string> Conversations::names_of(const data::Loader& loader) {
  std::vector<std::string> names;
  for (const data::MixtureSource& source : loader.mixture().sources()) names.push_back(source.name);
  return names;
}

// NEFTune (Jain et al., "NEFTune: Noisy Embeddings Improve Instruction Finetuning", ICLR 2024): uniform noise of
// magnitude alpha / sqrt(T D), T being the row's own length.
at::Tensor Conversations::with_noise(const model::JoinedModel::Batch& batch) const {
  if (options_.embedding_noise <= 0 || !at::GradMode::is_enabled()) return batch.embeds;
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

namespace {

// Nothing stands before a row's first token, so it is not predicted.
std::int64_t count_learned(const data::Batch& rows) {
  std::int64_t learned = 0;
  for (const std::vector<std::int32_t>& labels : rows.labels)
    learned += std::count_if(labels.begin() + 1, labels.end(), [](std::int32_t label) { return label != text::kIgnore; });
  return learned;
}

}  // namespace

StepResult Conversations::step(std::int64_t step, const std::function<bool()>& last) {
  if (!reported_) reported_ = step;
  double waiting = 0;
  const data::Batch rows = [&] {
    const Stopwatch watch(waiting);
    return loader_.get(step);
  }();
  for (const std::string& warning : loader_.take_warnings()) events_.log("warning", warning);
  for (const data::Drop& drop : rows.dropped)
    events_.log("warning", fmt::format("sample '{}' of '{}' is left out: {}", drop.id, drop.source, data::explain(drop.reason)));
  if (rows.global_learned == 0) throw Error(fmt::format("batch {} has no learned token", step), "see the template and max_length");
  const at::Tensor random = generator().get_state();
  bool tried = false;
  if (micro_batch_.fit(rows.lengths, bytes_per_token(model_.language), model_.language.device(), [&](MicroBatch::Piece piece) {
        tried = true;
        StepResult ignored;
        add_rows(loader_, rows, piece, rows.global_learned, ignored);
      }))
    events_.log("info", fmt::format("memory is short: at most {} tokens are computed at once", *micro_batch_.most_tokens()));
  if (tried) forget(random);
  StepResult result = compute(loader_, rows, rows.global_learned, last);
  result.spent.data = waiting;
  result.flops = work(rows);
  const std::int64_t learned = count_learned(rows);
  SAUCIER_CHECK(result.learned == learned, "{} learned tokens of {}", result.learned, learned);
  return result;
}

at::Generator Conversations::generator() const { return at::globalContext().defaultGenerator(model_.language.device()); }

void Conversations::forget(const at::Tensor& random) {
  generator().set_state(random);
  const at::NoGradGuard no_gradient;
  for (const ParameterGroup& group : groups())
    for (const at::Tensor* tensor : group.tensors)
      if (tensor->grad().defined()) tensor->mutable_grad().zero_();
}

StepResult Conversations::compute(const data::Loader& loader, const data::Batch& rows, std::int64_t learned, const std::function<bool()>& last) {
  const at::Tensor random = generator().get_state();
  for (;;) {
    StepResult result;
    bool shared = false;
    try {
      const auto pieces = micro_batch_.pieces(rows.lengths);
      for (const MicroBatch::Piece& piece : pieces) {
        const std::int64_t tokens = tokens_of(rows.lengths, piece);
        // What has never been computed may not fit, and what others have of it cannot be taken back.
        if (&piece == &pieces.back() && tokens <= proven_) shared = last();
        add_rows(loader, rows, piece, learned, result);
        proven_ = std::max(proven_, tokens);
      }
      return result;
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      if (shared || !micro_batch_.shrink(rows.lengths)) throw does_not_fit(rows.lengths);
    }
    forget(random);
    events_.log("warning", fmt::format("memory ran out; from here on at most {} tokens are computed at once", *micro_batch_.most_tokens()));
  }
}

std::map<std::string, SourceLoss> Conversations::validate() {
  SAUCIER_CHECK(held_out_ != nullptr, "a validation without samples");
  const at::NoGradGuard no_gradient;
  set_training(false);
  std::map<std::string, SourceLoss> losses;
  const std::int64_t batches = std::clamp<std::int64_t>(options_.validation_samples / held_out_->global_batch(), 1, held_out_->batches());
  for (std::int64_t number = 0; number < batches; ++number) {
    const data::Batch rows = held_out_->get(number);
    const std::int64_t learned = count_learned(rows);
    if (learned == 0) continue;
    for (const auto& [name, loss] : compute(*held_out_, rows, learned, [] { return false; }).by_source) {
      losses[name].sum += loss.sum;
      losses[name].tokens += loss.tokens;
    }
  }
  set_training(true);
  return losses;
}

double Conversations::work(const data::Batch& rows) {
  if (!flops_) flops_.emplace(model_);
  const image::PictureTokens tokens = model_.picture_tokens(aspect_);
  std::int64_t pictures = 0;
  for (const data::Picture& picture : rows.pictures)
    pictures += tokens.by_size() ? image::tile_count({picture.height, picture.width}, tokens.pinpoints, tokens.side) : 1;
  return flops_->of(rows.lengths, count_learned(rows), pictures);
}

void Conversations::report(std::int64_t step) {
  if (!reported_ || *reported_ >= step) return;
  events_.drawn(*reported_, step, data::to_json(loader_.drawn(*reported_, step), loader_.mixture()));
  reported_ = step;
}

void Conversations::add_rows(const data::Loader& loader, const data::Batch& rows, MicroBatch::Piece piece, std::int64_t learned, StepResult& result) {
  const auto [begin, end] = piece;
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
  model::JoinedModel::Shown shown;
  {
    const Stopwatch watch(result.spent.vision);
    shown = model_.show(pictures, aspect_);
  }
  std::optional<Stopwatch> watch(result.spent.forward);
  // Noise is a row's own, so that rows with noise share nothing.
  model::JoinedModel::Batch batch = model_.splice(part(rows.ids), part(rows.labels), shown, which, /*share=*/options_.embedding_noise <= 0);
  result.samples += static_cast<std::int64_t>(end - begin);
  for (const std::int64_t length : batch.lengths()) result.tokens += length;
  const std::int64_t here = batch.targets.size(0);
  result.learned += here;
  if (here == 0) return;

  const std::span<const model::KeptPrefix> prefix = kept_prefix(batch);
  const at::Tensor answers = model_.language.forward(with_noise(batch), batch.rows, batch.predict_at, prefix);  // [S, D]
  const model::Loss loss = model_.language.loss(answers, batch.targets, 1 / static_cast<double>(learned));
  watch.emplace(result.spent.backward);
  if (loss.sum.requires_grad()) loss.sum.backward();  // not in a validation, nor where rows without pictures have nothing that learns
  watch.reset();
  result.loss += loss.sum.item<double>();
  const at::Tensor losses = loss.losses.cpu();
  const float* each = losses.const_data_ptr<float>();
  for (size_t i = 0; i < batch.row_of_target.size(); ++i) {
    const auto source = static_cast<size_t>(rows.sources[begin + static_cast<size_t>(batch.row_of_target[i])]);
    SourceLoss& sum = result.by_source[loader.mixture().sources()[source].name];
    sum.sum += each[i];
    ++sum.tokens;
  }
}

}  // namespace saucier::train
