// The sum of all ranks' gradients, under way while the backward pass goes on: the flat buffer is summed piece by piece, each
// as soon as nothing writes to it any more.
//
// Pieces go out in one order on all ranks, and each of them goes out on every rank, so ranks whose rows train different
// parts (no picture here, none but pictures there) never wait for one another: what has no gradient adds zeros.
#pragma once

#include <memory>
#include <vector>

#include "modules/train/optimizer.h"
#include "modules/train/ranks.h"

namespace saucier::train {

class GradientSum {
 public:
  GradientSum(Ranks& ranks, Optimizer& optimizer);
  ~GradientSum();

  void expect();  // the next backward pass is the step's last
  bool begun() const { return next_ < pieces_.size(); }  // a piece of this step is under way
  void finish();  // the rest; the optimizer's gradients are the sum then

 private:
  struct Piece {
    at::Tensor gradients;
    size_t tensors = 0, missing = 0;  // that write to it, that have yet to
    std::unique_ptr<Ranks::Pending> pending;
  };
  class Watch;
  void written(size_t piece);
  void start(size_t piece);

  Ranks& ranks_;
  std::vector<Piece> pieces_;
  std::vector<std::shared_ptr<void>> kept_;  // what the watches hang on
  bool expected_ = false;
  size_t next_ = 0;  // pieces before it are still to start: they go from the last to the first, as backward passes do
};

}  // namespace saucier::train
