#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "modules/base/clock.h"
#include "modules/base/error.h"
#include "modules/train/optimizer.h"

using namespace saucier;
using train::Optimizer;

namespace {

void step(Optimizer& optimizer, double rate) { optimizer.step(std::vector<double>(optimizer.groups().size(), rate), optimizer.gradient_norm()); }

// Losses of a small regression by one kind of optimizer.
std::vector<double> curve(const std::string& kind, int steps) {
  at::manual_seed(4);
  const at::Tensor x = at::randn({64, 32}), y = at::sin(at::matmul(x, at::randn({32, 8})));
  at::Tensor first = at::randn({32, 48}) * 0.2, second = at::randn({48, 8}) * 0.2, bias = at::zeros({8});
  Optimizer optimizer({{"all", {&first, &second, &bias}, 1, 0.01}}, {.kind = kind, .clip_norm = 0});
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) {
    const at::Tensor loss = (at::matmul(at::matmul(x, first).tanh(), second) + bias - y).pow(2).mean();
    loss.backward();
    losses.push_back(loss.item<double>());
    step(optimizer, kind == "sgd" ? 0.05 : 3e-3);
  }
  return losses;
}

}  // namespace

TEST_CASE("AdamW takes the step of the paper's formula") {
  const std::string kind = GENERATE("adamw", "adamw_8bit");
  const double within = kind == "adamw" ? 1e-5 : 2e-2;
  at::Tensor weight = at::full({1, 2}, 2.0), bias = at::full({2}, 3.0);
  Optimizer optimizer({{"all", {&weight, &bias}, 0.1, 0.5}}, {.kind = kind, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .clip_norm = 0});
  REQUIRE(weight.requires_grad());
  REQUIRE(optimizer.count() == 4);
  (weight * 3).sum().add((bias * -2).sum()).backward();
  CHECK(optimizer.gradient_norm() == Approx(std::sqrt(2 * 9.0 + 2 * 4.0)));
  step(optimizer, 0.05);
  // First step: both moments are corrected to g and g², so the update is rate * sign(g); the matrix decays, the vector not.
  CHECK(weight[0][0].item<double>() == Approx(2.0 * (1 - 0.05 * 0.5) - 0.05));
  CHECK(bias[0].item<double>() == Approx(3.0 + 0.05));
  // The gradients are cleared: a second step without a backward pass follows the first moment alone.
  step(optimizer, 0.05);
  const double first = 0.9 * 0.3 / (1 - 0.81), second = 0.99 * 0.09 / (1 - 0.9801);
  CHECK(weight[0][0].item<double>() == Approx((2.0 * 0.975 - 0.05) * 0.975 - 0.05 * first / std::sqrt(second)).epsilon(within));
}

TEST_CASE("SGD goes down the gradient, after the decay") {
  at::Tensor weight = at::full({1, 2}, 2.0);
  Optimizer optimizer({{"all", {&weight}, 0.1, 0.5}}, {.kind = "sgd", .clip_norm = 0});
  (weight * 3).sum().backward();
  step(optimizer, 0.1);
  CHECK(weight[0][0].item<double>() == Approx(2.0 * 0.95 - 0.3));
  CHECK(optimizer.state_bytes() == 0);
}

TEST_CASE("each group has its own rate") {
  at::Tensor a = at::zeros({2}), b = at::zeros({3});
  Optimizer optimizer({{"a", {&a}, 1, 0}, {"b", {&b}, 1, 0}}, {.kind = "sgd", .clip_norm = 0});
  (a.sum() + b.sum()).backward();
  optimizer.step(std::vector<double>{0.5, 0.25}, optimizer.gradient_norm());
  CHECK(a[1].item<double>() == Approx(-0.5));
  CHECK(b[2].item<double>() == Approx(-0.25));
}

TEST_CASE("gradients are clipped by their common norm, and what is discarded changes nothing") {
  at::Tensor weight = at::zeros({3});
  Optimizer optimizer({{"all", {&weight}, 1, 0}}, {.beta2 = 0.9, .clip_norm = 0.5});
  (weight * 100).sum().backward();
  CHECK(optimizer.gradient_norm() == Approx(100 * std::sqrt(3.0)));
  step(optimizer, 1);
  CHECK(optimizer.state().at("first_moment")[0].item<double>() == Approx(0.1 * 0.5 / std::sqrt(3.0)));
  const at::Tensor before = weight.detach().clone();
  (weight * INFINITY).sum().backward();
  CHECK_FALSE(std::isfinite(optimizer.gradient_norm()));
  optimizer.discard();
  CHECK(at::equal(weight, before));
  CHECK(optimizer.steps() == 1);
  CHECK(optimizer.gradient_norm() == 0);
}

