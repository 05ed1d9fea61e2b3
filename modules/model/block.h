// A piece of a model with a backward pass of its own: one node of the autograd graph, whatever happens inside. So it says
// itself what it keeps until then, what it computes anew, and writes over what nobody reads again.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <vector>

namespace saucier::model {

class Block : public torch::CustomClassHolder {
 public:
  // Parameters that want a gradient, in a fixed order.
  virtual std::vector<at::Tensor> trained() const { return {}; }
  // `keep`: a backward will follow. Once a pass.
  virtual at::Tensor forward(const at::Tensor& x, bool keep) = 0;
  // `gradient` of the output → that of x (undefined unless wanted); those of trained() are put behind one another into
  // `gradients`, float32.
  virtual at::Tensor backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) = 0;
};

using BlockPtr = c10::intrusive_ptr<Block>;

// The block's output, recorded for backward where x or a trained parameter wants a gradient.
at::Tensor run(const BlockPtr& block, const at::Tensor& x);

// Activations and norms as blocks: kernels.h says what they compute.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon);
at::Tensor swiglu(const at::Tensor& gate_up);
at::Tensor quick_gelu(const at::Tensor& x);

}  // namespace saucier::model
