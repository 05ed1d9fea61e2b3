#include "modules/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "modules/base/error.h"

namespace saucier::train {

AdamW::AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options) : options_(options) {
  // Tensors that decay stand before those that do not, so that each group is at most two ranges.
  struct Slot {
    at::Tensor* tensor;
    std::int64_t begin;
  };
  std::vector<Slot> slots;
  std::int64_t total = 0;
  for (const ParameterGroup& group : groups) {
    for (bool decays : {true, false}) {
      const std::int64_t begin = total;
      for (at::Tensor* tensor : group.tensors) {
        if ((tensor->dim() >= 2) != decays) continue;
        slots.push_back({tensor, total});
        total += tensor->numel();
      }
      if (total > begin) ranges_.push_back({begin, total, group.learning_rate, decays ? group.weight_decay : 0});
    }
  }
  SAUCIER_CHECK(total > 0, "an optimizer without parameters");
  parameters_ = at::empty({total}, at::kFloat);
  gradients_ = at::zeros({total}, at::kFloat);
  first_ = at::zeros({total}, at::kFloat);
  second_ = at::zeros({total}, at::kFloat);
  update_ = at::empty({total}, at::kFloat);
  at::NoGradGuard no_grad;
  for (const Slot& slot : slots) {
    at::Tensor view = parameters_.narrow(0, slot.begin, slot.tensor->numel()).view(slot.tensor->sizes());
    view.copy_(*slot.tensor);
    // A detached alias: a leaf of its own whose storage is the flat buffer.
    at::Tensor leaf = view.detach();
    leaf.set_requires_grad(true);
    leaf.mutable_grad() = gradients_.narrow(0, slot.begin, leaf.numel()).view(leaf.sizes());
    *slot.tensor = leaf;
  }
}

double AdamW::step(double scale) {
  at::NoGradGuard no_grad;
  const double norm = std::sqrt(at::dot(gradients_, gradients_).item<double>());
  if (!std::isfinite(norm)) {
    gradients_.zero_();
    return norm;
  }
  if (options_.clip_norm > 0 && norm > options_.clip_norm) gradients_.mul_(options_.clip_norm / norm);
  ++steps_;
  const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  first_.mul_(options_.beta1).add_(gradients_, 1 - options_.beta1);
  second_.mul_(options_.beta2).addcmul_(gradients_, gradients_, 1 - options_.beta2);
  at::sqrt_out(update_, second_);
  update_.div_(std::sqrt(correction2)).add_(options_.epsilon);
  at::div_out(update_, first_, update_);
  for (const Range& range : ranges_) {
    const double rate = range.learning_rate * scale;
    at::Tensor parameters = parameters_.narrow(0, range.begin, range.end - range.begin);
    if (range.weight_decay > 0) parameters.mul_(1 - rate * range.weight_decay);
    parameters.add_(update_.narrow(0, range.begin, range.end - range.begin), -rate / correction1);
  }
  gradients_.zero_();
  return norm;
}

void AdamW::restore(const at::Tensor& parameters, const at::Tensor& first, const at::Tensor& second,
                    std::int64_t steps) {
  for (const at::Tensor* tensor : {&parameters, &first, &second}) {
    if (tensor->numel() != parameters_.numel())
      throw Error(fmt::format("training state holds {} parameters, this stage trains {}", tensor->numel(),
                              parameters_.numel()));
  }
  at::NoGradGuard no_grad;
  parameters_.copy_(parameters);
  first_.copy_(first);
  second_.copy_(second);
  steps_ = steps;
}

}  // namespace saucier::train
