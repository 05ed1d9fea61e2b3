// The fused loops against plain operations, values and gradients.
#include "modules/layout/rope.h"
#include "modules/model/attention.h"
#include "modules/model/head.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>
#include <functional>

#include "tests/modules/model/tiny.h"

using namespace saucier::model;

namespace {

using Chain = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

// Farthest distance of values and of gradients under one random weighting of the outputs.
double distance(const Chain& ours, const Chain& plain, const std::vector<at::Tensor>& inputs) {
  const auto run = [&](const Chain& chain) {
    std::vector<at::Tensor> leaves;
    for (const at::Tensor& input : inputs) leaves.push_back(input.clone().requires_grad_());
    const at::Tensor y = chain(leaves);
    at::manual_seed(7);
    (y * at::randn(y.sizes())).sum().backward();
    std::vector<at::Tensor> all = {y.detach()};
    for (const at::Tensor& leaf : leaves) all.push_back(leaf.grad());
    return all;
  };
  const auto a = run(ours), b = run(plain);
  double far = 0;
  for (size_t i = 0; i < a.size(); ++i) far = std::max(far, farthest(a[i], b[i]));
  return far;
}

// Row by row, with a mask, every step an operation.
at::Tensor plain_attention(const at::Tensor& qkv, const RowPlan& plan, const AttentionShape& shape, const Rotary& angles) {
  const auto turn = [&](const at::Tensor& x, std::int64_t first, const at::Tensor& cos, const at::Tensor& sin) {  // [T, h, E]
    if (!cos.defined()) return x;
    const at::Tensor c = cos.narrow(0, first, x.size(0)).unsqueeze(1), s = sin.narrow(0, first, x.size(0)).unsqueeze(1);
    const std::int64_t half = c.size(-1);
    const at::Tensor a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
    return at::cat({a * c - b * s, b * c + a * s, x.narrow(-1, 2 * half, x.size(-1) - 2 * half)}, -1);
  };
  std::vector<at::Tensor> rows;
  const auto parts_of = [&](const RowPlan::Segment& segment) {
    auto parts = qkv.narrow(0, segment.first, segment.queries).view({segment.queries, shape.all(), shape.width}).split_with_sizes({shape.heads, shape.kv_heads, shape.kv_heads}, 1);
    parts[0] = turn(parts[0], segment.first, angles.cos, angles.sin);
    parts[1] = turn(parts[1], segment.first, angles.cos, angles.sin);
    return parts;
  };
  for (const RowPlan::Segment& segment : plan.segments) {
    auto parts = parts_of(segment);
    if (segment.prefix > 0) {
      const auto front = parts_of(plan.segments.front());
      parts[1] = at::cat({front[1], parts[1]});
      parts[2] = at::cat({front[2], parts[2]});
    }
    const at::Tensor k = parts[1].repeat_interleave(shape.group(), 1).transpose(0, 1), v = parts[2].repeat_interleave(shape.group(), 1).transpose(0, 1);
    at::Tensor products = at::matmul(parts[0].transpose(0, 1), k.transpose(1, 2)) / std::sqrt(double(shape.width));
    const at::Tensor query = at::arange(segment.prefix, segment.keys()).unsqueeze(1), key = at::arange(segment.keys()).unsqueeze(0);
    if (shape.causal) products = products.masked_fill(key.gt(query), -1e30);
    if (shape.window > 0) products = products.masked_fill(key.le(query - shape.window), -1e30);
    rows.push_back(at::matmul(products.softmax(-1), v).transpose(0, 1).reshape({segment.queries, -1}));
  }
  return at::cat(rows);
}

}  // namespace

TEST_CASE("rms_norm has the values and gradients of its definition") {
  at::manual_seed(1);
  for (const auto& [rows, width] : {std::pair{130, 37}, {3, 16}, {65, 192}}) {
    CHECK(distance([](const auto& in) { return rms_norm(in[0], in[1], 1e-5); },
                   [](const auto& in) { return in[0] / (in[0].square().mean(-1, true) + 1e-5).sqrt() * in[1]; },
                   {at::randn({rows, width}) * 3, at::randn({width})}) < 2e-5);
  }
}

TEST_CASE("swiglu and quick_gelu have the values and gradients of their definitions, also far out") {
  at::manual_seed(2);
  CHECK(distance([](const auto& in) { return swiglu(in[0]); },
                 [](const auto& in) {
                   const auto halves = in[0].chunk(2, -1);
                   return at::silu(halves[0]) * halves[1];
                 },
                 {at::randn({33, 74}) * 6}) < 2e-5);
  const at::Tensor wide = at::cat({at::randn({100}) * 5, at::tensor({-200.F, -90.F, 90.F, 200.F, 0.F})}).view({3, 35});
  CHECK(distance([](const auto& in) { return quick_gelu(in[0]); },
                 [](const auto& in) { return in[0] * at::sigmoid(1.702 * in[0]); }, {wide}) < 1e-4);
  CHECK(quick_gelu(at::full({1, 20}, NAN)).isnan().all().item<bool>());
}

