// The joined model: pictures → tower → projector → in the place of <image> among the word embeddings.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "modules/data/sample.h"
#include "modules/image/anyres.h"
#include "modules/model/parts.h"
#include "modules/text/tokenizer.h"

namespace saucier::model {

struct JoinedModel {
  std::optional<VisionTower> tower;  // none for a text-only model
  std::optional<Projector> projector;
  LanguageModel language;
  std::shared_ptr<const text::Tokenizer> tokenizer;  // null: texts come as ids, without pictures
  std::vector<std::int64_t> vision_layers = {-2};  // their features side by side
  bool keep_class = false;
  // How its makers show it pictures: as options::ConversationOptions::image_aspect has it, which says it for a recipe.
  std::string aspect = "square";

  // What a picture shown in this way takes; none without a tower. Error where it cannot be shown so.
  image::PictureTokens picture_tokens(std::string_view aspect) const;

  void compute_in(at::ScalarType dtype);  // of all parts; see parts.h
  void merge_lora();                      // of all parts
  void move_to(const at::Device& device); // all parts; pictures and tokens follow them

  // pixels [N, 3, S, S] → tower features [N, P, C]; no gradient is kept unless tower parameters want one.
  at::Tensor picture_features(const at::Tensor& pixels) const;

  // Pictures as the tower has seen them.
  struct Shown {
    at::Tensor pixels;    // [N, 3, S, S]: the pictures, or their tiles
    at::Tensor features;  // [N, P, C]; undefined where there are none
    // What each picture is in the text: rows of the projected features [N * tokens(P), D], or kNewline.
    std::vector<std::vector<std::int64_t>> rows;
  };
  static constexpr std::int64_t kNewline = -1;
  Shown show(std::span<const data::Picture> pictures, std::string_view aspect) const;
  Shown whole(const at::Tensor& features) const;  // pictures whose features [N, P, C] are there, none cut into tiles

  struct Batch {
    at::Tensor embeds;  // [N, D]: the rows one behind the other
    Rows rows;
    std::vector<std::int32_t> prefix_ids;  // of rows.prefix
    std::vector<std::int64_t> lengths() const;  // [B] whole ones
    // Positions whose NEXT token is learned, each once, as indices into [N], and that token.
    at::Tensor predict_at;  // int64 [S]
    at::Tensor targets;     // int64 [S]
    std::vector<std::int32_t> row_of_target;  // [S]
  };
  // `ids[b]` with one image() id where a picture goes; `labels` may be empty (generation). `which`: for each image id, in
  // the order of the rows, one of the shown pictures. Error when the counts differ. With `share` what all rows begin with
  // (before a picture, and before anything is learned) is written once, as the rows' prefix.
  Batch splice(std::span<const std::vector<std::int32_t>> ids, std::span<const std::vector<std::int32_t>> labels,
               const Shown& shown, std::span<const std::int64_t> which, bool share = false) const;
  // Each of them once, in their order.
  Batch splice(std::span<const std::vector<std::int32_t>> ids, std::span<const std::vector<std::int32_t>> labels,
               const Shown& shown) const;
};

// uint8 pictures → [N, 3, S, S] float32, prepared as the tower's processor says; `aspect` as
// options::ConversationOptions::image_aspect has it.
at::Tensor pixel_values(std::span<const data::Picture> pictures, const image::Processor& processor, std::string_view aspect);

}  // namespace saucier::model
