// The loss at the learned positions, in pieces: never are the logits of all of them in memory at once, and their gradient
// is made where they stand.
#pragma once

#include <ATen/core/Tensor.h>

namespace saucier::model {

struct Loss {
  at::Tensor sum;     // float32, of all positions times `scale`; recorded for backward
  at::Tensor losses;  // float32 [S], each one's cross-entropy
};

// hidden [S, D], weight [V, D] (the product is computed in hidden's type), targets int64 [S].
Loss next_token_loss(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& targets, double scale);

}  // namespace saucier::model
