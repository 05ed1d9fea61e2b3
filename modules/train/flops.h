// The arithmetic of a training step, counted from what its real tokens need: padding, and what is computed twice to save
// memory, count nothing, so that they show as a low share of the machine's rate (MFU).
//
// A product of a matrix of n numbers with one token takes 2n FLOP forward, 2n for the gradient of its input and 2n for that
// of the matrix. The second is counted where something in front of it learns, the third where the matrix does. Attention of
// T tokens takes 2 T² d forward in a language model (causal), 4 T² d in a tower, and twice that backward, in each layer of
// heads of width d together. The head counts at learned positions. LoRA: 2 r (in + out) a token, with all three.
#pragma once

#include <cstdint>
#include <span>

#include "modules/model/joined.h"

namespace saucier::train {

class Flops {
 public:
  // What learns is what wants a gradient at this moment.
  explicit Flops(const model::JoinedModel& model);

  // Rows of `lengths` tokens, pictures expanded, with `learned` supervised positions in all, and `pictures` pictures or
  // tiles that the tower sees.
  double of(std::span<const std::int64_t> lengths, std::int64_t learned, std::int64_t pictures) const;

 private:
  struct Layers {
    double token = 0;      // FLOP a token
    double attention = 0;  // FLOP a squared token
  };
  Layers language_, tower_;
  double head_ = 0;       // a learned position
  double patches_ = 0, tower_tokens_ = 0;  // of a picture or tile
  double patch_ = 0;      // FLOP of a patch's embedding
  double projector_ = 0;  // FLOP of a picture or tile
};

}  // namespace saucier::train
