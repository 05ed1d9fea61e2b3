#include "modules/model/kernels.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>
#include <vector>

#include "modules/model/vectorised.h"

namespace saucier::model {
namespace {

constexpr std::int64_t kRowsAChunk = 64;  // fixed, so that sums over rows do not depend on the number of threads

// Calls `loop` with a value of the element type of x.
template <class Loop>
void with_type(const at::Tensor& x, Loop loop) {
  if (x.scalar_type() == at::kBFloat16)
    loop(c10::BFloat16());
  else
    loop(float());
}

template <class T>
const T* read(const at::Tensor& x) {
  return x.const_data_ptr<T>();
}

// ---- RMS norm ----

template <class T>
SAUCIER_INLINE void norm_rows(const T* x, const float* weight, T* y, float* inverse, std::int64_t rows,
                                                     std::int64_t width, float epsilon) {
  for (std::int64_t n = 0; n < rows; ++n, x += width, y += width) {
    float sums[kLanes] = {};
    std::int64_t d = 0;
    for (; d + kLanes <= width; d += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) sums[lane] += widen(x[d + lane]) * widen(x[d + lane]);
    float sum = 0;
    for (; d < width; ++d) sum += widen(x[d]) * widen(x[d]);
    for (float lane : sums) sum += lane;
    const float scale = 1.0F / std::sqrt(sum / static_cast<float>(width) + epsilon);
    inverse[n] = scale;
    for (d = 0; d < width; ++d) y[d] = narrowed<T>(widen(x[d]) * scale * weight[d]);
  }
}
SAUCIER_VECTORISED void norm_rows_of(const float* x, const float* weight, float* y, float* inverse, std::int64_t rows, std::int64_t width, float epsilon) {
  norm_rows(x, weight, y, inverse, rows, width, epsilon);
}
SAUCIER_VECTORISED void norm_rows_of(const c10::BFloat16* x, const float* weight, c10::BFloat16* y, float* inverse, std::int64_t rows, std::int64_t width, float epsilon) {
  norm_rows(x, weight, y, inverse, rows, width, epsilon);
}

// gx = s (g w) - x s³ / D sum(g w x) with s the inverse root mean square, plus `residual`; gw += g x s. Both may be null.
template <class T>
SAUCIER_INLINE void norm_rows_back(const T* g, const T* x, const float* weight, const float* inverse,
                                                          const T* residual, T* gx, float* gw, std::int64_t rows, std::int64_t width) {
  for (std::int64_t n = 0; n < rows; ++n, g += width, x += width, gx += width) {
    float sums[kLanes] = {};
    std::int64_t d = 0;
    for (; d + kLanes <= width; d += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) sums[lane] += widen(g[d + lane]) * weight[d + lane] * widen(x[d + lane]);
    float sum = 0;
    for (; d < width; ++d) sum += widen(g[d]) * weight[d] * widen(x[d]);
    for (float lane : sums) sum += lane;
    const float scale = inverse[n];
    const float pull = sum * scale * scale * scale / static_cast<float>(width);
    if (residual == nullptr) {
      for (d = 0; d < width; ++d) gx[d] = narrowed<T>(widen(g[d]) * weight[d] * scale - widen(x[d]) * pull);
    } else {
      for (d = 0; d < width; ++d) gx[d] = narrowed<T>(widen(residual[d]) + widen(g[d]) * weight[d] * scale - widen(x[d]) * pull);
      residual += width;
    }
    if (gw != nullptr)
      for (d = 0; d < width; ++d) gw[d] += widen(g[d]) * widen(x[d]) * scale;
  }
}
SAUCIER_VECTORISED void norm_rows_back_of(const float* g, const float* x, const float* weight, const float* inverse, const float* residual, float* gx, float* gw, std::int64_t rows, std::int64_t width) {
  norm_rows_back(g, x, weight, inverse, residual, gx, gw, rows, width);
}
SAUCIER_VECTORISED void norm_rows_back_of(const c10::BFloat16* g, const c10::BFloat16* x, const float* weight, const float* inverse, const c10::BFloat16* residual, c10::BFloat16* gx, float* gw, std::int64_t rows, std::int64_t width) {
  norm_rows_back(g, x, weight, inverse, residual, gx, gw, rows, width);
}

// ---- activations ----

template <class T>
SAUCIER_INLINE void swiglu_row(const T* gate, const T* up, T* y, std::int64_t width) {
  for (std::int64_t f = 0; f < width; ++f) y[f] = narrowed<T>(widen(gate[f]) * sigmoid(widen(gate[f])) * widen(up[f]));
}
SAUCIER_VECTORISED void swiglu_row_of(const float* gate, const float* up, float* y, std::int64_t width) { swiglu_row(gate, up, y, width); }
SAUCIER_VECTORISED void swiglu_row_of(const c10::BFloat16* gate, const c10::BFloat16* up, c10::BFloat16* y, std::int64_t width) { swiglu_row(gate, up, y, width); }

template <class T>
SAUCIER_INLINE void swiglu_row_back(const T* g, const T* gate, const T* up, T* ggate, T* gup, std::int64_t width) {
  for (std::int64_t f = 0; f < width; ++f) {
    const float s = sigmoid(widen(gate[f])), silu = widen(gate[f]) * s;
    gup[f] = narrowed<T>(widen(g[f]) * silu);
    ggate[f] = narrowed<T>(widen(g[f]) * widen(up[f]) * (s + silu * (1.0F - s)));
  }
}
SAUCIER_VECTORISED void swiglu_row_back_of(const float* g, const float* gate, const float* up, float* ggate, float* gup, std::int64_t width) { swiglu_row_back(g, gate, up, ggate, gup, width); }
SAUCIER_VECTORISED void swiglu_row_back_of(const c10::BFloat16* g, const c10::BFloat16* gate, const c10::BFloat16* up, c10::BFloat16* ggate, c10::BFloat16* gup, std::int64_t width) { swiglu_row_back(g, gate, up, ggate, gup, width); }

template <class T>
SAUCIER_INLINE void quick_gelu_row(const T* x, T* y, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) y[i] = narrowed<T>(widen(x[i]) * sigmoid(1.702F * widen(x[i])));
}
SAUCIER_VECTORISED void quick_gelu_row_of(const float* x, float* y, std::int64_t width) { quick_gelu_row(x, y, width); }
SAUCIER_VECTORISED void quick_gelu_row_of(const c10::BFloat16* x, c10::BFloat16* y, std::int64_t width) { quick_gelu_row(x, y, width); }

template <class T>
SAUCIER_INLINE void quick_gelu_row_back(const T* g, const T* x, T* gx, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    const float s = sigmoid(1.702F * widen(x[i]));
    gx[i] = narrowed<T>(widen(g[i]) * (s + 1.702F * widen(x[i]) * s * (1.0F - s)));
  }
}
SAUCIER_VECTORISED void quick_gelu_row_back_of(const float* g, const float* x, float* gx, std::int64_t width) { quick_gelu_row_back(g, x, gx, width); }
SAUCIER_VECTORISED void quick_gelu_row_back_of(const c10::BFloat16* g, const c10::BFloat16* x, c10::BFloat16* gx, std::int64_t width) { quick_gelu_row_back(g, x, gx, width); }

