// Optimizers over one flat buffer: every trained tensor becomes a view of it, so that a step is a handful of operations
// however many tensors there are, the gradient norm is one reduction and a training state is a few tensors.
//
//   adamw       AdamW with decoupled weight decay (Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019)
//   adamw_8bit  the same with a byte a moment, by block-wise dynamic quantisation (modules/train/byte_moments.h)
//   sgd         p -= rate * (g + decay * p)
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "modules/train/byte_moments.h"
#include "modules/train/schedule.h"

namespace saucier::train {

struct ParameterGroup {
  std::string name;                  // "projector", "language_model.lora", …
  std::vector<at::Tensor*> tensors;  // owned by the model; rebound to views of the flat buffer
  double learning_rate = 1e-3;       // highest
  double weight_decay = 0;           // on tensors of two or more dimensions
  Schedule schedule = {};
};

struct OptimizerOptions {
  std::string kind = "adamw";
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double clip_norm = 1;  // 0: no clipping
  // Of `shards` optimizers over the same tensors this one keeps the moments of its part, and moves only that (Rajbhandari et
  // al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", SC 2020, section 5.1).
  std::int64_t shard = 0, shards = 1;
};

class Optimizer {
 public:
  // Moves the tensors into the flat buffer and marks them requires_grad. The tensors must outlive this object.
  Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options);

  // Of the gradients as backward left them; not finite where one of them is not.
  double gradient_norm() const;
  // Clips by that norm, steps with a learning rate for each group, clears the gradients.
  void step(std::span<const double> rates, double norm);
  void discard();  // clears the gradients: parameters and state stay

  const std::vector<ParameterGroup>& groups() const { return groups_; }
  std::int64_t count() const { return count_; }
  std::int64_t steps() const { return steps_; }
  std::int64_t state_bytes() const;  // of the moments

  // Flat, of all groups.
  at::Tensor parameters() const { return parameters_.narrow(0, 0, count_); }
  at::Tensor gradients() const { return gradients_.narrow(0, 0, count_); }
  at::Tensor part(std::int64_t shard) const;  // of the parameters: the one that this shard's optimizer moves

  // For the training state: views, by name. Of several shards it is the state of this one, and the whole one is that of all
  // put together, each tensor cut to whole_size().
  std::map<std::string, at::Tensor> state() const;
  std::int64_t whole_size(const std::string& name) const;
  bool in_shards(const std::string& name) const { return options_.shards > 1 && name.find("_moment") != std::string::npos; }
  // Throws Error when names or sizes differ (a state of another recipe).
  void restore(const std::map<std::string, at::Tensor>& state);

 private:
  struct Range {  // neighbours of one group and one decay in the flat buffer
    std::int64_t begin, end;
    size_t group;
    double weight_decay;
  };
  void adamw(std::span<const double> rates, double shrink);
  void adamw_8bit(std::span<const double> rates);
  void sgd(std::span<const double> rates);

  std::vector<ParameterGroup> groups_;
  OptimizerOptions options_;
  std::vector<Range> ranges_;
  std::int64_t count_ = 0;
  std::int64_t begin_ = 0, end_ = 0;   // of this shard's part
  at::Tensor parameters_, gradients_;  // filled up to shards of whole blocks
  at::Tensor first_, second_;          // of adamw, and of this shard's part alone
  std::optional<ByteMoments> bytes_;   // of adamw_8bit
  std::int64_t steps_ = 0;
};

}  // namespace saucier::train
