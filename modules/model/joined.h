// The joined model: pictures → tower → projector → in the place of <image> among the word embeddings.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "modules/data/sample.h"
#include "modules/model/parts.h"
#include "modules/text/tokenizer.h"

namespace saucier::model {

struct JoinedModel {
  std::optional<VisionTower> tower;  // none for a text-only model
  std::optional<Projector> projector;
  LanguageModel language;
  std::shared_ptr<const text::Tokenizer> tokenizer;
  std::vector<std::int64_t> vision_layers = {-2};  // their features side by side
  bool keep_class = false;

  std::int64_t picture_tokens() const;  // 0 without a tower

  void compute_in(at::ScalarType dtype);  // of all parts; see parts.h
  void merge_lora();                      // of all parts

  // pixels [N, 3, S, S] → tower features [N, P, C]; no gradient is kept unless tower parameters want one.
  at::Tensor picture_features(const at::Tensor& pixels) const;

  struct Batch {
    at::Tensor embeds;                  // [B, T, D], rows padded on the right with zeros
    std::vector<std::int64_t> lengths;  // [B]
    // Positions whose NEXT token is learned, as indices into [B * T], and that token.
    at::Tensor predict_at;  // int64 [S]
    at::Tensor targets;     // int64 [S]
  };
  // `ids[b]` with one image() id where the picture goes; `labels` may be empty (generation); `features` [N, P, C] in the
  // order of the image ids over the rows (undefined when no row has one). Error when the counts differ.
  Batch splice(std::span<const std::vector<std::int32_t>> ids, std::span<const std::vector<std::int32_t>> labels,
               const at::Tensor& features) const;
};

// uint8 pictures → [N, 3, S, S] float32, prepared as the tower's processor says; `aspect` as
// options::ConversationOptions::image_aspect has it.
at::Tensor pixel_values(std::span<const data::Picture> pictures, const image::Processor& processor, std::string_view aspect);

}  // namespace saucier::model
