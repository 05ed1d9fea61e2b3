#include "modules/model/head.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "modules/model/block.h"
#include "modules/model/kernels.h"

namespace saucier::model {
namespace {

// Of a piece of the logits; small enough to stay near the processor, large enough for full products.
constexpr std::int64_t kBytesAPiece = 48 << 20;

class Head : public Block {
 public:
  Head(at::Tensor weight, at::Tensor targets, double scale) : weight_(std::move(weight)), targets_(std::move(targets)), scale_(scale) {}

  std::vector<at::Tensor> trained() const override { return weight_.requires_grad() ? std::vector{weight_} : std::vector<at::Tensor>(); }

  // The gradients are known up to what the loss itself is multiplied with, so they are made at once.
  at::Tensor forward(const at::Tensor& hidden, bool keep) override {
    const at::Tensor weight = weight_.detach().to(hidden.scalar_type());
    const std::int64_t count = hidden.size(0), words = weight.size(0);
    const std::int64_t each = std::clamp<std::int64_t>(kBytesAPiece / (words * static_cast<std::int64_t>(hidden.element_size())), 16, std::max<std::int64_t>(count, 16));
    losses_ = at::empty({count}, hidden.options().dtype(at::kFloat));
    if (keep) of_hidden_ = at::empty_like(hidden);
    if (keep && weight_.requires_grad()) of_weight_ = at::zeros(weight.sizes(), hidden.options().dtype(at::kFloat));
    for (std::int64_t begin = 0; begin < count; begin += each) {
      const std::int64_t size = std::min(each, count - begin);
      const at::Tensor rows = hidden.narrow(0, begin, size);
      at::Tensor logits = at::mm(rows, weight.t());
      losses_.narrow(0, begin, size).copy_(cross_entropy_in_place(logits, targets_.narrow(0, begin, size), keep ? std::optional(scale_) : std::nullopt));
      if (!keep) continue;
      at::Tensor into = of_hidden_.narrow(0, begin, size);
      at::mm_out(into, logits, weight);
      if (!of_weight_.defined()) continue;
      if (logits.scalar_type() == at::kFloat)
        of_weight_.addmm_(logits.t(), rows);
      else
        of_weight_.add_(at::mm(logits.t(), rows));
    }
    return losses_.sum().mul(scale_);
  }

  at::Tensor backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) override {
    const double factor = gradient.item<double>();
    if (of_weight_.defined()) gradients.push_back(factor == 1 ? of_weight_ : of_weight_.mul_(factor));
    if (!wants_x) return {};
    return factor == 1 ? of_hidden_ : of_hidden_.mul_(factor);
  }

  const at::Tensor& losses() const { return losses_; }

 private:
  at::Tensor weight_, targets_;
  double scale_;
  at::Tensor losses_, of_hidden_, of_weight_;
};

}  // namespace

Loss next_token_loss(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& targets, double scale) {
  const auto head = c10::make_intrusive<Head>(weight, targets, scale);
  Loss loss;
  loss.sum = run(head, hidden);
  loss.losses = head->losses();
  return loss;
}

}  // namespace saucier::model
