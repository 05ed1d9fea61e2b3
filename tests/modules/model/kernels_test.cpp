// The fused loops against plain operations, values and gradients.
#include "modules/layout/rope.h"
#include "modules/model/kernels.h"

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

at::Tensor plain_heads(const at::Tensor& qkv, std::int64_t rows, std::int64_t tokens, std::int64_t heads,
                       std::int64_t kv_heads, const at::Tensor& cos, const at::Tensor& sin, size_t part) {
  const at::Tensor apart = qkv.view({rows, tokens, heads + 2 * kv_heads, -1}).transpose(1, 2);
  const at::Tensor x = apart.split_with_sizes({heads, kv_heads, kv_heads}, 1)[part];
  if (part == 2) return x;
  const auto halves = x.chunk(2, -1);
  const at::Tensor c = at::cat({cos, cos}, -1).unsqueeze(1), s = at::cat({sin, sin}, -1).unsqueeze(1);
  return x * c + at::cat({-halves[1], halves[0]}, -1) * s;
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

TEST_CASE("split_heads turns queries and keys and turns their gradients back") {
  at::manual_seed(3);
  const std::int64_t rows = 3, tokens = 5, heads = 4, kv_heads = 2, width = 6;
  const at::Tensor qkv = at::randn({rows * tokens, (heads + 2 * kv_heads) * width});
  for (bool own_positions : {false, true}) {
    const at::Tensor positions =
        own_positions ? at::randint(0, 40, {rows, tokens}, at::kLong) : at::arange(tokens, at::kLong).unsqueeze(0);
    const Rotary angles = rotary(positions, saucier::layout::frequencies({.theta = 100}, width, 64, 64).inverse, 1);
    for (size_t part = 0; part < 3; ++part) {
      CHECK(distance(
                [&](const auto& in) {
                  const Heads split = split_heads(in[0], rows, tokens, heads, kv_heads, angles);
                  return part == 0 ? split.q : part == 1 ? split.k : split.v;
                },
                [&](const auto& in) {
                  return plain_heads(in[0], rows, tokens, heads, kv_heads, angles.cos, angles.sin, part);
                },
                {qkv}) < 1e-5);
    }
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