// ---- cross-entropy ----

template <class T>
SAUCIER_INLINE float entropy_row(T* logits, std::int64_t target, std::int64_t width, float scale, bool overwrite) {
  float tops[kLanes];
  for (float& top : tops) top = widen(logits[0]);
  std::int64_t v = 0;
  for (; v + kLanes <= width; v += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) tops[lane] = larger(tops[lane], widen(logits[v + lane]));
  float top = tops[0];
  for (float one : tops) top = larger(top, one);
  for (; v < width; ++v) top = larger(top, widen(logits[v]));
  float sums[kLanes] = {};
  for (v = 0; v + kLanes <= width; v += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += exponential(widen(logits[v + lane]) - top);
  double sum = 0;
  for (; v < width; ++v) sum += exponential(widen(logits[v]) - top);
  for (float one : sums) sum += one;
  const float loss = static_cast<float>(std::log(sum)) + top - widen(logits[target]);
  if (overwrite) {
    const float share = scale / static_cast<float>(sum), at_target = widen(logits[target]);
    for (v = 0; v < width; ++v) logits[v] = narrowed<T>(exponential(widen(logits[v]) - top) * share);
    logits[target] = narrowed<T>(exponential(at_target - top) * share - scale);
  }
  return loss;
}
SAUCIER_VECTORISED float entropy_row_of(float* logits, std::int64_t target, std::int64_t width, float scale, bool overwrite) { return entropy_row(logits, target, width, scale, overwrite); }
SAUCIER_VECTORISED float entropy_row_of(c10::BFloat16* logits, std::int64_t target, std::int64_t width, float scale, bool overwrite) { return entropy_row(logits, target, width, scale, overwrite); }

}  // namespace

