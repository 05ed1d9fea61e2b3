// Attention over rows of different lengths that stand one behind the other, without padding: N tokens in all, and no token
// sees another row. H heads of queries, Hkv of keys and values, E width of a head.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "modules/model/block.h"

namespace saucier::model {

// Where the rows stand. A prefix that all rows begin with may be written once, in front of them: its tokens are computed
// once, and every row sees them as if they were its own.
struct Rows {
  std::vector<std::int64_t> lengths;  // of each row, without the prefix
  std::int64_t prefix = 0;
  bool prefix_kept = false;  // the prefix is not among the N tokens: its keys and values are given to the layers

  static Rows equal(std::int64_t rows, std::int64_t tokens) { return {std::vector<std::int64_t>(static_cast<size_t>(rows), tokens)}; }
  std::int64_t tokens() const;   // N
  std::int64_t longest() const;  // with the prefix
};

// Cosines and sines of the rotary position embedding (Su et al., "RoFormer", 2021): float32 [N, E / 2] each, or undefined
// where nothing is rotated; fewer columns where only the front of a head turns.
struct Rotary {
  at::Tensor cos, sin;
};

// Angles of `positions` [N] (int64): position * inverse[i], cosines and sines times `scale`.
Rotary rotary(const at::Tensor& positions, std::span<const float> inverse, double scale);

struct AttentionShape {
  std::int64_t heads = 1, kv_heads = 1, width = 1;
  bool causal = true;       // a token sees what stands before it, else its whole row
  std::int64_t window = 0;  // and of that no more than so many tokens, itself among them; 0: all
  std::int64_t all() const { return heads + 2 * kv_heads; }
  std::int64_t group() const { return heads / kv_heads; }
};

// What the layers' attention needs to know of the rows, made once for all of them.
struct RowPlan {
  explicit RowPlan(Rows rows);

  struct Segment {                       // a row, or the prefix
    std::int64_t first, queries;         // its own tokens
    std::int64_t key, prefix;            // where its keys begin; how many of them are the prefix's
    std::int64_t keys() const { return prefix + queries; }
  };
  Rows rows;
  std::vector<Segment> segments;
  std::int64_t tokens = 0, keys = 0;     // of all segments
  at::Tensor positions() const;          // int64 [N]
};

// Queries, keys and values apart, a segment's behind another's: q [Hkv, queries, H / Hkv, E], k and v [Hkv, keys, E].
struct Heads {
  at::Tensor q, k, v;
};
// A prefix that is kept: keys and values of one layer, [Hkv, prefix, E].
struct KeptPrefix {
  at::Tensor keys, values;
};

// qkv [N, (H + 2 Hkv) E] (queries, keys, values of a token one behind the other) → heads, queries and keys rotated in
// halves: (a, b) → (a cos - b sin, b cos + a sin) with a the first half of what turns, which stands at the front of a head.
Heads split_heads(const at::Tensor& qkv, const RowPlan& plan, const AttentionShape& shape, const Rotary& angles, const KeptPrefix* prefix);
// The gradient of qkv in `dtype` from those of the heads, float32, whose sums over a shared prefix are written into them.
at::Tensor join_heads(const Heads& gradients, const RowPlan& plan, const AttentionShape& shape, const Rotary& angles, at::ScalarType dtype);

// softmax(q k' / √E) v → [N, H E]; `normaliser` gets the log of each softmax's denominator, float32 [N H].
at::Tensor attend(const Heads& heads, const RowPlan& plan, const AttentionShape& shape, at::Tensor* normaliser);
// float32
Heads attend_backward(const at::Tensor& gradient, const Heads& heads, const at::Tensor& out, const at::Tensor& normaliser,
                      const RowPlan& plan, const AttentionShape& shape);

// All of it as one block: qkv → [N, H E].
at::Tensor attention(const at::Tensor& qkv, std::shared_ptr<const RowPlan> plan, const AttentionShape& shape, const Rotary& angles);

// Keys and values of fewer heads than queries, each repeated for its group of queries: [B, Hkv, T, E] → [B, Hkv times, T, E].
at::Tensor repeat_heads(const at::Tensor& x, std::int64_t times);

}  // namespace saucier::model
