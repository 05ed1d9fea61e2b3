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

std::int32_t image_of(const model::JoinedModel& model) { return model.tokenizer ? model.tokenizer->image() : -1; }

// Ids as given; where a picture stands as many times as it has tokens, as transformers' processor writes it, one stays.
std::vector<std::int32_t> given_ids(const model::JoinedModel& model, const std::vector<std::int64_t>& given,
                                    const model::JoinedModel::Shown& shown) {
  const std::int64_t vocab = model.language.config().vocab_size;
  size_t picture = 0;
  const auto image = std::int64_t{image_of(model)};
  std::vector<std::int32_t> ids;
  for (size_t i = 0; i < given.size();) {
    const std::int64_t id = given[i];
    if (id != image && (id < 0 || id >= vocab)) throw Error(fmt::format("token id {} is outside the vocabulary of {}", id, vocab));
    ids.push_back(static_cast<std::int32_t>(id));
    ++i;
    if (id != image) continue;
    size_t same = 1;
    while (i < given.size() && given[i] == image) ++same, ++i;
    if (same == 1) {
      ++picture;
      continue;
    }
    size_t taken = 0;
    for (const size_t begin = picture; taken < same && picture < shown.rows.size(); ++picture) {
      taken += shown.rows[picture].size();
      if (picture > begin) ids.push_back(static_cast<std::int32_t>(id));
    }
    if (taken != same)
      throw Error(fmt::format("the picture's id {} stands {} times in a row, the pictures for it have {} tokens", image, same, taken));
  }
  return ids;
}

}  // namespace

void logits(const options::Request& request) {
  const options::LogitsRequest& options = *request.logits;
  model::JoinedModel model = open(request.model, /*by_ids=*/!options.prompt);
  model.merge_lora();
  if (options.dtype == "bfloat16") model.compute_in(at::kBFloat16);
  if (!options.images.empty() && !model.tower) throw Error("pictures for a model without a vision tower");
  if (!options.images.empty() && !model.tokenizer) throw Error("the model has no tokenizer to say which id stands for a picture", "put its tokenizer.json into the folder");

  checkpoint::Tensors out;
  model::JoinedModel::Shown shown;
  if (!options.images.empty()) {
    std::vector<data::Picture> pictures;
    for (const std::string& file : options.images) pictures.push_back(image::read_picture(file));
    shown = model.show(pictures, model.aspect);
    if (options.pixels) out["pixel_values"] = shown.pixels;
    if (options.hidden) {
      out["vision.features"] = shown.features.to(at::kFloat);
      out["projected"] = model.projector->forward(shown.features).to(at::kFloat);
    }
  }
  const std::vector<std::int32_t> ids = options.prompt ? prompt_ids(model, *options.prompt) : given_ids(model, options.ids, shown);
  if (ids.empty()) throw Error("there is no token to compute logits of");
  const std::vector<std::vector<std::int32_t>> rows = {ids};
  const model::JoinedModel::Batch batch = model.splice(rows, {}, shown);
  std::vector<std::int64_t> expanded;
  size_t picture = 0;
  for (const std::int32_t id : ids)
    expanded.insert(expanded.end(), id == image_of(model) ? shown.rows[picture++].size() : 1, id);
  out["input_ids"] = at::tensor(expanded, at::TensorOptions(at::kLong));
  at::Tensor last;
  if (options.hidden) {
    const std::vector<at::Tensor> states = model.language.hidden_states(batch.embeds.unsqueeze(0));
    for (size_t i = 0; i < states.size(); ++i) out[fmt::format("hidden.{}", i)] = states[i].squeeze(0).to(at::kFloat);
    last = states.back().squeeze(0);
  } else {
    last = model.language.forward(batch.embeds, batch.rows);
  }
  out["logits"] = model.language.logits(last).to(at::kFloat);
  checkpoint::write_safetensors(options.out, out);
}

}  // namespace saucier::requests
