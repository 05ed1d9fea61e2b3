// A vision tower from nothing by contrast of pictures and captions, word by patch.
//
// Similarity of picture i and caption j by late interaction, as in FILIP (Yao et al., "FILIP: Fine-grained Interactive
// Language-Image Pre-Training", ICLR 2022): every distinct token of the caption takes the patch that fits it best
// (cosine in a shared space), and the token's values are averaged with learned weights. The loss is the mean of the two
// cross-entropies over the batch (InfoNCE) at a learned temperature. Late interaction is what makes single patches mean
// something, and a projector reads patches. Tokens are embedded without their context, so each distinct token of a batch
// is compared once, which is cheaper than a caption transformer.
//
// The token embeddings, their weights and the projection into the shared space serve the training alone.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "modules/data/sample.h"
#include "modules/model/joined.h"
#include "modules/train/trainer.h"

namespace saucier::train {

class Contrastive : public Objective {
 public:
  // `sample(i)`: the i-th of `samples` draws, with a picture and a caption as its first assistant turn. The references
  // must outlive this object.
  Contrastive(const options::Job& job, model::VisionTower& tower, const text::Tokenizer& tokenizer,
              std::function<data::Sample(std::int64_t)> sample, std::int64_t samples);

  std::vector<ParameterGroup> groups();
  std::int64_t steps() const override;
  StepResult step(std::int64_t step, const std::function<bool()>& last) override;

 private:
  struct Captions {
    at::Tensor tokens;      // int64 [U]: the batch's distinct tokens
    at::Tensor membership;  // float [B, U]: 1 where caption b has token u
  };
  Captions read_captions(const std::vector<data::Sample>& batch) const;

  const options::TrainOptions& options_;
  const std::string aspect_;  // of pictures; a tile is a square
  model::VisionTower& tower_;
  const text::Tokenizer& tokenizer_;
  std::function<data::Sample(std::int64_t)> sample_;
  std::int64_t samples_;
  at::Tensor projection_;  // [E, C] patch features into the shared space
  at::Tensor words_;       // [V, E] tokens in the shared space
  at::Tensor weights_;     // [V] log importance of a token
  at::Tensor log_scale_;   // [1]
};

}  // namespace saucier::train
