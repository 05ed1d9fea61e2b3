// Linear layers of one input as one product, with the updates of LoRA. Inside a backward pass nothing is computed that no
// trained parameter needs: no weight gradient of a frozen layer, no input for an update that is not there.
#pragma once

#include <string>
#include <vector>

#include "modules/model/block.h"

namespace saucier::model {

struct LinearLayer {
  at::Tensor weight;         // [out, in]
  at::Tensor bias = {};      // [out] or undefined
  at::Tensor a = {}, b = {}; // [r, in], [out, r] or undefined: y += scale B A x
  double scale = 0;
};

// The outputs of the layers side by side: x [N, in] → [N, sum of out]. Everything is computed in `dtype`; parameters and
// their gradients may be float32 beside it.
class LinearGroup : public Block {
 public:
  LinearGroup(std::vector<LinearLayer> layers, at::ScalarType dtype, double dropout) : layers_(std::move(layers)), dtype_(dtype), dropout_(dropout) {}

  std::vector<at::Tensor> trained() const override;
  at::Tensor forward(const at::Tensor& x, bool keep) override;
  at::Tensor backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) override;

  // For blocks made of several: the same without a copy of x, which backward takes again (undefined unless needs_input()).
  at::Tensor apply(const at::Tensor& x, bool keep);
  at::Tensor backward(const at::Tensor& gradient, const at::Tensor& x, bool wants_x, std::vector<at::Tensor>& gradients);
  bool needs_input() const;  // whether a trained parameter's gradient needs x
  std::int64_t out() const;

 private:
  bool folds(std::int64_t rows) const;
  at::Tensor joined(bool folded) const;
  at::Tensor joined_bias() const;
  at::Tensor updates_in() const;
  void add_updates(const at::Tensor& x, at::Tensor& y, bool keep);
  void update_gradients(const at::Tensor& gradient, const at::Tensor& x, at::Tensor* of_x, std::vector<std::pair<at::Tensor, at::Tensor>>& out);

  std::vector<LinearLayer> layers_;
  at::ScalarType dtype_;
  double dropout_;
  at::Tensor x_;                   // kept by forward()
  std::vector<at::Tensor> masks_;  // of dropout, one a layer, 0 or 1 / (1 - dropout)
};

// Neighbours in memory as one matrix; undefined where they are none.
at::Tensor as_one(const std::vector<at::Tensor>& parts);

}  // namespace saucier::model
