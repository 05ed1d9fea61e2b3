#include "modules/model/attention.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "modules/base/error.h"
#include "modules/model/kernels.h"
#include "modules/model/vectorised.h"

namespace saucier::model {
namespace {

// Queries that are compared with keys at once: the part of the square above the diagonal that is computed in vain is half
// of this times the length.
constexpr std::int64_t kQueriesABlock = 64;

// ---- moving heads ----

// `sign` -1 turns back, which is the gradient of a rotation.
template <class From, class To>
SAUCIER_INLINE void rotate(const From* from, To* to, const float* cos, const float* sin, float sign, std::int64_t half) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = widen(from[i]), b = widen(from[i + half]), s = sign * sin[i];
    to[i] = narrowed<To>(a * cos[i] - b * s);
    to[i + half] = narrowed<To>(b * cos[i] + a * s);
  }
}
SAUCIER_VECTORISED void rotate_of(const float* from, float* to, const float* cos, const float* sin, float sign, std::int64_t half) { rotate(from, to, cos, sin, sign, half); }
SAUCIER_VECTORISED void rotate_of(const c10::BFloat16* from, c10::BFloat16* to, const float* cos, const float* sin, float sign, std::int64_t half) { rotate(from, to, cos, sin, sign, half); }
SAUCIER_VECTORISED void rotate_of(const float* from, c10::BFloat16* to, const float* cos, const float* sin, float sign, std::int64_t half) { rotate(from, to, cos, sin, sign, half); }

struct Turn {
  const float *cos = nullptr, *sin = nullptr;
  std::int64_t half = 0;
  explicit Turn(const Rotary& angles) {
    if (!angles.cos.defined()) return;
    cos = angles.cos.const_data_ptr<float>();
    sin = angles.sin.const_data_ptr<float>();
    half = angles.cos.size(-1);
  }
  template <class From, class To>
  void operator()(const From* from, To* to, std::int64_t token, std::int64_t width, float sign) const {
    if (cos != nullptr) rotate_of(from, to, cos + token * half, sin + token * half, sign, half);
    for (std::int64_t i = 2 * half; i < width; ++i) to[i] = narrowed<To>(widen(from[i]));
  }
};

struct Place {  // of a token: its segment and where in it
  const RowPlan::Segment* segment;
  std::int64_t at;
};

// Calls each(token, place) for all tokens, some at a time in parallel.
template <class Each>
void for_tokens(const RowPlan& plan, std::int64_t width, Each each) {
  at::parallel_for(0, plan.tokens, grain(width), [&](std::int64_t begin, std::int64_t end) {
    auto segment = std::upper_bound(plan.segments.begin(), plan.segments.end(), begin,
                                    [](std::int64_t token, const RowPlan::Segment& one) { return token < one.first; }) - 1;
    for (std::int64_t n = begin; n < end; ++n) {
      while (n >= segment->first + segment->queries) ++segment;
      each(n, Place{&*segment, n - segment->first});
    }
  });
}

template <class T>
struct HeadMemory {  // of one token's heads in q, k and v
  T *q, *k, *v;
  AttentionShape shape;
  T* query(const Place& place, std::int64_t head) const {
    const std::int64_t g = head / shape.group(), j = head % shape.group();
    return q + (place.segment->first * shape.heads + (g * place.segment->queries + place.at) * shape.group() + j) * shape.width;
  }
  std::int64_t key_at(const RowPlan::Segment& segment, std::int64_t g, std::int64_t at) const {
    return (segment.key * shape.kv_heads + g * segment.keys() + at) * shape.width;
  }
};

