// AdamW with decoupled weight decay (Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019) over one
// flat buffer: every trained tensor becomes a view of it, so that a step is a handful of operations however many tensors
// there are, the gradient norm is one reduction and a training state is three tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace saucier::train {

struct ParameterGroup {
  std::string name;                  // "projector", "language_model.lora", …
  std::vector<at::Tensor*> tensors;  // owned by the model; rebound to views of the flat buffer
  double learning_rate = 1e-3;       // highest
  double weight_decay = 0;           // on tensors of two or more dimensions
};

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double clip_norm = 1;  // 0: no clipping
};

class AdamW {
 public:
  // Moves the tensors into the flat buffer and marks them requires_grad. The tensors must outlive this object.
  AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options);

  // Averages nothing: gradients are as backward left them. `scale` multiplies every group's learning rate. Clips, steps,
  // clears the gradients; returns the norm before clipping. A non-finite norm leaves parameters and state untouched.
  double step(double scale);

  std::int64_t count() const { return parameters_.numel(); }
  std::int64_t steps() const { return steps_; }

  // For the training state: parameters, both moments, number of steps.
  const at::Tensor& parameters() const { return parameters_; }
  const at::Tensor& first_moment() const { return first_; }
  const at::Tensor& second_moment() const { return second_; }
  // Throws Error when the sizes differ (a state of another recipe).
  void restore(const at::Tensor& parameters, const at::Tensor& first, const at::Tensor& second, std::int64_t steps);

 private:
  struct Range {  // neighbours of one group and one decay in the flat buffer
    std::int64_t begin, end;
    double learning_rate, weight_decay;
  };
  AdamWOptions options_;
  std::vector<Range> ranges_;
  at::Tensor parameters_, gradients_, first_, second_, update_;
  std::int64_t steps_ = 0;
};

}  // namespace saucier::train