TEST_CASE("a training state of another size or optimizer is refused") {
  at::Tensor weight = at::zeros({3}), other = at::zeros({4}), bytes = at::zeros({3});
  Optimizer optimizer({{"all", {&weight}, 1, 0}}, {});
  const Optimizer larger({{"all", {&other}, 1, 0}}, {}), narrow({{"all", {&bytes}, 1, 0}}, {.kind = "sgd"});
  CHECK_THROWS_WITH(optimizer.restore(larger.state()), "training state holds 4 numbers of 'first_moment', this stage has 3");
  CHECK_THROWS_WITH(optimizer.restore(narrow.state()), "training state has no 'first_moment', which optimizer 'adamw' keeps");
}

TEST_CASE("AdamW with a byte a moment stays near AdamW, in a quarter of the memory") {
  const std::vector<double> whole = curve("adamw", 300), bytes = curve("adamw_8bit", 300);
  REQUIRE(whole.back() < 0.1 * whole.front());
  for (size_t i = 0; i < whole.size(); ++i) {
    INFO("step " << i);
    CHECK(bytes[i] == Approx(whole[i]).epsilon(0.05).margin(1e-3 * whole.front()));
  }
  CHECK(curve("sgd", 300).back() < whole.front());

  at::Tensor weight = at::zeros({1000, 256}), same = at::zeros({1000, 256});
  const Optimizer large({{"all", {&weight}, 1, 0}}, {}), small({{"all", {&same}, 1, 0}}, {.kind = "adamw_8bit"});
  CHECK(large.state_bytes() == 1000 * 256 * 8);
  CHECK(small.state_bytes() == 1000 * 256 * 2 + 1000 * 8);  // 3.9 times less
}

TEST_CASE("a byte keeps two digits of what is large in a block, and the order of what is small") {
  train::ByteMoments moments(512);
  at::manual_seed(1);
  const at::Tensor first = at::randn({512}) * at::pow(10, at::rand({512}) * -4), root = first.abs();
  moments.put(0, 512, first, root, 1);
  for (const auto& [kept, wanted] : {std::pair(moments.first(0, 512), first), std::pair(moments.root_of_second(0, 512), root)}) {
    const at::Tensor largest = wanted.view({2, 256}).abs().amax(1, true);
    const at::Tensor error = (kept - wanted).view({2, 256}).abs();
    CHECK((error / largest).max().item<double>() < 0.008);
    // In the decade of its number a value is off by half a cell at most.
    const at::Tensor big = wanted.view({2, 256}).abs() > 0.1 * largest;
    CHECK((error / wanted.view({2, 256}).abs()).masked_select(big).max().item<double>() < 0.08);
  }
  // What is less than a cell away comes through in the mean, other than by rounding to the nearest.
  const at::Tensor constant = at::full({512}, 0.5017);
  constant[0] = constant[256] = 1;
  double sum = 0;
  for (int i = 0; i < 50; ++i) {
    moments.put(0, 512, constant, constant, i);
    sum += moments.root_of_second(0, 512).mean().item<double>() / 50;
  }
  CHECK(sum == Approx(constant.mean().item<double>()).epsilon(2e-4));
  // A block of zeros stays one.
  moments.put(256, 512, at::zeros({256}), at::zeros({256}), 2);
  CHECK(moments.first(256, 512).abs().max().item<double>() == 0);
}

TEST_CASE("speed of a step over 20 million parameters", "[.][speed]") {
  for (const char* kind : {"adamw", "adamw_8bit", "sgd"}) {
    at::Tensor weight = at::randn({20'000'000});
    Optimizer optimizer({{"all", {&weight}, 1e-3, 0}}, {.kind = kind});
    double seconds = 1e9;
    for (int i = 0; i < 4; ++i) {
      weight.mutable_grad().fill_(0.01);
      const double norm = optimizer.gradient_norm();
      const double begin = system_clock().steady_seconds();
      optimizer.step(std::vector<double>{1e-3}, norm);
      seconds = std::min(seconds, system_clock().steady_seconds() - begin);
    }
    std::printf("%-10s %6.1f ms\n", kind, seconds * 1000);
  }
}