template <class T>
void split_on_cpu(const at::Tensor& qkv, const Heads& heads, const RowPlan& plan, const AttentionShape& shape, const Rotary& angles, const KeptPrefix* kept) {
  const Turn turn(angles);
  const T* from = qkv.const_data_ptr<T>();
  const HeadMemory<T> to{heads.q.mutable_data_ptr<T>(), heads.k.mutable_data_ptr<T>(), heads.v.mutable_data_ptr<T>(), shape};
  const std::int64_t width = shape.width;
  for_tokens(plan, shape.all() * width, [&](std::int64_t n, const Place& place) {
    const T* token = from + n * shape.all() * width;
    for (std::int64_t h = 0; h < shape.heads; ++h) turn(token + h * width, to.query(place, h), n, width, 1.0F);
    for (std::int64_t g = 0; g < shape.kv_heads; ++g) {
      const std::int64_t at = to.key_at(*place.segment, g, place.segment->prefix + place.at);
      turn(token + (shape.heads + g) * width, to.k + at, n, width, 1.0F);
      const T* value = token + (shape.heads + shape.kv_heads + g) * width;
      std::copy(value, value + width, to.v + at);
    }
  });
  if (plan.rows.prefix == 0) return;
  const RowPlan::Segment& first = plan.segments.front();  // the prefix itself, unless it is kept
  for (const RowPlan::Segment& segment : plan.segments) {
    if (segment.prefix == 0) continue;
    for (std::int64_t g = 0; g < shape.kv_heads; ++g) {
      const std::int64_t at = to.key_at(segment, g, 0), count = segment.prefix * width;
      const T* keys = kept != nullptr ? kept->keys.const_data_ptr<T>() + g * count : to.k + to.key_at(first, g, 0);
      const T* values = kept != nullptr ? kept->values.const_data_ptr<T>() + g * count : to.v + to.key_at(first, g, 0);
      std::copy(keys, keys + count, to.k + at);
      std::copy(values, values + count, to.v + at);
    }
  }
}

template <class T>
void join_on_cpu(const Heads& gradients, at::Tensor& qkv, const RowPlan& plan, const AttentionShape& shape, const Rotary& angles) {
  const Turn turn(angles);
  T* to = qkv.mutable_data_ptr<T>();
  const HeadMemory<float> from{const_cast<float*>(gradients.q.const_data_ptr<float>()), const_cast<float*>(gradients.k.const_data_ptr<float>()),
                               const_cast<float*>(gradients.v.const_data_ptr<float>()), shape};
  const std::int64_t width = shape.width;
  if (plan.rows.prefix > 0 && !plan.rows.prefix_kept) {  // what the rows say of the prefix
    const RowPlan::Segment& first = plan.segments.front();
    at::parallel_for(0, shape.kv_heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) {
        const std::int64_t sum = from.key_at(first, g, 0), count = plan.rows.prefix * width;
        for (size_t s = 1; s < plan.segments.size(); ++s) {
          const std::int64_t at = from.key_at(plan.segments[s], g, 0);
          for (std::int64_t i = 0; i < count; ++i) from.k[sum + i] += from.k[at + i];
          for (std::int64_t i = 0; i < count; ++i) from.v[sum + i] += from.v[at + i];
        }
      }
    });
  }
  for_tokens(plan, shape.all() * width, [&](std::int64_t n, const Place& place) {
    T* token = to + n * shape.all() * width;
    for (std::int64_t h = 0; h < shape.heads; ++h) turn(from.query(place, h), token + h * width, n, width, -1.0F);
    for (std::int64_t g = 0; g < shape.kv_heads; ++g) {
      const std::int64_t at = from.key_at(*place.segment, g, place.segment->prefix + place.at);
      turn(from.k + at, token + (shape.heads + g) * width, n, width, -1.0F);
      T* value = token + (shape.heads + shape.kv_heads + g) * width;
      for (std::int64_t i = 0; i < width; ++i) value[i] = narrowed<T>(from.v[at + i]);
    }
  });
}

// ---- softmax ----

// One query's products with keys → probabilities, those of keys outside of [begin, end) 0. Returns the log of the
// denominator.
SAUCIER_VECTORISED float softmax_row(float* x, std::int64_t begin, std::int64_t end, std::int64_t width, float scale) {
  for (std::int64_t i = 0; i < begin; ++i) x[i] = 0;
  for (std::int64_t i = end; i < width; ++i) x[i] = 0;
  float tops[kLanes];
  for (float& top : tops) top = x[begin];
  std::int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) tops[lane] = larger(tops[lane], x[i + lane]);
  float top = tops[0];
  for (const float one : tops) top = larger(top, one);
  for (; i < end; ++i) top = larger(top, x[i]);
  float sums[kLanes] = {};
  for (i = begin; i + kLanes <= end; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) {
      x[i + lane] = exponential((x[i + lane] - top) * scale);
      sums[lane] += x[i + lane];
    }
  float sum = 0;
  for (; i < end; ++i) {
    x[i] = exponential((x[i] - top) * scale);
    sum += x[i];
  }
  for (const float one : sums) sum += one;
  const float share = 1.0F / sum;
  for (i = begin; i < end; ++i) x[i] *= share;
  return top * scale + std::log(sum);
}

