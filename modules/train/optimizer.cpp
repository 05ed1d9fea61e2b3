#include "modules/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "modules/base/error.h"

namespace saucier::train {
namespace {

constexpr std::int64_t kBlock = ByteMoments::kBlock;
constexpr std::int64_t kAtOnce = 1024 * kBlock;  // numbers of a byte-wise step: 1 MB each in float32

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options)
    : groups_(std::move(groups)), options_(options) {
  // Tensors that decay stand before those that do not, so that each group is at most two ranges.
  struct Slot {
    at::Tensor* tensor;
    std::int64_t begin;
  };
  std::vector<Slot> slots;
  for (size_t group = 0; group < groups_.size(); ++group) {
    for (bool decays : {true, false}) {
      const std::int64_t begin = count_;
      for (at::Tensor* tensor : groups_[group].tensors) {
        if ((tensor->dim() >= 2) != decays) continue;
        slots.push_back({tensor, count_});
        count_ += tensor->numel();
      }
      if (count_ > begin) ranges_.push_back({begin, count_, group, decays ? groups_[group].weight_decay : 0});
    }
  }
  SAUCIER_CHECK(count_ > 0, "an optimizer without parameters");
  SAUCIER_CHECK(options_.shard >= 0 && options_.shard < options_.shards, "shard {} of {}", options_.shard, options_.shards);
  const std::int64_t each = ((count_ + options_.shards - 1) / options_.shards + kBlock - 1) / kBlock * kBlock, room = each * options_.shards;
  begin_ = options_.shard * each;
  end_ = begin_ + each;
  const auto floats = at::TensorOptions(at::kFloat).device(slots.front().tensor->device());
  parameters_ = at::zeros({room}, floats);
  gradients_ = at::zeros({room}, floats);
  if (options_.kind == "adamw") {
    first_ = at::zeros({each}, floats);
    second_ = at::zeros({each}, floats);
  } else if (options_.kind == "adamw_8bit") {
    bytes_.emplace(each, floats.device());
  } else {
    SAUCIER_CHECK(options_.kind == "sgd", "optimizer {}", options_.kind);
  }
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

double Optimizer::gradient_norm() const {
  at::NoGradGuard no_grad;
  return std::sqrt(at::dot(gradients_, gradients_).item<double>());
}

void Optimizer::discard() {
  at::NoGradGuard no_grad;
  gradients_.zero_();
}

void Optimizer::step(std::span<const double> rates, double norm) {
  SAUCIER_CHECK(rates.size() == groups_.size() && std::isfinite(norm), "{} rates for {} groups, norm {}", rates.size(), groups_.size(), norm);
  at::NoGradGuard no_grad;
  ++steps_;
  const double shrink = options_.clip_norm > 0 && norm > options_.clip_norm ? options_.clip_norm / norm : 1;
  if (options_.kind == "adamw") {
    adamw(rates, shrink);
  } else {
    if (shrink < 1) gradients_.mul_(shrink);
    options_.kind == "sgd" ? sgd(rates) : adamw_8bit(rates);
  }
  gradients_.zero_();
}

// One pass over parameters, gradients and moments.
void Optimizer::adamw(std::span<const double> rates, double shrink) {
  const at::Tensor steps = at::scalar_tensor(static_cast<double>(steps_), at::kFloat).to(parameters_.device());
  std::optional<at::Tensor> divisor;
  if (shrink < 1) divisor = at::scalar_tensor(1 / shrink, at::kFloat).to(parameters_.device());
  for (const Range& range : ranges_) {
    const std::int64_t begin = std::max(range.begin, begin_), end = std::min(range.end, end_);
    if (begin >= end) continue;
    const auto part = [&](const at::Tensor& flat, std::int64_t from) { return flat.narrow(0, begin - from, end - begin); };
    const std::vector<at::Tensor> parameters{part(parameters_, 0)}, gradients{part(gradients_, 0)}, first{part(first_, begin_)}, second{part(second_, begin_)}, none, count{steps};
    at::_fused_adamw_(parameters, gradients, first, second, none, count, rates[range.group], options_.beta1, options_.beta2,
                      range.weight_decay, options_.epsilon, /*amsgrad=*/false, /*maximize=*/false, divisor);
  }
}

void Optimizer::adamw_8bit(std::span<const double> rates) {
  const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  for (std::int64_t begin = begin_; begin < end_; begin += kAtOnce) {
    const std::int64_t end = std::min(begin + kAtOnce, end_);
    const std::int64_t from_kept = begin - begin_, to_kept = end - begin_;
    const at::Tensor gradients = gradients_.narrow(0, begin, end - begin);
    const at::Tensor first = bytes_->first(from_kept, to_kept).mul_(options_.beta1).add_(gradients, 1 - options_.beta1);
    const at::Tensor root =
        bytes_->root_of_second(from_kept, to_kept).square_().mul_(options_.beta2).addcmul_(gradients, gradients, 1 - options_.beta2).sqrt_();
    bytes_->put(from_kept, to_kept, first, root, steps_);
    const at::Tensor update = first.div(root.div(std::sqrt(correction2)).add_(options_.epsilon));
    for (const Range& range : ranges_) {
      const std::int64_t from = std::max(begin, range.begin), to = std::min(end, range.end);
      if (from >= to) continue;
      const double rate = rates[range.group];
      at::Tensor parameters = parameters_.narrow(0, from, to - from);
      if (range.weight_decay > 0) parameters.mul_(1 - rate * range.weight_decay);
      parameters.add_(update.narrow(0, from - begin, to - from), -rate / correction1);
    }
  }
}

void Optimizer::sgd(std::span<const double> rates) {
  for (const Range& range : ranges_) {
    const std::int64_t begin = std::max(range.begin, begin_), end = std::min(range.end, end_);
    if (begin >= end) continue;
    const double rate = rates[range.group];
    at::Tensor parameters = parameters_.narrow(0, begin, end - begin);
    if (range.weight_decay > 0) parameters.mul_(1 - rate * range.weight_decay);
    parameters.add_(gradients_.narrow(0, begin, end - begin), -rate);
  }
}

at::Tensor Optimizer::part(std::int64_t shard) const {
  const std::int64_t each = end_ - begin_;
  return parameters_.narrow(0, shard * each, each);
}

std::int64_t Optimizer::whole_size(const std::string& name) const {
  if (name == "optimizer_steps") return 1;
  if (!bytes_ || name == "parameters") return count_;
  const std::int64_t blocks = (count_ + kBlock - 1) / kBlock;
  return name.ends_with(".largest") ? blocks : blocks * kBlock;
}

std::int64_t Optimizer::state_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : state())
    if (name != "parameters" && name != "optimizer_steps") bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

std::map<std::string, at::Tensor> Optimizer::state() const {
  std::map<std::string, at::Tensor> state = {{"parameters", parameters()},
                                             {"optimizer_steps", at::scalar_tensor(steps_, at::kLong).view({1})}};
  if (options_.kind == "adamw") {
    state["first_moment"] = options_.shards == 1 ? first_.narrow(0, 0, count_) : first_;
    state["second_moment"] = options_.shards == 1 ? second_.narrow(0, 0, count_) : second_;
  } else if (bytes_) {
    state["first_moment"] = bytes_->first_codes.codes;
    state["first_moment.largest"] = bytes_->first_codes.largest;
    state["second_moment"] = bytes_->second_codes.codes;
    state["second_moment.largest"] = bytes_->second_codes.largest;
  }
  return state;
}

void Optimizer::restore(const std::map<std::string, at::Tensor>& state) {
  at::NoGradGuard no_grad;
  for (auto& [name, own] : this->state()) {
    const auto kept = state.find(name);
    if (kept == state.end()) throw Error(fmt::format("training state has no '{}', which optimizer '{}' keeps", name, options_.kind));
    if (kept->second.numel() != own.numel() || kept->second.scalar_type() != own.scalar_type())
      throw Error(fmt::format("training state holds {} numbers of '{}', this stage has {}", kept->second.numel(), name, own.numel()));
    if (name == "optimizer_steps")
      steps_ = kept->second.item<std::int64_t>();
    else
      own.copy_(kept->second);
  }
}

}  // namespace saucier::train