TEST_CASE("attention over rows of different lengths has the values and gradients of its definition") {
  at::manual_seed(3);
  struct Case {
    Rows rows;
    AttentionShape shape;
    std::int64_t turning;  // numbers of a head
  };
  const std::vector<Case> cases = {
      {{{5, 1, 9}}, {.heads = 4, .kv_heads = 2, .width = 6}, 6},
      {{{70, 200, 64}}, {.heads = 3, .kv_heads = 1, .width = 8}, 8},
      {{{70, 3, 100}}, {.heads = 2, .kv_heads = 2, .width = 4, .causal = true, .window = 20}, 4},
      {{{7, 7, 7}}, {.heads = 2, .kv_heads = 2, .width = 4, .causal = false}, 0},
      {{{5, 80, 1}, 9}, {.heads = 4, .kv_heads = 2, .width = 6}, 4},
      {{{5, 80, 70}, 66}, {.heads = 2, .kv_heads = 1, .width = 4, .causal = true, .window = 30}, 4},
  };
  for (const Case& one : cases) {
    INFO("prefix " << one.rows.prefix << ", window " << one.shape.window);
    const auto plan = std::make_shared<RowPlan>(one.rows);
    const Rotary angles = one.turning == 0 ? Rotary{} : rotary(plan->positions(), saucier::layout::frequencies({.theta = 100}, one.turning, 64, 64).inverse, 1);
    const at::Tensor qkv = at::randn({plan->tokens, one.shape.all() * one.shape.width});
    CHECK(distance([&](const auto& in) { return attention(in[0], plan, one.shape, angles); },
                   [&](const auto& in) { return plain_attention(in[0], *plan, one.shape, angles); }, {qkv}) < 2e-5);
    // In another float type no loop of the project is used, but the operations of other devices.
    const Rotary wide{angles.cos.defined() ? angles.cos.to(at::kDouble) : angles.cos, angles.sin.defined() ? angles.sin.to(at::kDouble) : angles.sin};
    const at::Tensor elsewhere = attention(qkv.to(at::kDouble), plan, one.shape, wide);
    CHECK(farthest(elsewhere.to(at::kFloat), plain_attention(qkv, *plan, one.shape, angles)) < 1e-5);
    // In bfloat16 the values are those of the rounded input.
    const at::Tensor narrow = qkv.to(at::kBFloat16).requires_grad_(), exact = narrow.detach().to(at::kFloat).requires_grad_();
    const at::Tensor near = attention(narrow, plan, one.shape, angles), truth = plain_attention(exact, *plan, one.shape, angles);
    CHECK(farthest(near.to(at::kFloat), truth) < 0.03);
    near.square().sum().backward();
    truth.square().sum().backward();
    CHECK(((narrow.grad().to(at::kFloat) - exact.grad()).norm() / exact.grad().norm()).item<double>() < 0.02);
  }
}

TEST_CASE("the loss in pieces has the values and gradients of cross-entropy") {
  at::manual_seed(5);
  for (const std::int64_t words : {37, 20'000}) {  // the second takes more than one piece
    const std::int64_t positions = words == 37 ? 5 : 1300;
    const at::Tensor targets = at::randint(0, words, {positions}, at::kLong);
    CHECK(distance([&](const auto& in) { return next_token_loss(in[0], in[1], targets, 1.0 / double(positions)).sum; },
                   [&](const auto& in) { return at::cross_entropy_loss(at::matmul(in[0], in[1].t()), targets); },
                   {at::randn({positions, 12}), at::randn({words, 12})}) < 2e-5);
    const at::Tensor hidden = at::randn({positions, 12}), weight = at::randn({words, 12});
    CHECK(farthest(next_token_loss(hidden, weight, targets, 1).losses, at::cross_entropy_loss(at::matmul(hidden, weight.t()), targets, {}, at::Reduction::None)) < 2e-5);
    const at::Tensor narrow = next_token_loss(hidden.to(at::kBFloat16), weight, targets, 1.0 / double(positions)).sum;
    CHECK(narrow.item<double>() == Approx(at::cross_entropy_loss(at::matmul(hidden, weight.t()), targets).item<double>()).epsilon(0.01));
  }
}

TEST_CASE("results do not depend on the number of threads") {
  at::manual_seed(4);
  const at::Tensor x = at::randn({1000, 48}), weight = at::randn({48});
  const int threads = at::get_num_threads();
  std::vector<at::Tensor> gradients;
  for (int count : {1, 2}) {
    at::set_num_threads(count);
    const at::Tensor leaf = weight.clone().requires_grad_();
    rms_norm(x, leaf, 1e-5).square().sum().backward();
    gradients.push_back(leaf.grad());
  }
  at::set_num_threads(threads);
  CHECK(at::equal(gradients[0], gradients[1]));
}
