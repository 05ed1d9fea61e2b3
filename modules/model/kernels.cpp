// libtorch's autograd headers, inlined here, make GCC 12 see null pointers that are none.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wnull-dereference"
#endif

#include "modules/model/kernels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <thread>
#include <vector>

#include "modules/base/error.h"

// The compiler makes one version of a loop for each of these and the program picks at start: a plain x86-64 build knows
// four floats a register.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SAUCIER_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SAUCIER_VECTORISED
#endif

namespace saucier::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr int kLanes = 16;               // independent sums, so that a reduction needs no reordering to vectorise
constexpr std::int64_t kRowsAChunk = 64; // fixed, so that sums over rows do not depend on the number of threads
constexpr std::int64_t kGrain = 1 << 14; // elements worth a thread

bool has_loops(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

std::int64_t grain(std::int64_t width) { return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(width, 1)); }

// exp as 2^n times the Taylor series of the rest (|r| <= ln 2 / 2: relative error below 1e-8 before rounding). No branch
// and no table, so that loops around it vectorise; a NaN stays one.
inline float exponential(float x) {
  x = x > 88.0F ? 88.0F : x;
  x = x < -87.0F ? -87.0F : x;
  const float shifted = x * 1.44269504F + 12582912.0F;  // 1.5 * 2^23: the integer part lands in the low bits
  const float n = shifted - 12582912.0F;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts
  float p = 1.0F / 5040;
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const std::uint32_t scale = (std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000U;
  return p * std::bit_cast<float>(scale);
}

inline float sigmoid(float x) { return 1.0F / (1.0F + exponential(-x)); }

// ---- RMS norm ----

SAUCIER_VECTORISED
void rms_norm_rows(const float* x, const float* weight, float* y, float* inverse, std::int64_t rows, std::int64_t width,
                   float epsilon) {
  for (std::int64_t n = 0; n < rows; ++n, x += width, y += width) {
    float sums[kLanes] = {};
    std::int64_t d = 0;
    for (; d + kLanes <= width; d += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) sums[lane] += x[d + lane] * x[d + lane];
    float sum = 0;
    for (; d < width; ++d) sum += x[d] * x[d];
    for (float lane : sums) sum += lane;
    const float scale = 1.0F / std::sqrt(sum / static_cast<float>(width) + epsilon);
    inverse[n] = scale;
    for (d = 0; d < width; ++d) y[d] = x[d] * scale * weight[d];
  }
}

// gx = s (g w) - x s³ / D sum(g w x) with s the inverse root mean square; gw += g x s (null: not wanted).
SAUCIER_VECTORISED
void rms_norm_rows_backward(const float* g, const float* x, const float* weight, const float* inverse, float* gx,
                            float* gw, std::int64_t rows, std::int64_t width) {
  for (std::int64_t n = 0; n < rows; ++n, g += width, x += width, gx += width) {
    float sums[kLanes] = {};
    std::int64_t d = 0;
    for (; d + kLanes <= width; d += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) sums[lane] += g[d + lane] * weight[d + lane] * x[d + lane];
    float sum = 0;
    for (; d < width; ++d) sum += g[d] * weight[d] * x[d];
    for (float lane : sums) sum += lane;
    const float scale = inverse[n];
    const float pull = sum * scale * scale * scale / static_cast<float>(width);
    for (d = 0; d < width; ++d) gx[d] = g[d] * weight[d] * scale - x[d] * pull;
    if (gw != nullptr)
      for (d = 0; d < width; ++d) gw[d] += g[d] * x[d] * scale;
  }
}

class RmsNorm : public Function<RmsNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            double epsilon) {
    const at::Tensor x = input.contiguous();
    const std::int64_t rows = x.size(0), width = x.size(1);
    at::Tensor y = at::empty_like(x);
    at::Tensor inverse = at::empty({rows}, x.options());
    const float* from = x.const_data_ptr<float>();
    const float* w = weight.const_data_ptr<float>();
    float* to = y.mutable_data_ptr<float>();
    float* scale = inverse.mutable_data_ptr<float>();
    at::parallel_for(0, rows, grain(width), [&](std::int64_t begin, std::int64_t end) {
      rms_norm_rows(from + begin * width, w, to + begin * width, scale + begin, end - begin, width,
                    static_cast<float>(epsilon));
    });
    context->save_for_backward({x, weight, inverse});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &inverse = saved[2];
    const at::Tensor g = gradients[0].contiguous();
    const std::int64_t rows = x.size(0), width = x.size(1);
    const std::int64_t chunks = (rows + kRowsAChunk - 1) / kRowsAChunk;
    const bool wants_weight = context->needs_input_grad(1);
    at::Tensor gx = at::empty_like(x);
    at::Tensor parts = wants_weight ? at::zeros({chunks, width}, x.options()) : at::Tensor();
    const float* gp = g.const_data_ptr<float>();
    const float* xp = x.const_data_ptr<float>();
    const float* wp = weight.const_data_ptr<float>();
    const float* ip = inverse.const_data_ptr<float>();
    float* gxp = gx.mutable_data_ptr<float>();
    float* gwp = wants_weight ? parts.mutable_data_ptr<float>() : nullptr;
    at::parallel_for(0, chunks, grain(width * kRowsAChunk), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t first = chunk * kRowsAChunk, count = std::min(kRowsAChunk, rows - first);
        rms_norm_rows_backward(gp + first * width, xp + first * width, wp, ip + first, gxp + first * width,
                               gwp == nullptr ? nullptr : gwp + chunk * width, count, width);
      }
    });
    return {gx, wants_weight ? parts.sum(0) : at::Tensor(), at::Tensor()};
  }
};

