// libtorch's autograd headers, inlined here, make GCC 12 see null pointers that are none.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wnull-dereference"
#endif

#include "modules/model/block.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <memory>
#include <type_traits>

#include "modules/base/error.h"
#include "modules/model/kernels.h"

namespace saucier::model {
namespace {

using torch::autograd::variable_list;

class Recorded : public torch::autograd::Node {
 public:
  explicit Recorded(BlockPtr block) : block_(std::move(block)) {}

  variable_list apply(variable_list&& gradients) override {
    SAUCIER_CHECK(block_, "a second backward pass through one forward pass");
    const at::NoGradGuard no_grad;
    const BlockPtr block = std::move(block_);  // what it keeps goes with it
    variable_list out = {at::Tensor()};
    at::Tensor of_x = block->backward(gradients[0].contiguous(), task_should_compute_output(0), out);
    out[0] = std::move(of_x);
    SAUCIER_CHECK(out.size() == num_outputs(), "{} gradients of {} parameters", out.size() - 1, num_outputs() - 1);
    return out;
  }
  void release_variables() override { block_.reset(); }

 private:
  BlockPtr block_;
};

// Nodes are held by std::shared_ptr up to libtorch 2.12 and by intrusive_ptr from 2.13 on.
template <class Pointer, class Node>
Pointer make_node(const BlockPtr& block) {
  if constexpr (std::is_constructible_v<Pointer, std::shared_ptr<Node>>)
    return std::make_shared<Node>(block);
  else
    return c10::make_intrusive<Node>(block);
}

class RmsNorm : public Block {
 public:
  RmsNorm(at::Tensor weight, double epsilon) : weight_(std::move(weight)), epsilon_(epsilon) {}
  std::vector<at::Tensor> trained() const override { return weight_.requires_grad() ? std::vector{weight_} : std::vector<at::Tensor>(); }
  at::Tensor forward(const at::Tensor& x, bool keep) override {
    if (keep) x_ = x.contiguous();
    return rms_norm_forward(x, weight_, epsilon_, &inverse_);
  }
  at::Tensor backward(const at::Tensor& gradient, bool, std::vector<at::Tensor>& gradients) override {
    at::Tensor of_weight;
    at::Tensor of_x = rms_norm_backward(gradient, x_, weight_, inverse_, {}, weight_.requires_grad() ? &of_weight : nullptr);
    if (of_weight.defined()) gradients.push_back(std::move(of_weight));
    return of_x;
  }

 private:
  at::Tensor weight_, x_, inverse_;
  double epsilon_;
};

class Activation : public Block {
 public:
  using Forward = at::Tensor (*)(const at::Tensor&);
  using Backward = at::Tensor (*)(const at::Tensor&, const at::Tensor&);
  Activation(Forward there, Backward back) : forward_(there), backward_(back) {}
  at::Tensor forward(const at::Tensor& x, bool keep) override {
    if (keep) x_ = x;
    return forward_(x);
  }
  at::Tensor backward(const at::Tensor& gradient, bool, std::vector<at::Tensor>&) override { return backward_(gradient, x_); }

 private:
  Forward forward_;
  Backward backward_;
  at::Tensor x_;
};

}  // namespace

at::Tensor run(const BlockPtr& block, const at::Tensor& x) {
  if (at::GradMode::is_enabled()) {
    variable_list inputs = {x};
    for (at::Tensor& parameter : block->trained()) inputs.push_back(std::move(parameter));
    if (x.requires_grad() || inputs.size() > 1) {
      at::Tensor y;
      {
        const at::NoGradGuard no_grad;
        y = block->forward(x, /*keep=*/true);
      }
      const auto node = make_node<decltype(torch::autograd::Edge().function), Recorded>(block);
      node->set_next_edges(torch::autograd::collect_next_edges(inputs));
      torch::autograd::set_history(y, node);
      return y;
    }
  }
  const at::NoGradGuard no_grad;
  return block->forward(x, /*keep=*/false);
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  return run(c10::make_intrusive<RmsNorm>(weight, epsilon), x);
}
at::Tensor swiglu(const at::Tensor& gate_up) { return run(c10::make_intrusive<Activation>(swiglu_forward, swiglu_backward), gate_up); }
at::Tensor quick_gelu(const at::Tensor& x) { return run(c10::make_intrusive<Activation>(quick_gelu_forward, quick_gelu_backward), x); }

}  // namespace saucier::model