// The same probabilities again, from the denominator.
SAUCIER_VECTORISED void softmax_row_again(float* x, std::int64_t begin, std::int64_t end, std::int64_t width, float scale, float normaliser) {
  for (std::int64_t i = 0; i < begin; ++i) x[i] = 0;
  for (std::int64_t i = end; i < width; ++i) x[i] = 0;
  for (std::int64_t i = begin; i < end; ++i) x[i] = exponential(x[i] * scale - normaliser);
}

// Gradients of probabilities → gradients of the products: p (g - delta) scale.
SAUCIER_VECTORISED void softmax_row_back(float* g, const float* p, float delta, float scale, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) g[i] = p[i] * (g[i] - delta) * scale;
}

// ---- one segment and one head of keys ----

struct Task {
  const RowPlan::Segment* segment;
  std::int64_t head;  // of keys
};

// Runs `work` for all tasks, on each thread about as much as on the others. What a task writes no other does.
template <class Work>
void for_tasks(const RowPlan& plan, const AttentionShape& shape, Work work) {
  std::vector<Task> tasks;
  for (const RowPlan::Segment& segment : plan.segments)
    for (std::int64_t g = 0; g < shape.kv_heads; ++g) tasks.push_back({&segment, g});
  const auto cost = [](const Task& task) { return (task.segment->queries + 16) * (task.segment->keys() + 16); };
  std::stable_sort(tasks.begin(), tasks.end(), [&](const Task& a, const Task& b) { return cost(a) > cost(b); });
  const auto threads = static_cast<size_t>(std::max(1, std::min(at::get_num_threads(), static_cast<int>(tasks.size()))));
  std::vector<std::vector<Task>> shares(threads);
  std::vector<std::int64_t> loads(threads);
  for (const Task& task : tasks) {
    const auto lightest = static_cast<size_t>(std::min_element(loads.begin(), loads.end()) - loads.begin());
    shares[lightest].push_back(task);
    loads[lightest] += cost(task);
  }
  at::parallel_for(0, static_cast<std::int64_t>(threads), 1, [&](std::int64_t begin, std::int64_t end) {
    const at::AutoDispatchBelowADInplaceOrView below;  // a thread of its own knows nothing of NoGradGuard
    for (std::int64_t share = begin; share < end; ++share)
      for (const Task& task : shares[static_cast<size_t>(share)]) work(task);
  });
}

struct TaskHeads {
  at::Tensor q, k, v;  // [queries * group, E], [keys, E], float32
};

at::Tensor of_queries(const at::Tensor& all, const Task& task, const AttentionShape& shape) {
  const std::int64_t count = task.segment->queries * shape.group();
  return all.narrow(0, task.segment->first * shape.heads * shape.width + task.head * count * shape.width, count * shape.width).view({count, shape.width});
}
at::Tensor of_keys(const at::Tensor& all, const Task& task, const AttentionShape& shape) {
  const std::int64_t count = task.segment->keys() * shape.width;
  return all.narrow(0, task.segment->key * shape.kv_heads * shape.width + task.head * count, count).view({-1, shape.width});
}
TaskHeads heads_of(const Heads& all, const Task& task, const AttentionShape& shape) {
  return {of_queries(all.q, task, shape).to(at::kFloat), of_keys(all.k, task, shape).to(at::kFloat), of_keys(all.v, task, shape).to(at::kFloat)};
}
// The outputs, or their gradients, of a task's queries among all [N, H E]: [queries, group, E].
at::Tensor of_outputs(const at::Tensor& all, const Task& task, const AttentionShape& shape) {
  return all.narrow(0, task.segment->first, task.segment->queries).view({task.segment->queries, shape.kv_heads, shape.group(), shape.width}).select(1, task.head);
}