int use_threads(std::int64_t threads) {
  // oneDNN, which multiplies bfloat16, keeps code for every shape it has met, a thousand of them unless it is told a number
  // before its first use. The number of tokens differs from batch to batch; one has about fifty shapes.
  ::setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", /*overwrite=*/0);
  const int count = threads > 0 ? static_cast<int>(threads) : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  at::set_num_threads(count);
  at::globalContext().setFlushDenormal(true);
  return count;
}

bool has_loops(const at::Tensor& x) { return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16); }

at::Tensor rms_norm_forward(const at::Tensor& input, const at::Tensor& weight, double epsilon, at::Tensor* inverse) {
  const at::Tensor x = input.contiguous(), wide_weight = weight.to(at::kFloat).contiguous();
  if (!has_loops(x)) {
    const at::Tensor wide = x.to(at::kFloat), scale = (wide.square().mean(-1, true) + epsilon).rsqrt();
    if (inverse != nullptr) *inverse = scale.squeeze(-1);
    return (wide * scale * wide_weight).to(x.scalar_type());
  }
  const std::int64_t rows = x.size(0), width = x.size(1);
  at::Tensor y = at::empty_like(x), scales = at::empty({rows}, x.options().dtype(at::kFloat));
  float* scale = scales.mutable_data_ptr<float>();
  const float* w = read<float>(wide_weight);
  with_type(x, [&](auto zero) {
    using T = decltype(zero);
    const T* from = read<T>(x);
    T* to = y.mutable_data_ptr<T>();
    at::parallel_for(0, rows, grain(width), [&](std::int64_t begin, std::int64_t end) {
      norm_rows_of(from + begin * width, w, to + begin * width, scale + begin, end - begin, width, static_cast<float>(epsilon));
    });
  });
  if (inverse != nullptr) *inverse = scales;
  return y;
}

at::Tensor rms_norm_backward(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse,
                             const at::Tensor& residual, at::Tensor* weight_gradient) {
  const at::Tensor g = gradient.contiguous(), wide_weight = weight.to(at::kFloat).contiguous();
  const at::Tensor rest = residual.defined() ? residual.contiguous() : residual;
  if (!has_loops(x)) {
    const at::Tensor wide = x.to(at::kFloat), wide_g = g.to(at::kFloat), scale = inverse.unsqueeze(-1), gw = wide_g * wide_weight;
    if (weight_gradient != nullptr) *weight_gradient = (wide_g * wide * scale).sum(0);
    at::Tensor gx = gw * scale - wide * ((gw * wide).mean(-1, true) * scale * scale * scale);
    if (rest.defined()) gx = gx + rest;
    return gx.to(x.scalar_type());
  }
  const std::int64_t rows = x.size(0), width = x.size(1), chunks = (rows + kRowsAChunk - 1) / kRowsAChunk;
  at::Tensor gx = at::empty_like(x);
  at::Tensor parts = weight_gradient != nullptr ? at::zeros({chunks, width}, wide_weight.options()) : at::Tensor();
  float* gw = parts.defined() ? parts.mutable_data_ptr<float>() : nullptr;
  const float *w = read<float>(wide_weight), *scale = read<float>(inverse);
  with_type(x, [&](auto zero) {
    using T = decltype(zero);
    const T *gp = read<T>(g), *xp = read<T>(x), *rp = rest.defined() ? read<T>(rest) : nullptr;
    T* gxp = gx.mutable_data_ptr<T>();
    at::parallel_for(0, chunks, grain(width * kRowsAChunk), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t first = chunk * kRowsAChunk, count = std::min(kRowsAChunk, rows - first), at = first * width;
        norm_rows_back_of(gp + at, xp + at, w, scale + first, rp == nullptr ? nullptr : rp + at, gxp + at,
                          gw == nullptr ? nullptr : gw + chunk * width, count, width);
      }
    });
  });
  if (weight_gradient != nullptr) *weight_gradient = parts.sum(0);
  return gx;
}