// ---- SwiGLU ----

SAUCIER_VECTORISED
void swiglu_row(const float* gate, const float* up, float* y, std::int64_t width) {
  for (std::int64_t f = 0; f < width; ++f) y[f] = gate[f] * sigmoid(gate[f]) * up[f];
}

SAUCIER_VECTORISED
void swiglu_row_backward(const float* g, const float* gate, const float* up, float* ggate, float* gup,
                         std::int64_t width) {
  for (std::int64_t f = 0; f < width; ++f) {
    const float s = sigmoid(gate[f]);
    const float silu = gate[f] * s;
    gup[f] = g[f] * silu;
    ggate[f] = g[f] * up[f] * (s + silu * (1.0F - s));
  }
}

class SwiGlu : public Function<SwiGlu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    const at::Tensor x = gate_up.contiguous();
    const std::int64_t rows = x.size(0), width = x.size(1) / 2;
    at::Tensor y = at::empty({rows, width}, x.options());
    const float* from = x.const_data_ptr<float>();
    float* to = y.mutable_data_ptr<float>();
    at::parallel_for(0, rows, grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        swiglu_row(from + 2 * n * width, from + (2 * n + 1) * width, to + n * width, width);
    });
    context->save_for_backward({x});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor x = context->get_saved_variables()[0];
    const at::Tensor g = gradients[0].contiguous();
    const std::int64_t rows = x.size(0), width = x.size(1) / 2;
    at::Tensor gx = at::empty_like(x);
    const float* gp = g.const_data_ptr<float>();
    const float* xp = x.const_data_ptr<float>();
    float* gxp = gx.mutable_data_ptr<float>();
    at::parallel_for(0, rows, grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        swiglu_row_backward(gp + n * width, xp + 2 * n * width, xp + (2 * n + 1) * width, gxp + 2 * n * width,
                            gxp + (2 * n + 1) * width, width);
    });
    return {gx};
  }
};

// ---- quick GELU ----

SAUCIER_VECTORISED
void quick_gelu_row(const float* x, float* y, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) y[i] = x[i] * sigmoid(1.702F * x[i]);
}

SAUCIER_VECTORISED
void quick_gelu_row_backward(const float* g, const float* x, float* gx, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    const float s = sigmoid(1.702F * x[i]);
    gx[i] = g[i] * (s + 1.702F * x[i] * s * (1.0F - s));
  }
}