struct Block64 {
  std::int64_t query, queries;  // of a segment
  std::int64_t key, keys;       // that some of them see
};

template <class Each>
void for_blocks(const RowPlan::Segment& segment, const AttentionShape& shape, Each each) {
  for (std::int64_t query = 0; query < segment.queries; query += kQueriesABlock) {
    const std::int64_t queries = std::min(kQueriesABlock, segment.queries - query);
    const std::int64_t end = shape.causal ? segment.prefix + query + queries : segment.keys();
    const std::int64_t key = shape.window > 0 ? std::max<std::int64_t>(0, segment.prefix + query + 1 - shape.window) : 0;
    each(Block64{query, queries, key, end - key});
  }
}

// Which of a block's keys its row number `row` sees.
struct Seen {
  std::int64_t begin, end;
};
Seen seen(const RowPlan::Segment& segment, const AttentionShape& shape, const Block64& block, std::int64_t row) {
  const std::int64_t token = segment.prefix + block.query + row / shape.group();
  const std::int64_t end = shape.causal ? token + 1 - block.key : block.keys;
  return {shape.window > 0 ? std::max<std::int64_t>(0, token + 1 - shape.window - block.key) : 0, end};
}

// ---- plain operations, for other devices: a task's whole square at once ----

at::Tensor unseen(const RowPlan::Segment& segment, const AttentionShape& shape, const at::Device& device) {
  const auto whole = at::TensorOptions(at::kLong).device(device);
  const at::Tensor query = at::arange(segment.prefix, segment.keys(), whole).repeat_interleave(shape.group()).unsqueeze(1), key = at::arange(segment.keys(), whole).unsqueeze(0);
  at::Tensor hidden = shape.causal ? key.gt(query) : at::zeros({query.size(0), segment.keys()}, whole.dtype(at::kBool));
  return shape.window > 0 ? hidden.logical_or(key.le(query.sub(shape.window))) : hidden;
}

at::Tensor probabilities(const TaskHeads& heads, const RowPlan::Segment& segment, const AttentionShape& shape, at::Tensor* normaliser) {
  const at::Tensor products = at::mm(heads.q, heads.k.t()).mul_(1 / std::sqrt(static_cast<double>(shape.width)));
  products.masked_fill_(unseen(segment, shape, products.device()), -std::numeric_limits<float>::infinity());
  if (normaliser != nullptr) normaliser->copy_(products.logsumexp(1));
  return products.softmax(-1);
}

template <class Work>
void for_tasks_elsewhere(const RowPlan& plan, const AttentionShape& shape, Work work) {
  for (const RowPlan::Segment& segment : plan.segments)
    for (std::int64_t g = 0; g < shape.kv_heads; ++g) work(Task{&segment, g});
}

class Attention : public Block {
 public:
  Attention(std::shared_ptr<const RowPlan> plan, const AttentionShape& shape, Rotary angles) : plan_(std::move(plan)), shape_(shape), angles_(std::move(angles)) {}
  at::Tensor forward(const at::Tensor& x, bool keep) override {
    Heads heads = split_heads(x, *plan_, shape_, angles_, nullptr);
    at::Tensor out = attend(heads, *plan_, shape_, keep ? &normaliser_ : nullptr);
    if (keep) {
      heads_ = std::move(heads);
      out_ = out.detach();  // the output itself will hold this block
    }
    return out;
  }
  at::Tensor backward(const at::Tensor& gradient, bool, std::vector<at::Tensor>&) override {
    return join_heads(attend_backward(gradient, heads_, out_, normaliser_, *plan_, shape_), *plan_, shape_, angles_, gradient.scalar_type());
  }

 private:
  std::shared_ptr<const RowPlan> plan_;
  AttentionShape shape_;
  Rotary angles_;
  Heads heads_;
  at::Tensor out_, normaliser_;
};

