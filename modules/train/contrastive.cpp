#include "modules/train/contrastive.h"

#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "modules/base/rng.h"
#include "modules/train/trained.h"

namespace saucier::train {
namespace {

constexpr double kFirstScale = 20;     // cosine differences are small among single words
constexpr double kLargestScale = 100;  // CLIP's bound (Radford et al. 2021)
constexpr double kLargestWeight = 8;   // of a token, in log: none can silence the others for good
constexpr std::int64_t kSharedWidth = 64;

at::Tensor normalise(const at::Tensor& x) { return x / (x.norm(2, -1, true) + 1e-6); }

}  // namespace

Contrastive::Contrastive(const options::Job& job, model::VisionTower& tower, const text::Tokenizer& tokenizer,
                         std::function<data::Sample(std::int64_t)> sample, std::int64_t samples)
    : options_(*job.train), aspect_(job.conversation.image_aspect == "anyres" ? "square" : job.conversation.image_aspect), tower_(tower), tokenizer_(tokenizer), sample_(std::move(sample)), samples_(samples) {
  at::manual_seed(Rng(static_cast<std::uint64_t>(job.seed), "contrastive.shared-space").next64());
  const std::int64_t width = tower.config().hidden_size;
  projection_ = at::randn({kSharedWidth, width}) / std::sqrt(static_cast<double>(width));
  words_ = at::randn({tokenizer.vocab_size(), kSharedWidth}) / std::sqrt(static_cast<double>(kSharedWidth));
  weights_ = at::zeros({tokenizer.vocab_size()});
  log_scale_ = at::full({1}, std::log(kFirstScale));
  for (at::Tensor* tensor : {&projection_, &words_, &weights_, &log_scale_}) *tensor = tensor->to(tower.device());
}

std::vector<ParameterGroup> Contrastive::groups() {
  ParameterGroup tower = group_of(options_, "vision_tower");
  for (auto& [name, tensor] : tower_.parameters()) tower.tensors.push_back(&tensor);
  ParameterGroup shared = group_of(options_, "shared");
  shared.tensors = {&projection_, &words_, &weights_, &log_scale_};
  shared.weight_decay = 0;
  return {tower, shared};
}

std::int64_t Contrastive::steps() const { return samples_ / options_.global_batch; }

Contrastive::Captions Contrastive::read_captions(const std::vector<data::Sample>& batch) const {
  std::map<std::int32_t, std::int64_t> column;
  std::vector<std::vector<std::int32_t>> rows;
  for (const data::Sample& sample : batch) {
    auto& row = rows.emplace_back();
    // A space in front, so that the first word is the same token as it is later in a sentence.
    for (const text::Token& token : tokenizer_.encode(" " + sample.turns.at(1).text, /*special=*/false)) {
      row.push_back(token.id);
      column.emplace(token.id, 0);
    }
  }
  const auto distinct = static_cast<std::int64_t>(column.size());
  Captions captions{at::empty({distinct}, at::kLong), at::zeros({static_cast<std::int64_t>(rows.size()), distinct})};
  std::int64_t next = 0;
  for (auto& [id, at_column] : column) {
    at_column = next++;
    captions.tokens.data_ptr<std::int64_t>()[at_column] = id;
  }
  auto membership = captions.membership.accessor<float, 2>();
  for (size_t b = 0; b < rows.size(); ++b)
    for (std::int32_t id : rows[b]) membership[static_cast<std::int64_t>(b)][column.at(id)] = 1;
  return captions;
}

StepResult Contrastive::step(std::int64_t step, const std::function<bool()>& last) {
  StepResult result;
  const std::int64_t size = options_.global_batch;
  std::vector<data::Sample> batch;
  std::vector<data::Picture> pictures;
  std::optional<Stopwatch> watch(std::in_place, result.spent.data);
  for (std::int64_t i = 0; i < size; ++i) {
    batch.push_back(sample_(step * size + i));
    if (batch.back().pictures.empty())
      throw Error(fmt::format("sample '{}' of '{}' has no picture to match its caption with", batch.back().id, batch.back().source), "train on sources whose samples all have pictures");
    const data::PictureRef& picture = batch.back().pictures.front();
    pictures.push_back(picture.source->load(picture.reference));
  }
  Captions captions = read_captions(batch);
  captions.tokens = captions.tokens.to(tower_.device());
  captions.membership = captions.membership.to(tower_.device());
  watch.emplace(result.spent.vision);
  const at::Tensor pixels = model::pixel_values(pictures, tower_.processor(), aspect_);

  const at::Tensor features = tower_.forward(pixels.to(tower_.device()), -1, /*keep_class=*/false).to(at::kFloat);  // [B, P, C]
  watch.emplace(result.spent.forward);
  const at::Tensor patches = normalise(at::linear(features, projection_));                      // [B, P, E]
  const at::Tensor words = normalise(words_.index_select(0, captions.tokens));                  // [U, E]
  const at::Tensor best = std::get<0>(at::matmul(patches, words.t()).max(1));                   // [B, U]
  const at::Tensor importance =
      captions.membership * weights_.index_select(0, captions.tokens).clamp(-kLargestWeight, kLargestWeight).exp();
  const at::Tensor share = importance / importance.sum(1, true);                                // [B, U]
  const at::Tensor scale = log_scale_.exp().clamp_max(kLargestScale);
  const at::Tensor similarity = at::matmul(best, share.t()) * scale;                            // [picture, caption]
  const at::Tensor target = at::arange(size, captions.tokens.options());
  const at::Tensor loss =
      (at::cross_entropy_loss(similarity, target) + at::cross_entropy_loss(similarity.t(), target)) / 2;
  watch.emplace(result.spent.backward);
  last();
  loss.backward();
  watch.reset();

  result.loss = loss.item<double>();
  result.samples = size;
  result.tokens = size * (features.size(1) + 1);
  result.learned = size;
  result.extra["batch_accuracy"] = similarity.argmax(1).eq(target).to(at::kFloat).mean().item<double>();
  result.extra["temperature"] = scale.item<double>();
  return result;
}

}  // namespace saucier::train