class QuickGelu : public Function<QuickGelu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input) {
    const at::Tensor x = input.contiguous();
    at::Tensor y = at::empty_like(x);
    const float* from = x.const_data_ptr<float>();
    float* to = y.mutable_data_ptr<float>();
    at::parallel_for(0, x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      quick_gelu_row(from + begin, to + begin, end - begin);
    });
    context->save_for_backward({x});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor x = context->get_saved_variables()[0];
    const at::Tensor g = gradients[0].contiguous();
    at::Tensor gx = at::empty_like(x);
    const float* gp = g.const_data_ptr<float>();
    const float* xp = x.const_data_ptr<float>();
    float* gxp = gx.mutable_data_ptr<float>();
    at::parallel_for(0, x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      quick_gelu_row_backward(gp + begin, xp + begin, gxp + begin, end - begin);
    });
    return {gx};
  }
};

// ---- Heads ----

// `sign` -1 turns back, which is the gradient of a rotation.
SAUCIER_VECTORISED
void rotate_head(const float* from, float* to, const float* cos, const float* sin, float sign, std::int64_t half) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = from[i], b = from[i + half];
    const float s = sign * sin[i];
    to[i] = a * cos[i] - b * s;
    to[i + half] = b * cos[i] + a * s;
  }
}

struct HeadShape {
  std::int64_t rows, tokens, heads, kv_heads, width;
  std::int64_t all() const { return heads + 2 * kv_heads; }
};

// One of the three outputs, or its gradient, as memory.
struct HeadView {
  float* data;
  std::int64_t row, head, token;  // strides
  explicit HeadView(const at::Tensor& x)
      : data(const_cast<float*>(x.const_data_ptr<float>())), row(x.stride(0)), head(x.stride(1)), token(x.stride(2)) {}
  float* at(std::int64_t b, std::int64_t h, std::int64_t t) const { return data + b * row + h * head + t * token; }
};

// Moves heads between a qkv row and the three tensors, in either direction, turning queries and keys on the way.
void move_heads(float* qkv, const HeadView& q, const HeadView& k, const HeadView& v, const HeadShape& shape,
                const at::Tensor& cos, const at::Tensor& sin, bool back) {
  const std::int64_t half = cos.defined() ? cos.size(-1) : 0;
  const float* c = cos.defined() ? cos.const_data_ptr<float>() : nullptr;
  const float* s = sin.defined() ? sin.const_data_ptr<float>() : nullptr;
  const std::int64_t row_stride = cos.defined() && cos.size(0) > 1 ? shape.tokens * half : 0;
  at::parallel_for(0, shape.rows * shape.tokens, grain(shape.all() * shape.width),
                   [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t b = n / shape.tokens, t = n % shape.tokens;
      for (std::int64_t h = 0; h < shape.all(); ++h) {
        float* packed = qkv + (n * shape.all() + h) * shape.width;
        const bool is_query = h < shape.heads, is_value = h >= shape.heads + shape.kv_heads;
        float* apart = is_query   ? q.at(b, h, t)
                       : is_value ? v.at(b, h - shape.heads - shape.kv_heads, t)
                                  : k.at(b, h - shape.heads, t);
        const float* from = back ? apart : packed;
        float* to = back ? packed : apart;
        if (is_value || c == nullptr) {
          std::copy(from, from + shape.width, to);
        } else {
          const std::int64_t angle = b * row_stride + t * half;
          rotate_head(from, to, c + angle, s + angle, back ? -1.0F : 1.0F, half);
          std::copy(from + 2 * half, from + shape.width, to + 2 * half);
        }
      }
    }
  });
}

