#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "tests/modules/model/tiny.h"

using namespace saucier;
using namespace saucier::model;
using Catch::Matchers::Contains;

namespace {

LanguageModel lively(std::int64_t kv_heads = 4) {
  LanguageModel language = LanguageModel::random(tiny_language(kv_heads), 1);
  enliven(language.parameters(), 1);
  return language;
}

void enliven_lora(LanguageModel& language) {
  at::manual_seed(9);
  for (auto& [name, tensor] : language.lora()) tensor = at::randn(tensor.sizes()) * 0.3;
}

}  // namespace

TEST_CASE("a row's hidden states do not depend on what is padded behind it") {
  at::NoGradGuard no_grad;
  const LanguageModel language = lively();
  at::manual_seed(2);
  const at::Tensor shorter = at::randn({1, 5, 16});
  const at::Tensor padded = at::cat({at::cat({shorter, at::zeros({1, 4, 16})}, 1), at::randn({1, 9, 16})});
  CHECK(farthest(language.forward(padded).narrow(0, 0, 1).narrow(1, 0, 5), language.forward(shorter)) < 1e-5);
}

TEST_CASE("a shared prefix, some positions alone, a kept prefix: the same values and gradients") {
  for (std::int64_t kv_heads : {4, 2}) {
    LanguageModel language = lively(kv_heads);
    at::manual_seed(8);
    const at::Tensor front = at::randn({5, 16}), a = at::randn({7, 16}), b = at::randn({1, 16}), c = at::randn({4, 16});
    const at::Tensor whole = at::cat({front, a, front, b, front, c}).requires_grad_();
    const at::Tensor once = at::cat({front, a, b, c}).requires_grad_();
    const Rows rows{{12, 6, 9}}, shared{{7, 1, 4}, 5};
    for (auto& [name, tensor] : language.parameters()) tensor.requires_grad_();
    const auto gradients = [&](const at::Tensor& hidden) {
      for (auto& [name, tensor] : language.parameters()) tensor.mutable_grad().reset();
      hidden.square().sum().backward();
      Parameters all;
      for (auto& [name, tensor] : language.parameters())
        if (tensor.grad().defined()) all[name] = tensor.grad().clone();
      return all;
    };
    const at::Tensor at_whole = at::tensor({11, 7, 17, 26, 23}, at::kLong), at_once = at::tensor({11, 7, 12, 16, 13}, at::kLong);
    const at::Tensor truth = language.forward(whole, rows).index_select(0, at_whole);
    const Parameters expected = gradients(truth);
    const at::Tensor some = language.forward(once, shared, at_once);
    CHECK(farthest(some, truth) < 1e-5);
    for (const auto& [name, gradient] : gradients(some)) {
      INFO(name);
      CHECK(farthest(gradient, expected.at(name)) < 1e-4 * std::max(1.0, expected.at(name).abs().max().item<double>()));
    }
    const at::Tensor front_of_whole = whole.grad().narrow(0, 0, 5) + whole.grad().narrow(0, 12, 5) + whole.grad().narrow(0, 18, 5);
    CHECK(farthest(once.grad().narrow(0, 0, 5), front_of_whole) < 1e-4);
    CHECK(farthest(once.grad().narrow(0, 5, 7), whole.grad().narrow(0, 5, 7)) < 1e-4);

    const std::vector<KeptPrefix> kept = language.keep_prefix(front);
    Rows behind = shared;
    behind.prefix_kept = true;
    CHECK(farthest(language.forward(at::cat({a, b, c}), behind, at_once - 5, kept), truth) < 1e-5);
  }
}

