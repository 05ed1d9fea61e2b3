#include "modules/model/decoder.h"

#include <ATen/ops/zeros.h>

#include "modules/base/error.h"
#include "modules/model/kernels.h"

namespace saucier::model {
namespace {

bool wants(const at::Tensor& x) { return x.defined() && x.requires_grad(); }

void append(std::vector<at::Tensor>& all, const std::vector<at::Tensor>& more) { all.insert(all.end(), more.begin(), more.end()); }

// The gradient of x behind a norm and, beside it, the residual's; that of the norm's weight is put behind `gradients`.
at::Tensor through_norm(const at::Tensor& gradient, const at::Tensor& x, const NormWeight& norm, const at::Tensor& inverse,
                        const at::Tensor& residual, std::vector<at::Tensor>& gradients) {
  at::Tensor of_weight;
  at::Tensor of_x = rms_norm_backward(gradient, x, norm.weight, inverse, residual, wants(norm.weight) ? &of_weight : nullptr);
  if (of_weight.defined()) gradients.push_back(std::move(of_weight));
  return of_x;
}

// From the gradient of a half's first layers to that of its input x, through the norm before them.
at::Tensor through_input(const at::Tensor& gradient, LinearGroup& layers, const at::Tensor& x, const NormWeight& norm, const at::Tensor& inverse,
                         const at::Tensor& residual, bool wants_x, std::vector<at::Tensor>& gradients) {
  const at::Tensor normed = layers.needs_input() ? rms_norm_forward(x, norm.weight, norm.epsilon) : at::Tensor();
  const bool goes_on = wants_x || wants(norm.weight);
  const at::Tensor of_normed = layers.backward(gradient, normed, goes_on, gradients);
  return goes_on ? through_norm(of_normed, x, norm, inverse, residual, gradients) : at::Tensor();
}

}  // namespace

// ---- attention ----

std::vector<at::Tensor> AttentionHalf::trained() const {
  std::vector<at::Tensor> all;
  append(all, parts_.out->trained());
  for (const NormWeight* norm : {&parts_.q_norm, &parts_.k_norm})
    if (wants(norm->weight)) all.push_back(norm->weight);
  append(all, parts_.qkv->trained());
  if (wants(parts_.norm.weight)) all.push_back(parts_.norm.weight);
  return all;
}

// heads [N, h, E], a view
at::Tensor AttentionHalf::norm_head(const NormWeight& norm, const at::Tensor& heads, at::Tensor* inverse) const {
  return rms_norm_forward(heads.reshape({-1, parts_.shape.width}), norm.weight, norm.epsilon, inverse).view(heads.sizes());
}

at::Tensor AttentionHalf::qkv_of(const at::Tensor& x, bool keep) {
  const at::Tensor normed = rms_norm_forward(x, parts_.norm.weight, parts_.norm.epsilon, &inverse_);
  at::Tensor qkv = parts_.qkv->apply(normed, keep);
  if (!parts_.q_norm.weight.defined()) return qkv;
  const std::int64_t turning = parts_.shape.heads + parts_.shape.kv_heads;
  const at::Tensor heads = qkv.view({qkv.size(0), parts_.shape.all(), parts_.shape.width});
  if (keep) raw_ = heads.narrow(1, 0, turning).clone();
  const at::Tensor q = heads.narrow(1, 0, parts_.shape.heads), k = heads.narrow(1, parts_.shape.heads, parts_.shape.kv_heads);
  q.copy_(norm_head(parts_.q_norm, q, &q_inverse_));
  k.copy_(norm_head(parts_.k_norm, k, &k_inverse_));
  return qkv;
}

at::Tensor AttentionHalf::forward(const at::Tensor& x, bool keep) {
  SAUCIER_CHECK(parts_.plan != nullptr, "attention without a plan of the rows");
  const KeptPrefix* prefix = parts_.prefix.keys.defined() ? &parts_.prefix : nullptr;
  Heads heads = split_heads(qkv_of(x, keep), *parts_.plan, parts_.shape, parts_.angles, prefix);
  const at::Tensor mixed = attend(heads, *parts_.plan, parts_.shape, keep ? &normaliser_ : nullptr);
  const bool some = parts_.wanted.defined();
  at::Tensor y = parts_.out->apply(some ? mixed.index_select(0, parts_.wanted) : mixed, keep);
  y.add_(some ? x.index_select(0, parts_.wanted) : x);
  if (keep) {
    x_ = x;
    mixed_ = mixed;
  }
  if (keep || keeps_heads_) heads_ = std::move(heads);
  return y;
}

at::Tensor AttentionHalf::backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) {
  const bool some = parts_.wanted.defined();
  const at::Tensor went_on = !parts_.out->needs_input() ? at::Tensor() : some ? mixed_.index_select(0, parts_.wanted) : mixed_;
  at::Tensor of_mixed = parts_.out->backward(gradient, went_on, /*wants_x=*/true, gradients);
  at::Tensor residual = gradient;
  if (some) {
    of_mixed = at::zeros(mixed_.sizes(), mixed_.options()).index_copy_(0, parts_.wanted, of_mixed);
    residual = at::zeros(x_.sizes(), gradient.options()).index_copy_(0, parts_.wanted, gradient);
  }
  const Heads of_heads = attend_backward(of_mixed, heads_, mixed_, normaliser_, *parts_.plan, parts_.shape);
  at::Tensor of_qkv = join_heads(of_heads, *parts_.plan, parts_.shape, parts_.angles, x_.scalar_type());
  heads_ = {};
  mixed_.reset();
  of_mixed.reset();
  if (parts_.q_norm.weight.defined()) {
    const at::Tensor all = of_qkv.view({of_qkv.size(0), parts_.shape.all(), parts_.shape.width});
    std::int64_t first = 0;
    for (const auto& [norm, inverse, count] : {std::tuple(&parts_.q_norm, q_inverse_, parts_.shape.heads), std::tuple(&parts_.k_norm, k_inverse_, parts_.shape.kv_heads)}) {
      const at::Tensor part = all.narrow(1, first, count);
      part.copy_(through_norm(part.reshape({-1, parts_.shape.width}), raw_.narrow(1, first, count).reshape({-1, parts_.shape.width}), *norm, inverse, {}, gradients).view(part.sizes()));
      first += count;
    }
    raw_.reset();
  }
  at::Tensor of_x = through_input(of_qkv, *parts_.qkv, x_, parts_.norm, inverse_, residual, wants_x, gradients);
  x_.reset();
  return of_x;
}