at::Tensor swiglu_forward(const at::Tensor& gate_up) {
  const at::Tensor x = gate_up.contiguous();
  if (!has_loops(x)) {
    const std::vector<at::Tensor> halves = x.chunk(2, -1);
    return at::silu(halves[0]) * halves[1];
  }
  const std::int64_t rows = x.size(0), width = x.size(1) / 2;
  at::Tensor y = at::empty({rows, width}, x.options());
  with_type(x, [&](auto zero) {
    using T = decltype(zero);
    const T* from = read<T>(x);
    T* to = y.mutable_data_ptr<T>();
    at::parallel_for(0, rows, grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) swiglu_row_of(from + 2 * n * width, from + (2 * n + 1) * width, to + n * width, width);
    });
  });
  return y;
}

at::Tensor swiglu_backward(const at::Tensor& gradient, const at::Tensor& gate_up) {
  const at::Tensor g = gradient.contiguous(), x = gate_up.contiguous();
  if (!has_loops(x)) {
    const std::vector<at::Tensor> halves = x.chunk(2, -1);
    return at::cat({at::silu_backward(g * halves[1], halves[0]), g * at::silu(halves[0])}, -1);
  }
  const std::int64_t rows = x.size(0), width = x.size(1) / 2;
  at::Tensor gx = at::empty_like(x);
  with_type(x, [&](auto zero) {
    using T = decltype(zero);
    const T *gp = read<T>(g), *xp = read<T>(x);
    T* gxp = gx.mutable_data_ptr<T>();
    at::parallel_for(0, rows, grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        swiglu_row_back_of(gp + n * width, xp + 2 * n * width, xp + (2 * n + 1) * width, gxp + 2 * n * width, gxp + (2 * n + 1) * width, width);
    });
  });
  return gx;
}

at::Tensor quick_gelu_forward(const at::Tensor& input) {
  const at::Tensor x = input.contiguous();
  if (!has_loops(x)) return x * at::sigmoid(x * 1.702);
  at::Tensor y = at::empty_like(x);
  with_type(x, [&](auto zero) {
    using T = decltype(zero);
    const T* from = read<T>(x);
    T* to = y.mutable_data_ptr<T>();
    at::parallel_for(0, x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) { quick_gelu_row_of(from + begin, to + begin, end - begin); });
  });
  return y;
}

at::Tensor quick_gelu_backward(const at::Tensor& gradient, const at::Tensor& input) {
  const at::Tensor g = gradient.contiguous(), x = input.contiguous();
  if (!has_loops(x)) {
    const at::Tensor s = at::sigmoid(x * 1.702);
    return g * (s + x * s * (1 - s) * 1.702);
  }
  at::Tensor gx = at::empty_like(x);
  with_type(x, [&](auto zero) {
    using T = decltype(zero);
    const T *gp = read<T>(g), *xp = read<T>(x);
    T* gxp = gx.mutable_data_ptr<T>();
    at::parallel_for(0, x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) { quick_gelu_row_back_of(gp + begin, xp + begin, gxp + begin, end - begin); });
  });
  return gx;
}

at::Tensor cross_entropy_in_place(at::Tensor& logits, const at::Tensor& targets, std::optional<double> scale) {
  const std::int64_t rows = logits.size(0), width = logits.size(1);
  if (!has_loops(logits)) {
    const at::Tensor logs = at::log_softmax(logits, -1, at::kFloat);
    const at::Tensor losses = logs.gather(1, targets.unsqueeze(1)).squeeze(1).neg();
    if (scale) logits.copy_(logs.exp().scatter_add(1, targets.unsqueeze(1), at::full_like(losses, -1.0).unsqueeze(1)).mul_(*scale));
    return losses;
  }
  at::Tensor losses = at::empty({rows}, logits.options().dtype(at::kFloat));
  float* out = losses.mutable_data_ptr<float>();
  const std::int64_t* target = targets.const_data_ptr<std::int64_t>();
  with_type(logits, [&](auto zero) {
    using T = decltype(zero);
    T* row = logits.mutable_data_ptr<T>();
    at::parallel_for(0, rows, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        out[n] = entropy_row_of(row + n * width, target[n], width, static_cast<float>(scale.value_or(0)), scale.has_value());
    });
  });
  return losses;
}

}  // namespace saucier::model
