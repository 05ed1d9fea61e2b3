#include "modules/train/gradient_sum.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

namespace saucier::train {
namespace {

constexpr std::int64_t kNumbers = 4 << 20;  // of a piece, 16 MB: large enough for the network, small enough to begin early

}  // namespace

// Called behind the node that adds a tensor's gradient to its place.
class GradientSum::Watch : public torch::autograd::FunctionPostHook {
 public:
  Watch(GradientSum& sum, size_t piece) : sum_(sum), piece_(piece) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs, const torch::autograd::variable_list&) override {
    sum_.written(piece_);
    return outputs;
  }

 private:
  GradientSum& sum_;
  size_t piece_;
};

GradientSum::GradientSum(Ranks& ranks, Optimizer& optimizer) : ranks_(ranks) {
  if (ranks.count() == 1) return;
  const at::Tensor flat = optimizer.gradients();
  for (std::int64_t begin = 0; begin < flat.numel(); begin += kNumbers)
    pieces_.push_back({flat.narrow(0, begin, std::min(kNumbers, flat.numel() - begin)), 0, 0, {}});
  next_ = pieces_.size();
  for (const ParameterGroup& group : optimizer.groups()) {
    for (at::Tensor* tensor : group.tensors) {
      const std::int64_t first = (tensor->grad().storage_offset() - flat.storage_offset()) / kNumbers;
      const std::int64_t last = (tensor->grad().storage_offset() - flat.storage_offset() + tensor->numel() - 1) / kNumbers;
      auto node = torch::autograd::impl::grad_accumulator(*tensor);
      for (std::int64_t piece = first; piece <= last; ++piece) {
        ++pieces_[static_cast<size_t>(piece)].tensors;
        node->add_post_hook(std::make_unique<Watch>(*this, static_cast<size_t>(piece)));
      }
      kept_.push_back(std::make_shared<decltype(node)>(std::move(node)));
    }
  }
}

GradientSum::~GradientSum() = default;

void GradientSum::expect() {
  expected_ = true;
  for (Piece& piece : pieces_) piece.missing = piece.tensors;
}

void GradientSum::written(size_t piece) {
  if (!expected_) return;
  --pieces_[piece].missing;
  while (next_ > 0 && pieces_[next_ - 1].missing == 0) start(--next_);
}

void GradientSum::start(size_t piece) { pieces_[piece].pending = ranks_.start_sum(pieces_[piece].gradients); }

void GradientSum::finish() {
  while (next_ > 0) start(--next_);
  for (Piece& piece : pieces_) {
    piece.pending->wait();
    piece.pending.reset();
  }
  next_ = pieces_.size();
  expected_ = false;
}

}  // namespace saucier::train