// ---- feed-forward ----

std::vector<at::Tensor> MlpHalf::trained() const {
  std::vector<at::Tensor> all;
  append(all, parts_.down->trained());
  append(all, parts_.gate_up->trained());
  if (wants(parts_.norm.weight)) all.push_back(parts_.norm.weight);
  return all;
}

at::Tensor MlpHalf::forward(const at::Tensor& x, bool keep) {
  const at::Tensor gate_up = parts_.gate_up->apply(rms_norm_forward(x, parts_.norm.weight, parts_.norm.epsilon, &inverse_), keep);
  at::Tensor y = parts_.down->apply(swiglu_forward(gate_up), keep);
  y.add_(x);
  if (keep) {
    x_ = x;
    gate_up_ = gate_up;
  }
  return y;
}

at::Tensor MlpHalf::backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) {
  at::Tensor of_active = parts_.down->backward(gradient, parts_.down->needs_input() ? swiglu_forward(gate_up_) : at::Tensor(), true, gradients);
  const at::Tensor of_gate_up = swiglu_backward(of_active, gate_up_);
  of_active.reset();
  gate_up_.reset();
  at::Tensor of_x = through_input(of_gate_up, *parts_.gate_up, x_, parts_.norm, inverse_, gradient, wants_x, gradients);
  x_.reset();
  return of_x;
}

}  // namespace saucier::model
