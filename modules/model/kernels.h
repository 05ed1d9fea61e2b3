// The element-wise chains of the layers, each as one pass over memory with a backward pass of its own. Small models
// spend as long in such chains as in matrix products when every step of a chain is an operation. On the CPU in float32;
// elsewhere the same values come from plain operations. N = B * T rows, D width, F feed-forward width, H heads (Hkv of
// keys and values), E width of a head.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace saucier::model {

// CPU threads of all operations (0: as many as cores) and no slow arithmetic on numbers next to 0; returns their number.
int use_threads(std::int64_t threads);

// x [N, D], weight [D] → x / sqrt(mean(x²) + epsilon) * weight (Zhang & Sennrich, "Root Mean Square Layer
// Normalization", 2019).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon);

// gate_up [N, 2 F] → silu(gate) * up [N, F], with the gates in the first half of a row.
at::Tensor swiglu(const at::Tensor& gate_up);

// x * sigmoid(1.702 x), CLIP's activation.
at::Tensor quick_gelu(const at::Tensor& x);

// Cosines and sines of the rotary position embedding (Su et al., "RoFormer", 2021): [1 or B, T, E / 2] each, or
// undefined where nothing is rotated.
struct Rotary {
  at::Tensor cos, sin;
};

// Angles of `positions` [1 or B, T] (int64): position * inverse[i], cosines and sines times `scale`. As many frequencies
// as half the numbers that turn: E / 2, or fewer where only the front of a head does.
Rotary rotary(const at::Tensor& positions, std::span<const float> inverse, double scale);

struct Heads {
  at::Tensor q;     // [B, H, T, E]
  at::Tensor k, v;  // [B, Hkv, T, E]
};

// Keys and values of fewer heads than queries, each repeated for its group of queries: [B, Hkv, T, E] → [B, Hkv times, T, E].
at::Tensor repeat_heads(const at::Tensor& x, std::int64_t times);

// qkv [B * T, (H + 2 Hkv) * E] (queries, keys, values of a row one behind the other) → heads, queries and keys rotated in
// halves: (a, b) → (a cos - b sin, b cos + a sin) with a the first half of what turns, which stands at the front of a head.
Heads split_heads(const at::Tensor& qkv, std::int64_t rows, std::int64_t tokens, std::int64_t heads,
                  std::int64_t kv_heads, const Rotary& rotary);

}  // namespace saucier::model
