#include "modules/model/joined.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "modules/base/error.h"
#include "modules/text/conversation.h"

namespace saucier::model {
namespace {

at::Tensor to_tensor(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::TensorOptions(at::kLong));
}

bool wants_gradient(const Parameters& parameters) {
  return std::any_of(parameters.begin(), parameters.end(), [](const auto& entry) { return entry.second.requires_grad(); });
}

}  // namespace

std::int64_t JoinedModel::picture_tokens() const {
  return tower ? tower->patches() + (keep_class && tower->config().class_token() ? 1 : 0) : 0;
}

void JoinedModel::compute_in(at::ScalarType dtype) {
  if (tower) tower->compute_in(dtype);
  if (projector) projector->compute_in(dtype);
  language.compute_in(dtype);
}

void JoinedModel::merge_lora() {
  if (tower) tower->merge_lora();
  if (projector) projector->merge_lora();
  language.merge_lora();
}

at::Tensor JoinedModel::picture_features(const at::Tensor& pixels) const {
  SAUCIER_CHECK(tower.has_value(), "picture features of a model without a vision tower");
  at::AutoGradMode gradient(at::GradMode::is_enabled() && wants_gradient(tower->parameters()));
  return tower->forward(pixels, vision_layers, keep_class);
}

JoinedModel::Batch JoinedModel::splice(std::span<const std::vector<std::int32_t>> ids,
                                       std::span<const std::vector<std::int32_t>> labels,
                                       const at::Tensor& features) const {
  SAUCIER_CHECK(!ids.empty() && (labels.empty() || labels.size() == ids.size()), "{} rows with {} rows of labels",
                ids.size(), labels.size());
  const std::int32_t image = tokenizer->image();
  const std::int64_t pictures = features.defined() ? features.size(0) : 0;
  const std::int64_t patches = features.defined() ? features.size(1) : 0;

  std::int64_t markers = 0;
  for (const auto& row : ids) markers += std::count(row.begin(), row.end(), image);
  if (markers != pictures)
    throw Error(fmt::format("{} pictures for {} places of a picture in the text", pictures, markers));

  Batch batch;
  for (const auto& row : ids) {
    const std::int64_t places = std::count(row.begin(), row.end(), image);
    batch.lengths.push_back(static_cast<std::int64_t>(row.size()) + places * (patches - 1));
  }
  const std::int64_t tokens = *std::max_element(batch.lengths.begin(), batch.lengths.end());

  // Where words, patches and learned positions stand in [B * T].
  std::vector<std::int64_t> words, word_at, patch_at, predict_at, targets;
  for (size_t b = 0; b < ids.size(); ++b) {
    SAUCIER_CHECK(labels.empty() || labels[b].size() == ids[b].size(), "row {}: {} ids with {} labels", b,
                  ids[b].size(), labels[b].size());
    const std::int64_t start = static_cast<std::int64_t>(b) * tokens;
    std::int64_t position = start;
    for (size_t i = 0; i < ids[b].size(); ++i) {
      if (ids[b][i] == image) {
        for (std::int64_t patch = 0; patch < patches; ++patch) patch_at.push_back(position++);
        continue;
      }
      if (!labels.empty() && labels[b][i] != text::kIgnore && position > start) {
        predict_at.push_back(position - 1);
        targets.push_back(labels[b][i]);
      }
      words.push_back(ids[b][i]);
      word_at.push_back(position++);
    }
  }

  const at::Device device = language.parameters().at("model.embed_tokens.weight").device();
  const auto place = [&](const std::vector<std::int64_t>& values) { return to_tensor(values).to(device); };
  const std::int64_t rows = static_cast<std::int64_t>(ids.size()), width = language.config().hidden_size;
  at::Tensor table = at::zeros({rows * tokens, width}, at::TensorOptions(language.dtype()).device(device));
  if (!words.empty()) table.index_copy_(0, place(word_at), language.embed(place(words)));
  if (pictures > 0) {
    SAUCIER_CHECK(projector.has_value(), "pictures for a model without a projector");
    const at::Tensor projected = projector->forward(features.reshape({pictures * patches, -1}));  // [N P, D]
    if (projected.size(1) != width)
      throw Error(fmt::format("the projector gives width {}, the language model takes {}", projected.size(1), width));
    table.index_copy_(0, place(patch_at), projected.to(language.dtype()));
  }
  batch.embeds = table.view({rows, tokens, width});
  batch.predict_at = place(predict_at);
  batch.targets = place(targets);
  return batch;
}

at::Tensor pixel_values(std::span<const data::Picture> pictures, const image::Processor& processor, std::string_view aspect) {
  const std::int64_t height = processor.height(), width = processor.width(), count = static_cast<std::int64_t>(pictures.size());
  at::Tensor pixels = at::empty({count, 3, height, width}, at::kFloat);
  const auto size = static_cast<size_t>(3 * height * width);
  float* out = pixels.mutable_data_ptr<float>();
  at::parallel_for(0, count, 4, [&](std::int64_t begin, std::int64_t end) {
    for (auto n = static_cast<size_t>(begin); n < static_cast<size_t>(end); ++n)
      image::pixel_values(pictures[n], processor, aspect, std::span(out + n * size, size));
  });
  return pixels;
}

}  // namespace saucier::model