TEST_CASE("prefill and decode give what forward gives, for rows of different lengths") {
  at::NoGradGuard no_grad;
  for (std::int64_t kv_heads : {4, 2}) {
    const LanguageModel language = lively(kv_heads);
    at::manual_seed(3);
    const at::Tensor whole = at::randn({3, 12, 16});
    const std::vector<std::int64_t> lengths = {5, 8, 2};
    const at::Tensor begun = at::cat({whole[0].narrow(0, 0, 5), whole[1].narrow(0, 0, 8), whole[2].narrow(0, 0, 2)});
    KeyValueCache cache;
    const at::Tensor first = language.prefill(begun, {lengths}, 12, cache);
    const at::Tensor truth = language.forward(whole);
    for (std::int64_t b = 0, at = 0; b < 3; at += lengths[size_t(b++)])
      CHECK(farthest(first.narrow(0, at, lengths[size_t(b)]), truth[b].narrow(0, 0, lengths[size_t(b)])) < 1e-5);
    for (std::int64_t step = 0; step < 4; ++step) {
      std::vector<at::Tensor> next;
      for (std::int64_t b = 0; b < 3; ++b) next.push_back(whole[b][lengths[size_t(b)] + step]);
      const at::Tensor hidden = language.decode(at::stack(next), cache);
      for (std::int64_t b = 0; b < 3; ++b) CHECK(farthest(hidden[b], truth[b][lengths[size_t(b)] + step]) < 1e-5);
    }
    CHECK(cache.lengths == std::vector<std::int64_t>{9, 12, 6});
  }
}

TEST_CASE("frozen parameters get no gradient, trained ones do") {
  LanguageModel language = lively();
  language.add_lora({.rank = 2, .alpha = 4, .modules = {"q_proj", "down_proj"}}, 1);
  enliven_lora(language);
  for (auto& [name, tensor] : language.lora()) tensor.requires_grad_();
  language.forward(at::randn({2, 4, 16})).square().mean().backward();
  for (const auto& [name, tensor] : language.parameters()) CHECK_FALSE(tensor.grad().defined());
  for (const auto& [name, tensor] : language.lora()) {
    INFO(name);
    REQUIRE(tensor.grad().defined());
    CHECK(tensor.grad().abs().max().item<double>() > 0);
  }
}

TEST_CASE("an adapter starts without effect, and merging keeps its effect") {
  at::NoGradGuard no_grad;
  const LanguageModel base = lively();
  at::manual_seed(5);
  const at::Tensor x = at::randn({2, 6, 16});
  LanguageModel adapted = base;
  adapted.add_lora({.rank = 3, .alpha = 6, .modules = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}}, 4);
  CHECK(farthest(adapted.forward(x), base.forward(x)) == 0);
  enliven_lora(adapted);
  const at::Tensor with = adapted.forward(x);
  CHECK(farthest(with, base.forward(x)) > 0.1);
  LanguageModel merged = adapted;
  merged.merge_lora();
  CHECK(merged.merged());
  CHECK(farthest(merged.forward(x), with) < 1e-4);
  CHECK(farthest(adapted.forward(x), with) == 0);  // the copy was merged, not this one
  merged.unmerge_lora();
  CHECK(farthest(merged.forward(x), with) < 1e-5);
  for (const auto& [name, tensor] : base.parameters()) CHECK(farthest(merged.parameters().at(name), tensor) < 1e-6);
}

// Which of the two ways is taken depends on rank and width: high ranks are folded into the weight.
TEST_CASE("both ways of applying an adapter have the same values and gradients") {
  for (std::int64_t rank : {1, 64}) {
    LanguageModel language = lively();
    language.add_lora({.rank = rank, .alpha = 8, .modules = {"q_proj", "v_proj", "up_proj"}}, 4);
    enliven_lora(language);
    for (auto& [name, tensor] : language.lora()) tensor.requires_grad_();
    at::manual_seed(6);
    const at::Tensor x = at::randn({4, 50, 16});
    language.forward(x).square().mean().backward();
    LanguageModel plain = language;
    plain.set_training(true);
    Parameters leaves;
    for (const auto& [name, tensor] : language.lora()) leaves[name] = tensor.detach().clone().requires_grad_();
    // A dropout that in all likelihood drops nothing forces the other way.
    plain.set_lora({.rank = rank, .alpha = 8, .dropout = 1e-12, .modules = {"q_proj", "v_proj", "up_proj"}}, leaves);
    plain.forward(x).square().mean().backward();
    for (const auto& [name, tensor] : language.lora()) {
      INFO(name);
      CHECK(farthest(tensor.grad(), plain.lora().at(name).grad()) < 1e-5);
    }
  }
}