class SplitHeads : public Function<SplitHeads> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& input, std::int64_t rows,
                               std::int64_t tokens, std::int64_t heads, std::int64_t kv_heads,
                               const Rotary& angles) {  // not tensors to autograd, which takes no undefined ones
    const at::Tensor qkv = input.contiguous();
    const HeadShape shape{rows, tokens, heads, kv_heads, qkv.size(1) / (heads + 2 * kv_heads)};
    at::Tensor q = at::empty({rows, heads, tokens, shape.width}, qkv.options());
    at::Tensor k = at::empty({rows, kv_heads, tokens, shape.width}, qkv.options());
    at::Tensor v = at::empty({rows, kv_heads, tokens, shape.width}, qkv.options());
    move_heads(const_cast<float*>(qkv.const_data_ptr<float>()), HeadView(q), HeadView(k), HeadView(v), shape,
               angles.cos, angles.sin, /*back=*/false);
    context->save_for_backward({angles.cos, angles.sin});
    context->saved_data["shape"] = std::vector<std::int64_t>{rows, tokens, heads, kv_heads, shape.width};
    return {q, k, v};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::vector<std::int64_t> sizes = context->saved_data["shape"].toIntVector();
    const HeadShape shape{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]};
    for (at::Tensor& gradient : gradients)
      if (gradient.stride(3) != 1) gradient = gradient.contiguous();
    at::Tensor gx = at::empty({shape.rows * shape.tokens, shape.all() * shape.width}, gradients[0].options());
    move_heads(gx.mutable_data_ptr<float>(), HeadView(gradients[0]), HeadView(gradients[1]), HeadView(gradients[2]),
               shape, saved[0], saved[1], /*back=*/true);
    return {gx, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor turn(const at::Tensor& x, const Rotary& angles) {  // x [B, H, T, E]
  if (!angles.cos.defined()) return x;
  const at::Tensor cos = angles.cos.unsqueeze(1), sin = angles.sin.unsqueeze(1);  // [1 or B, 1, T, E / 2]
  const std::int64_t half = cos.size(-1), rest = x.size(-1) - 2 * half;
  const at::Tensor a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
  const at::Tensor turned = at::cat({a * cos - b * sin, b * cos + a * sin}, -1).to(x.scalar_type());
  return rest == 0 ? turned : at::cat({turned, x.narrow(-1, 2 * half, rest)}, -1);
}

}  // namespace

int use_threads(std::int64_t threads) {
  const int count = threads > 0 ? static_cast<int>(threads) : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  at::set_num_threads(count);
  at::globalContext().setFlushDenormal(true);
  return count;
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  if (has_loops(x)) return RmsNorm::apply(x, weight, epsilon);
  const bool narrow = x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kHalf;  // too few digits for a mean
  const at::Tensor wide = narrow ? x.to(at::kFloat) : x;
  return (wide * (wide.square().mean(-1, true) + epsilon).rsqrt()).to(x.scalar_type()) * weight;
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  if (has_loops(gate_up)) return SwiGlu::apply(gate_up);
  const std::vector<at::Tensor> halves = gate_up.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

at::Tensor quick_gelu(const at::Tensor& x) {
  if (has_loops(x)) return QuickGelu::apply(x);
  return x * at::sigmoid(x * 1.702);
}

Rotary rotary(const at::Tensor& positions, std::span<const float> inverse, double scale) {
  const at::Tensor frequencies = at::tensor(c10::ArrayRef<float>(inverse.data(), inverse.size()), at::TensorOptions(at::kFloat)).to(positions.device());
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(-1) * frequencies;  // [1 or B, T, E / 2]
  if (scale == 1) return {angles.cos(), angles.sin()};
  return {angles.cos().mul_(scale), angles.sin().mul_(scale)};
}

Heads split_heads(const at::Tensor& qkv, std::int64_t rows, std::int64_t tokens, std::int64_t heads,
                  std::int64_t kv_heads, const Rotary& angles) {
  SAUCIER_CHECK(qkv.size(0) == rows * tokens && qkv.size(1) % (heads + 2 * kv_heads) == 0,
                "heads: {} x {} values for {} x {} tokens", qkv.size(0), qkv.size(1), rows, tokens);
  if (has_loops(qkv)) {
    const variable_list parts = SplitHeads::apply(qkv, rows, tokens, heads, kv_heads, angles);
    return {parts[0], parts[1], parts[2]};
  }
  const at::Tensor apart = qkv.view({rows, tokens, heads + 2 * kv_heads, -1}).transpose(1, 2);  // [B, H + 2 Hkv, T, E]
  const std::vector<at::Tensor> parts = apart.split_with_sizes({heads, kv_heads, kv_heads}, 1);
  return {turn(parts[0], angles), turn(parts[1], angles), parts[2]};
}

at::Tensor repeat_heads(const at::Tensor& x, std::int64_t times) {
  if (times == 1) return x;
  return x.unsqueeze(2).expand({x.size(0), x.size(1), times, x.size(2), x.size(3)}).reshape(
      {x.size(0), x.size(1) * times, x.size(2), x.size(3)});
}

}  // namespace saucier::model
