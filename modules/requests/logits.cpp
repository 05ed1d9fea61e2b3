#include <ATen/ops/tensor.h>

#include "modules/base/error.h"
#include "modules/checkpoint/tensors.h"
#include "modules/image/picture.h"
#include "modules/requests/request.h"

namespace saucier::requests {
namespace {

std::vector<std::int32_t> prompt_ids(const model::JoinedModel& model, const std::string& prompt) {
  std::vector<std::int32_t> ids = model.tokenizer->begin();
  for (const text::Token& token : model.tokenizer->encode(prompt)) ids.push_back(token.id);
  const std::vector<std::int32_t>& end = model.tokenizer->end();
  ids.insert(ids.end(), end.begin(), end.end());
  return ids;
}

// Ids as given; where a picture stands as many times as it has tokens, as transformers' processor writes it, one stays.
std::vector<std::int32_t> given_ids(const model::JoinedModel& model, const std::vector<std::int64_t>& given) {
  const std::int64_t run = model.picture_tokens(), vocab = model.language.config().vocab_size;
  const auto image = static_cast<std::int64_t>(model.tokenizer->image());
  std::vector<std::int32_t> ids;
  for (size_t i = 0; i < given.size();) {
    const std::int64_t id = given[i];
    if (id != image && (id < 0 || id >= vocab)) throw Error(fmt::format("token id {} is outside the vocabulary of {}", id, vocab));
    ids.push_back(static_cast<std::int32_t>(id));
    std::int64_t same = 1;
    while (id == image && i + static_cast<size_t>(same) < given.size() && given[i + static_cast<size_t>(same)] == image) ++same;
    if (same > 1 && run > 0 && same % run != 0)
      throw Error(fmt::format("the picture's id {} stands {} times in a row, a picture has {} tokens", image, same, run));
    for (std::int64_t further = 1; run > 0 && further < same / run; ++further) ids.push_back(static_cast<std::int32_t>(id));
    i += static_cast<size_t>(same);
  }
  return ids;
}

}  // namespace

void logits(const options::Request& request) {
  const options::LogitsRequest& options = *request.logits;
  model::JoinedModel model = open(request.model);
  model.merge_lora();
  if (options.dtype == "bfloat16") model.compute_in(at::kBFloat16);
  const std::vector<std::int32_t> ids = options.prompt ? prompt_ids(model, *options.prompt) : given_ids(model, options.ids);
  if (ids.empty()) throw Error("there is no token to compute logits of");
  if (!options.images.empty() && !model.tower) throw Error("pictures for a model without a vision tower");

  checkpoint::Tensors out;
  at::Tensor features;
  if (!options.images.empty()) {
    std::vector<data::Picture> pictures;
    for (const std::string& file : options.images) pictures.push_back(image::read_picture(file));
    const at::Tensor pixels = model::pixel_values(pictures, model.tower->processor(), options.aspect);
    features = model.picture_features(pixels);
    if (options.pixels) out["pixel_values"] = pixels;
    if (options.hidden) {
      out["vision.features"] = features.to(at::kFloat);
      out["projected"] = model.projector->forward(features).to(at::kFloat);
    }
  }
  const std::vector<std::vector<std::int32_t>> rows = {ids};
  const model::JoinedModel::Batch batch = model.splice(rows, {}, features);
  std::vector<std::int64_t> expanded;
  for (const std::int32_t id : ids)
    expanded.insert(expanded.end(), id == model.tokenizer->image() ? static_cast<size_t>(model.picture_tokens()) : 1, id);
  out["input_ids"] = at::tensor(expanded, at::TensorOptions(at::kLong));
  at::Tensor last;
  if (options.hidden) {
    const std::vector<at::Tensor> states = model.language.hidden_states(batch.embeds);
    for (size_t i = 0; i < states.size(); ++i) out[fmt::format("hidden.{}", i)] = states[i].squeeze(0).to(at::kFloat);
    last = states.back();
  } else {
    last = model.language.forward(batch.embeds);
  }
  out["logits"] = model.language.logits(last).squeeze(0).to(at::kFloat);
  checkpoint::write_safetensors(options.out, out);
}

}  // namespace saucier::requests