TEST_CASE("dropout acts in training alone") {
  at::NoGradGuard no_grad;
  LanguageModel language = lively();
  language.add_lora({.rank = 2, .alpha = 4, .dropout = 0.5, .modules = {"q_proj", "o_proj"}}, 1);
  enliven_lora(language);
  const at::Tensor x = at::randn({1, 6, 16});
  const at::Tensor quiet = language.forward(x);
  CHECK(farthest(language.forward(x), quiet) == 0);
  language.set_training(true);
  CHECK(farthest(language.forward(x), quiet) > 1e-3);
}

TEST_CASE("random weights are a function of the seed") {
  const LanguageModel a = LanguageModel::random(tiny_language(), 3), b = LanguageModel::random(tiny_language(), 3),
                      c = LanguageModel::random(tiny_language(), 4);
  const char* name = "model.layers.1.mlp.up_proj.weight";
  CHECK(at::equal(a.parameters().at(name), b.parameters().at(name)));
  CHECK_FALSE(at::equal(a.parameters().at(name), c.parameters().at(name)));
  CHECK(a.parameters().at(name).std().item<double>() == Approx(0.02).epsilon(0.2));
  CHECK_FALSE(at::equal(a.parameters().at(name), a.parameters().at("model.layers.0.mlp.up_proj.weight")));
}

TEST_CASE("errors name the tensor and what is near it") {
  Parameters parameters = LanguageModel::random(tiny_language(), 1).parameters();
  SECTION("missing") {
    parameters["model.norm.wieght"] = parameters.extract("model.norm.weight").mapped();
    CHECK_THROWS_WITH(LanguageModel(tiny_language(), parameters), Contains("'model.norm.weight' is missing"));
    try {
      LanguageModel(tiny_language(), parameters);
    } catch (const Error& error) {
      CHECK_THAT(error.hint(), Contains("model.norm.wieght"));
    }
  }
  SECTION("shape") {
    parameters["model.norm.weight"] = at::ones({17});
    CHECK_THROWS_WITH(LanguageModel(tiny_language(), parameters), Contains("'model.norm.weight' has shape [17]") && Contains("[16]"));
  }
  SECTION("unknown") {
    parameters["model.layers.2.mlp.up_proj.weight"] = at::ones({24, 16});
    CHECK_THROWS_WITH(LanguageModel(tiny_language(), parameters), Contains("'model.layers.2.mlp.up_proj.weight' is not part"));
  }
  SECTION("lora module") {
    LanguageModel language = LanguageModel::random(tiny_language(), 1);
    CHECK_THROWS_WITH(language.add_lora({.modules = {"q_porj"}}, 1), Contains("no linear layer 'q_porj'"));
  }
}

TEST_CASE("an adapter's layers are named by the end of a path, by * or as all, and single ones have their own rank and alpha") {
  LanguageModel model = lively();
  const auto count = [&](std::vector<std::string> modules) {
    LanguageModel copy = model;
    copy.add_lora({.rank = 2, .modules = std::move(modules)}, 1);
    return copy.lora().size() / 2;
  };
  const size_t layers = static_cast<size_t>(model.config().layers);
  CHECK(count({"q_proj"}) == layers);
  CHECK(count({"layers.1.self_attn.q_proj"}) == 1);
  CHECK(count({"layers.1.*"}) == 7);
  CHECK(count({"*attn*"}) == 4 * layers);
  CHECK(count({"all-linear"}) == 7 * layers);
  CHECK(count({"lm_head", "q_proj", "q_proj"}) == layers + 1);
  CHECK_THROWS_WITH(count({"q_porj"}), Contains("no linear layer 'q_porj'"));
  CHECK_THROWS_WITH(count({}), Contains("no linear layer is named"));
  model.add_lora({.rank = 2, .alpha = 4, .modules = {"q_proj", "v_proj"}, .ranks = {{"layers.1.self_attn.q_proj", 5}}, .alphas = {{"v_proj", 1}}}, 1);
  CHECK(model.lora().at("model.layers.1.self_attn.q_proj.lora_A.weight").size(0) == 5);
  CHECK(model.lora().at("model.layers.0.self_attn.q_proj.lora_B.weight").size(1) == 2);
}