at::Tensor turned(const at::Tensor& x, const Rotary& angles, double sign) {  // [N, heads, E]
  if (!angles.cos.defined()) return x;
  const at::Tensor cos = angles.cos.unsqueeze(1), sin = angles.sin.unsqueeze(1) * sign;
  const std::int64_t half = cos.size(-1), rest = x.size(-1) - 2 * half;
  const at::Tensor a = x.narrow(-1, 0, half).to(at::kFloat), b = x.narrow(-1, half, half).to(at::kFloat);
  const at::Tensor front = at::cat({a * cos - b * sin, b * cos + a * sin}, -1).to(x.scalar_type());
  return rest == 0 ? front : at::cat({front, x.narrow(-1, 2 * half, rest)}, -1);
}

}  // namespace

std::int64_t Rows::tokens() const { return std::accumulate(lengths.begin(), lengths.end(), prefix_kept ? 0 : prefix); }

std::int64_t Rows::longest() const { return prefix + (lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end())); }

RowPlan::RowPlan(Rows of) : rows(std::move(of)) {
  const auto add = [&](std::int64_t queries, std::int64_t prefix) {
    segments.push_back({tokens, queries, keys, prefix});
    tokens += queries;
    keys += prefix + queries;
  };
  if (rows.prefix > 0 && !rows.prefix_kept) add(rows.prefix, 0);
  for (const std::int64_t length : rows.lengths)
    if (length > 0) add(length, rows.prefix);
}

at::Tensor RowPlan::positions() const {
  std::vector<std::int64_t> all;
  all.reserve(static_cast<size_t>(tokens));
  for (const Segment& segment : segments)
    for (std::int64_t i = 0; i < segment.queries; ++i) all.push_back(segment.prefix + i);
  return at::tensor(all, at::TensorOptions(at::kLong));
}

Rotary rotary(const at::Tensor& positions, std::span<const float> inverse, double scale) {
  const at::Tensor frequencies = at::tensor(c10::ArrayRef<float>(inverse.data(), inverse.size()), at::TensorOptions(at::kFloat)).to(positions.device());
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(-1).mul(frequencies);  // [N, E / 2]
  if (scale == 1) return {angles.cos(), angles.sin()};
  return {angles.cos().mul_(scale), angles.sin().mul_(scale)};
}

Heads split_heads(const at::Tensor& input, const RowPlan& plan, const AttentionShape& shape, const Rotary& angles, const KeptPrefix* prefix) {
  const at::Tensor qkv = input.contiguous();
  SAUCIER_CHECK(qkv.dim() == 2 && qkv.size(0) == plan.tokens && qkv.size(1) == shape.all() * shape.width, "heads: {} x {} values for {} tokens of {} x {}",
                qkv.size(0), qkv.size(1), plan.tokens, shape.all(), shape.width);
  Heads heads{at::empty({plan.tokens * shape.heads * shape.width}, qkv.options()), at::empty({plan.keys * shape.kv_heads * shape.width}, qkv.options()), {}};
  heads.v = at::empty_like(heads.k);
  if (has_loops(qkv)) {
    if (qkv.scalar_type() == at::kFloat)
      split_on_cpu<float>(qkv, heads, plan, shape, angles, prefix);
    else
      split_on_cpu<c10::BFloat16>(qkv, heads, plan, shape, angles, prefix);
    return heads;
  }
  const std::vector<at::Tensor> parts = qkv.view({plan.tokens, shape.all(), shape.width}).split_with_sizes({shape.heads, shape.kv_heads, shape.kv_heads}, 1);
  const at::Tensor q = turned(parts[0], angles, 1), k = turned(parts[1], angles, 1);
  for_tasks_elsewhere(plan, shape, [&](const Task& task) {
    const RowPlan::Segment& segment = *task.segment;
    of_queries(heads.q, task, shape).view({segment.queries, shape.group(), shape.width}).copy_(q.narrow(0, segment.first, segment.queries).narrow(1, task.head * shape.group(), shape.group()));
    for (const auto& [to, from, kept] : {std::tuple(heads.k, k, prefix != nullptr ? prefix->keys : at::Tensor()), std::tuple(heads.v, parts[2], prefix != nullptr ? prefix->values : at::Tensor())}) {
      const at::Tensor keys = of_keys(to, task, shape);
      keys.narrow(0, segment.prefix, segment.queries).copy_(from.narrow(0, segment.first, segment.queries).select(1, task.head));
      if (segment.prefix > 0) keys.narrow(0, 0, segment.prefix).copy_(kept.defined() ? kept.select(0, task.head) : from.narrow(0, 0, segment.prefix).select(1, task.head));
    }
  });
  return heads;
}

