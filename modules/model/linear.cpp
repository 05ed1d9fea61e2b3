#include "modules/model/linear.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "modules/base/error.h"

namespace saucier::model {
namespace {

bool wants(const at::Tensor& x) { return x.defined() && x.requires_grad(); }

// y[:, from : from + width], as long as it is wide.
at::Tensor columns(const at::Tensor& y, std::int64_t from, std::int64_t width) { return y.size(1) == width ? y : y.narrow(1, from, width); }

}  // namespace

at::Tensor as_one(const std::vector<at::Tensor>& parts) {
  const at::Tensor& first = parts.front();
  if (parts.size() == 1) return first;
  std::int64_t rows = 0;
  const auto* next = static_cast<const char*>(first.const_data_ptr());
  for (const at::Tensor& part : parts) {
    if (!part.is_contiguous() || part.dim() != 2 || part.size(1) != first.size(1) || part.scalar_type() != first.scalar_type() ||
        !part.is_alias_of(first) || static_cast<const char*>(part.const_data_ptr()) != next)
      return {};
    next += part.nbytes();
    rows += part.size(0);
  }
  return first.detach().as_strided({rows, first.size(1)}, {first.size(1), 1});
}

std::int64_t LinearGroup::out() const {
  std::int64_t sum = 0;
  for (const LinearLayer& layer : layers_) sum += layer.weight.size(0);
  return sum;
}

std::vector<at::Tensor> LinearGroup::trained() const {
  std::vector<at::Tensor> all;
  for (const LinearLayer& layer : layers_)
    for (const at::Tensor* tensor : {&layer.weight, &layer.bias, &layer.a, &layer.b})
      if (wants(*tensor)) all.push_back(*tensor);
  return all;
}

bool LinearGroup::needs_input() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const LinearLayer& layer) { return wants(layer.weight) || wants(layer.a) || wants(layer.b); });
}

// An update is either added to the weight before the product or to the product. The first costs a pass over the weight,
// the second two passes over the rows, so that it pays from some rows on. Dropout stands between the two products, so it
// needs the second; so does bfloat16, in which a weight would swallow a small update; and a trained weight is not copied.
bool LinearGroup::folds(std::int64_t rows) const {
  if (dropout_ > 0 || dtype_ != at::kFloat) return false;
  bool any = false;
  for (const LinearLayer& layer : layers_) {
    if (wants(layer.weight)) return false;
    any = any || layer.a.defined();
  }
  const std::int64_t in = layers_.front().weight.size(1);
  return any && in * out() < rows * (in + out());
}

// All weights as one matrix, with the updates in it where `folded`; undefined where they are not neighbours in memory.
at::Tensor LinearGroup::joined(bool folded) const {
  if (!folded) {
    std::vector<at::Tensor> weights;
    for (const LinearLayer& layer : layers_) weights.push_back(layer.weight.detach().to(dtype_));
    return as_one(weights);
  }
  at::Tensor all = at::empty({out(), layers_.front().weight.size(1)}, layers_.front().weight.options().dtype(dtype_).requires_grad(false));
  std::int64_t row = 0;
  for (const LinearLayer& layer : layers_) {
    at::Tensor part = all.narrow(0, row, layer.weight.size(0));
    if (layer.a.defined())
      at::addmm_out(part, layer.weight, layer.b.detach(), layer.a.detach(), 1, layer.scale);
    else
      part.copy_(layer.weight);
    row += layer.weight.size(0);
  }
  return all;
}

at::Tensor LinearGroup::joined_bias() const {
  if (layers_.size() == 1) return layers_[0].bias.defined() ? layers_[0].bias.detach().to(dtype_) : at::Tensor();
  if (std::none_of(layers_.begin(), layers_.end(), [](const LinearLayer& layer) { return layer.bias.defined(); })) return {};
  std::vector<at::Tensor> biases;
  for (const LinearLayer& layer : layers_)
    biases.push_back(layer.bias.defined() ? layer.bias.detach().to(dtype_) : at::zeros({layer.weight.size(0)}, layer.weight.options().dtype(dtype_).requires_grad(false)));
  return at::cat(biases);
}

// The A of all updates, one under the other.
at::Tensor LinearGroup::updates_in() const {
  std::vector<at::Tensor> all;
  for (const LinearLayer& layer : layers_)
    if (layer.a.defined()) all.push_back(layer.a.detach().to(dtype_));
  return all.size() == 1 ? all.front() : at::cat(all);
}

void LinearGroup::add_updates(const at::Tensor& x, at::Tensor& y, bool keep) {
  const bool drops = dropout_ > 0;
  const at::Tensor narrow = drops ? at::Tensor() : at::mm(x, updates_in().t());  // [N, sum of r]
  std::int64_t row = 0, rank = 0;
  masks_.clear();
  for (const LinearLayer& layer : layers_) {
    if (layer.a.defined()) {
      const std::int64_t r = layer.a.size(0);
      at::Tensor h;
      if (drops) {
        at::Tensor mask = at::empty_like(x).bernoulli_(1 - dropout_).div_(1 - dropout_);
        h = at::mm(x.mul(mask), layer.a.detach().to(dtype_).t());
        if (keep) masks_.push_back(std::move(mask));
      } else {
        h = columns(narrow, rank, r);
      }
      columns(y, row, layer.weight.size(0)).addmm_(h, layer.b.detach().to(dtype_).t(), 1, layer.scale);
      rank += r;
    }
    row += layer.weight.size(0);
  }
}

