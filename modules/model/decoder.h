// The two halves of a decoder layer, each one block: what goes to backward is the input, the heads or the gates, and what
// attention gives; norms and activations are computed anew, which costs less than to keep them.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "modules/model/attention.h"
#include "modules/model/linear.h"

namespace saucier::model {

struct NormWeight {
  at::Tensor weight;  // [D] or [E]; undefined: no norm
  double epsilon = 0;
};

// x + o_proj(attention(norms(qkv(norm(x))))): [N, D] → [N, D], or [M, D] where only the positions `wanted` go on.
class AttentionHalf : public Block {
 public:
  struct Parts {
    NormWeight norm, q_norm, k_norm;
    c10::intrusive_ptr<LinearGroup> qkv, out;
    AttentionShape shape;
    Rotary angles;
    std::shared_ptr<const RowPlan> plan;  // none where the caller attends itself
    KeptPrefix prefix = {};
    at::Tensor wanted = {};               // int64 [M], each once; undefined: all
  };
  explicit AttentionHalf(Parts parts) : parts_(std::move(parts)) {}

  std::vector<at::Tensor> trained() const override;
  at::Tensor forward(const at::Tensor& x, bool keep) override;
  at::Tensor backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) override;

  // For who attends otherwise (a cache of keys): what attention takes [N, (H + 2 Hkv) E], not rotated, and what it becomes.
  at::Tensor before(const at::Tensor& x) { return qkv_of(x, false); }
  at::Tensor after(const at::Tensor& x, const at::Tensor& mixed) { return parts_.out->apply(mixed, false).add_(x); }
  const Heads& heads() const { return heads_; }  // of the last forward, where `keep_heads` was called
  void keep_heads() { keeps_heads_ = true; }

 private:
  at::Tensor qkv_of(const at::Tensor& x, bool keep);
  at::Tensor norm_head(const NormWeight& norm, const at::Tensor& heads, at::Tensor* inverse) const;

  Parts parts_;
  bool keeps_heads_ = false;
  Heads heads_;
  at::Tensor x_, inverse_, mixed_, normaliser_;
  at::Tensor raw_, q_inverse_, k_inverse_;  // queries and keys before their own norms
};

// x + down_proj(swiglu(gate_up(norm(x)))): [N, D] → [N, D].
class MlpHalf : public Block {
 public:
  struct Parts {
    NormWeight norm;
    c10::intrusive_ptr<LinearGroup> gate_up, down;
  };
  explicit MlpHalf(Parts parts) : parts_(std::move(parts)) {}

  std::vector<at::Tensor> trained() const override;
  at::Tensor forward(const at::Tensor& x, bool keep) override;
  at::Tensor backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) override;

 private:
  Parts parts_;
  at::Tensor x_, inverse_, gate_up_;
};

}  // namespace saucier::model