at::Tensor join_heads(const Heads& gradients, const RowPlan& plan, const AttentionShape& shape, const Rotary& angles, at::ScalarType dtype) {
  if (gradients.q.is_cpu()) {
    at::Tensor qkv = at::empty({plan.tokens, shape.all() * shape.width}, gradients.q.options().dtype(dtype));
    if (dtype == at::kFloat)
      join_on_cpu<float>(gradients, qkv, plan, shape, angles);
    else
      join_on_cpu<c10::BFloat16>(gradients, qkv, plan, shape, angles);
    return qkv;
  }
  const at::Tensor qkv = at::zeros({plan.tokens, shape.all() * shape.width}, gradients.q.options());
  const std::vector<at::Tensor> parts = qkv.view({plan.tokens, shape.all(), shape.width}).split_with_sizes({shape.heads, shape.kv_heads, shape.kv_heads}, 1);
  for_tasks_elsewhere(plan, shape, [&](const Task& task) {
    const RowPlan::Segment& segment = *task.segment;
    parts[0].narrow(0, segment.first, segment.queries).narrow(1, task.head * shape.group(), shape.group()).copy_(of_queries(gradients.q, task, shape).view({segment.queries, shape.group(), shape.width}));
    for (const auto& [to, from] : {std::pair(parts[1], gradients.k), std::pair(parts[2], gradients.v)}) {
      const at::Tensor keys = of_keys(from, task, shape);
      to.narrow(0, segment.first, segment.queries).select(1, task.head).add_(keys.narrow(0, segment.prefix, segment.queries));
      if (segment.prefix > 0 && !plan.rows.prefix_kept) to.narrow(0, 0, segment.prefix).select(1, task.head).add_(keys.narrow(0, 0, segment.prefix));
    }
  });
  for (size_t i = 0; i < 2; ++i) parts[i].copy_(turned(parts[i].clone(), angles, -1));
  return qkv.to(dtype);
}

at::Tensor attend(const Heads& heads, const RowPlan& plan, const AttentionShape& shape, at::Tensor* normaliser) {
  at::Tensor out = at::empty({plan.tokens, shape.heads * shape.width}, heads.q.options());
  const at::Tensor logs = at::empty({plan.tokens * shape.heads}, heads.q.options().dtype(at::kFloat));
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.width)));
  const auto logs_of = [&](const Task& task) {
    const std::int64_t count = task.segment->queries * shape.group();
    return logs.narrow(0, task.segment->first * shape.heads + task.head * count, count);
  };
  if (has_loops(heads.q)) {
    for_tasks(plan, shape, [&](const Task& task) {
      const TaskHeads mine = heads_of(heads, task, shape);
      float* log = logs_of(task).mutable_data_ptr<float>();
      const at::Tensor to = of_outputs(out, task, shape);
      for_blocks(*task.segment, shape, [&](const Block64& block) {
        const std::int64_t first = block.query * shape.group(), count = block.queries * shape.group();
        at::Tensor products = at::mm(mine.q.narrow(0, first, count), mine.k.narrow(0, block.key, block.keys).t());
        float* x = products.mutable_data_ptr<float>();
        for (std::int64_t row = 0; row < count; ++row) {
          const Seen keys = seen(*task.segment, shape, block, row);
          log[first + row] = softmax_row(x + row * block.keys, keys.begin, keys.end, block.keys, scale);
        }
        to.narrow(0, block.query, block.queries).copy_(at::mm(products, mine.v.narrow(0, block.key, block.keys)).view({block.queries, shape.group(), shape.width}));
      });
    });
  } else {
    for_tasks_elsewhere(plan, shape, [&](const Task& task) {
      const TaskHeads mine = heads_of(heads, task, shape);
      at::Tensor log = logs_of(task);
      of_outputs(out, task, shape).copy_(at::mm(probabilities(mine, *task.segment, shape, &log), mine.v).view({task.segment->queries, shape.group(), shape.width}));
    });
  }
  if (normaliser != nullptr) *normaliser = logs;
  return out;
}