at::Tensor LinearGroup::apply(const at::Tensor& x, bool keep) {
  const bool folded = folds(x.size(0));
  const at::Tensor weight = joined(folded), bias = joined_bias();
  at::Tensor y;
  if (weight.defined()) {
    y = at::linear(x, weight, bias);
  } else {
    y = at::empty({x.size(0), out()}, x.options());
    std::int64_t row = 0;
    for (const LinearLayer& layer : layers_) {
      at::Tensor part = y.narrow(1, row, layer.weight.size(0));
      at::mm_out(part, x, layer.weight.detach().to(dtype_).t());
      row += layer.weight.size(0);
    }
    if (bias.defined()) y.add_(bias);
  }
  const bool adapted = std::any_of(layers_.begin(), layers_.end(), [](const LinearLayer& layer) { return layer.a.defined(); });
  if (adapted && !folded) add_updates(x, y, keep);
  return y;
}

// Those of (a, b) of each layer, undefined where nobody wants them; what goes through the updates is added to *of_x.
void LinearGroup::update_gradients(const at::Tensor& gradient, const at::Tensor& x, at::Tensor* of_x, std::vector<std::pair<at::Tensor, at::Tensor>>& out) {
  std::int64_t row = 0;
  size_t number = 0;
  std::vector<at::Tensor> narrow;  // s gradient B, [N, r] each
  for (const LinearLayer& layer : layers_) {
    if (layer.a.defined()) narrow.push_back(at::mm(columns(gradient, row, layer.weight.size(0)), layer.b.detach().to(dtype_)).mul_(layer.scale));
    row += layer.weight.size(0);
  }
  // Of b, from A x.
  const auto of_b = [&](const LinearLayer& layer, std::int64_t at, const at::Tensor& h) {
    return at::mm(columns(gradient, at, layer.weight.size(0)).t(), h).to(at::kFloat).mul_(layer.scale);
  };
  row = 0;
  if (dropout_ > 0) {
    for (const LinearLayer& layer : layers_) {
      out.emplace_back();
      if (layer.a.defined()) {
        const at::Tensor dropped = x.defined() ? x.mul(masks_[number]) : x, a = layer.a.detach().to(dtype_);
        if (wants(layer.a)) out.back().first = at::mm(narrow[number].t(), dropped).to(at::kFloat);
        if (wants(layer.b)) out.back().second = of_b(layer, row, at::mm(dropped, a.t()));
        if (of_x != nullptr) of_x->add_(at::mm(narrow[number], a).mul_(masks_[number]));
        ++number;
      }
      row += layer.weight.size(0);
    }
    return;
  }
  const at::Tensor a = updates_in(), g = narrow.size() == 1 ? narrow.front() : at::cat(narrow, 1);  // [N, sum of r]
  const at::Tensor h = x.defined() ? at::mm(x, a.t()) : at::Tensor();
  const at::Tensor all_a = x.defined() ? at::mm(g.t(), x).to(at::kFloat) : at::Tensor();  // [sum of r, in]
  std::int64_t rank = 0;
  for (const LinearLayer& layer : layers_) {
    out.emplace_back();
    if (layer.a.defined()) {
      const std::int64_t r = layer.a.size(0);
      if (wants(layer.a)) out.back().first = all_a.narrow(0, rank, r);
      if (wants(layer.b)) out.back().second = of_b(layer, row, columns(h, rank, r));
      rank += r;
    }
    row += layer.weight.size(0);
  }
  if (of_x != nullptr) of_x->addmm_(g, a);
}

at::Tensor LinearGroup::backward(const at::Tensor& gradient, const at::Tensor& x, bool wants_x, std::vector<at::Tensor>& gradients) {
  const bool folded = folds(gradient.size(0));
  const bool adapted = std::any_of(layers_.begin(), layers_.end(), [](const LinearLayer& layer) { return layer.a.defined(); });
  at::Tensor of_x;
  if (wants_x) {
    const at::Tensor weight = joined(folded);
    if (weight.defined()) {
      of_x = at::mm(gradient, weight);
    } else {
      std::int64_t row = 0;
      for (const LinearLayer& layer : layers_) {
        const at::Tensor part = columns(gradient, row, layer.weight.size(0)), one = layer.weight.detach().to(dtype_);
        if (of_x.defined())
          of_x.addmm_(part, one);
        else
          of_x = at::mm(part, one);
        row += layer.weight.size(0);
      }
    }
  }
  std::vector<std::pair<at::Tensor, at::Tensor>> of_updates(layers_.size());
  const bool through_updates = wants_x && !folded;
  if (adapted && (x.defined() || through_updates)) {
    of_updates.clear();
    update_gradients(gradient, x, through_updates ? &of_x : nullptr, of_updates);
  }
  std::int64_t row = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const LinearLayer& layer = layers_[i];
    const at::Tensor part = columns(gradient, row, layer.weight.size(0));
    if (wants(layer.weight)) gradients.push_back(at::mm(part.t(), x).to(at::kFloat));
    if (wants(layer.bias)) gradients.push_back(part.sum(0, false, at::kFloat));
    if (wants(layer.a)) gradients.push_back(of_updates[i].first);
    if (wants(layer.b)) gradients.push_back(of_updates[i].second);
    row += layer.weight.size(0);
  }
  return of_x;
}

at::Tensor LinearGroup::forward(const at::Tensor& x, bool keep) {
  if (keep && needs_input()) x_ = x;
  return apply(x, keep);
}

at::Tensor LinearGroup::backward(const at::Tensor& gradient, bool wants_x, std::vector<at::Tensor>& gradients) {
  return backward(gradient, x_, wants_x, gradients);
}

}  // namespace saucier::model