Heads attend_backward(const at::Tensor& gradient, const Heads& heads, const at::Tensor& out, const at::Tensor& normaliser,
                      const RowPlan& plan, const AttentionShape& shape) {
  const auto wide = heads.q.options().dtype(at::kFloat);
  Heads result{at::empty(heads.q.sizes(), wide), at::zeros(heads.k.sizes(), wide), at::zeros(heads.v.sizes(), wide)};
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.width)));
  if (!has_loops(heads.q)) {
    for_tasks_elsewhere(plan, shape, [&](const Task& task) {
      const TaskHeads mine = heads_of(heads, task, shape);
      const at::Tensor g = of_outputs(gradient, task, shape).to(at::kFloat).reshape({-1, shape.width}), o = of_outputs(out, task, shape).to(at::kFloat).reshape({-1, shape.width});
      const at::Tensor p = probabilities(mine, *task.segment, shape, nullptr);
      of_keys(result.v, task, shape).copy_(at::mm(p.t(), g));
      const at::Tensor of_products = p.mul(at::mm(g, mine.v.t()).sub((g * o).sum(1, true))).mul_(scale);
      of_queries(result.q, task, shape).copy_(at::mm(of_products, mine.k));
      of_keys(result.k, task, shape).copy_(at::mm(of_products.t(), mine.q));
    });
    return result;
  }
  const float* logs = normaliser.const_data_ptr<float>();
  for_tasks(plan, shape, [&](const Task& task) {
    const TaskHeads mine = heads_of(heads, task, shape);
    const std::int64_t all = task.segment->queries * shape.group();
    const float* log = logs + task.segment->first * shape.heads + task.head * all;
    const at::Tensor g = of_outputs(gradient, task, shape).to(at::kFloat).reshape({all, shape.width});
    const at::Tensor deltas = g.mul(of_outputs(out, task, shape).reshape({all, shape.width})).sum(1);
    const float* delta = deltas.const_data_ptr<float>();
    const at::Tensor of_q = of_queries(result.q, task, shape), of_k = of_keys(result.k, task, shape), of_v = of_keys(result.v, task, shape);
    for_blocks(*task.segment, shape, [&](const Block64& block) {
      const std::int64_t first = block.query * shape.group(), count = block.queries * shape.group();
      const at::Tensor keys = mine.k.narrow(0, block.key, block.keys), queries = mine.q.narrow(0, first, count), here = g.narrow(0, first, count);
      at::Tensor p = at::mm(queries, keys.t()), of_products = at::mm(here, mine.v.narrow(0, block.key, block.keys).t());
      float *x = p.mutable_data_ptr<float>(), *y = of_products.mutable_data_ptr<float>();
      for (std::int64_t row = 0; row < count; ++row) {
        const Seen visible = seen(*task.segment, shape, block, row);
        softmax_row_again(x + row * block.keys, visible.begin, visible.end, block.keys, scale, log[first + row]);
        softmax_row_back(y + row * block.keys, x + row * block.keys, delta[first + row], scale, block.keys);
      }
      of_v.narrow(0, block.key, block.keys).addmm_(p.t(), here);
      of_k.narrow(0, block.key, block.keys).addmm_(of_products.t(), queries);
      at::Tensor into = of_q.narrow(0, first, count);
      at::mm_out(into, of_products, keys);
    });
  });
  return result;
}

at::Tensor attention(const at::Tensor& qkv, std::shared_ptr<const RowPlan> plan, const AttentionShape& shape, const Rotary& angles) {
  return run(c10::make_intrusive<Attention>(std::move(plan), shape, angles), qkv);
}

at::Tensor repeat_heads(const at::Tensor& x, std::int64_t times) {
  if (times == 1) return x;
  return x.unsqueeze(2).expand({x.size(0), x.size(1), times, x.size(2), x.size(3)}).reshape({x.size(0), x.size(1) * times, x.size(2), x.size(3)});
}

}  // namespace saucier::model
