#include "modules/model/joined.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "tests/modules/model/tiny.h"

using namespace saucier;
using namespace saucier::model;
using Catch::Matchers::Contains;

namespace {

std::shared_ptr<const text::Tokenizer> small_tokenizer() {
  const std::vector<std::string> texts = {"a fox and a fox and an owl"};
  return std::make_shared<const text::Tokenizer>(text::Tokenizer::learn(texts, {.vocab_size = 300}));
}

JoinedModel tiny_joined() {
  auto tokenizer = small_tokenizer();
  const std::int64_t vocabulary = tokenizer->vocab_size();
  return {.tower = VisionTower::random(tiny_vision(), 1),
          .projector = Projector::random({.kind = "mlp2x_gelu"}, 8, 16, 2),
          .language = LanguageModel::random(tiny_language(4, vocabulary), 3),
          .tokenizer = tokenizer};
}

std::vector<std::int64_t> list(const at::Tensor& x) {
  return {x.const_data_ptr<std::int64_t>(), x.const_data_ptr<std::int64_t>() + x.numel()};
}

}  // namespace

TEST_CASE("splice puts each picture in its place and shifts the labels") {
  const JoinedModel joined = tiny_joined();
  const std::int32_t image = joined.tokenizer->image();
  REQUIRE(joined.picture_tokens("square").each == 4);
  at::manual_seed(1);
  const at::Tensor features = at::randn({2, 4, 8});
  // Row 1 has no picture.
  const std::vector<std::vector<std::int32_t>> ids = {{10, image, 11, 12}, {20, 21}, {image, 30}};
  const std::vector<std::vector<std::int32_t>> labels = {{-100, -100, 11, 12}, {-100, 21}, {-100, -100}};
  const JoinedModel::Batch batch = joined.splice(ids, labels, joined.whole(features));
  REQUIRE(batch.embeds.sizes() == at::IntArrayRef({14, 16}));
  CHECK(batch.rows.lengths == std::vector<std::int64_t>{7, 2, 5});
  CHECK(batch.lengths() == batch.rows.lengths);

  const at::Tensor words = joined.language.embed(at::tensor({10, 11, 12, 20, 21, 30}, at::kLong));
  const at::Tensor pictures = joined.projector->forward(features);
  CHECK(farthest(batch.embeds, at::cat({words.narrow(0, 0, 1), pictures[0], words.narrow(0, 1, 4), pictures[1], words.narrow(0, 5, 1)})) < 1e-6);

  // Position 4, the last patch of row 0, predicts token 11; the first token of a row is never predicted.
  CHECK(list(batch.predict_at) == std::vector<std::int64_t>{4, 5, 7});
  CHECK(list(batch.targets) == std::vector<std::int64_t>{11, 12, 21});
  CHECK(batch.row_of_target == std::vector<std::int32_t>{0, 0, 1});
}

TEST_CASE("what all rows begin with is written once, up to a picture or what is learned") {
  const JoinedModel joined = tiny_joined();
  const std::int32_t image = joined.tokenizer->image();
  const JoinedModel::Shown shown = joined.whole(at::randn({2, 4, 8}));
  const std::vector<std::int64_t> both = {0, 1};
  const std::vector<std::vector<std::int32_t>> ids = {{5, 6, 7, image, 11, 12}, {5, 6, 7, image, 21}};
  const std::vector<std::vector<std::int32_t>> labels = {{-100, -100, -100, -100, 11, 12}, {-100, -100, -100, -100, 21}};
  const JoinedModel::Batch batch = joined.splice(ids, labels, shown, both, true), apart = joined.splice(ids, labels, shown, both);
  CHECK(batch.rows.prefix == 3);
  CHECK(batch.prefix_ids == std::vector<std::int32_t>{5, 6, 7});
  CHECK(batch.rows.lengths == std::vector<std::int64_t>{6, 5});
  CHECK(batch.lengths() == apart.rows.lengths);
  CHECK(list(batch.predict_at) == std::vector<std::int64_t>{6, 7, 12});
  CHECK(farthest(batch.embeds, at::cat({apart.embeds.narrow(0, 0, 9), apart.embeds.narrow(0, 12, 5)})) == 0);
  const auto prefix_of = [&](std::vector<std::vector<std::int32_t>> texts, std::vector<std::vector<std::int32_t>> learned) {
    return joined.splice(texts, learned, {}, {}, true).rows.prefix;
  };
  CHECK(prefix_of({{5, 6, 7, 8}, {5, 6, 7, 9}}, {{-100, -100, 7, 8}, {-100, -100, 7, 9}}) == 1);  // position 1 predicts
  CHECK(prefix_of({{5, 6, 7}, {5, 6}}, {}) == 1);                                                   // a row keeps one of its own
  CHECK(prefix_of({{5, 6, 7}}, {}) == 0);                                                           // nobody to share with
  CHECK(prefix_of({{5, 6}, {6, 5}}, {{-100, 6}, {5, 5}}) == 0);
}

TEST_CASE("gradients reach projector and words through a splice") {
  JoinedModel joined = tiny_joined();
  for (auto& [name, tensor] : joined.projector->parameters()) tensor.requires_grad_();
  at::Tensor& words = joined.language.parameters().at("model.embed_tokens.weight");
  words.requires_grad_();
  const std::int32_t image = joined.tokenizer->image();
  const std::vector<std::vector<std::int32_t>> ids = {{5, image, 6}, {7, 8}};
  const auto batch = joined.splice(ids, {}, joined.whole(at::randn({1, 4, 8})));
  CHECK(batch.targets.numel() == 0);
  batch.embeds.square().sum().backward();
  for (const auto& [name, tensor] : joined.projector->parameters()) CHECK(tensor.grad().abs().max().item<double>() > 0);
  // d(x²) = 2x for the words in use, and nothing for the others.
  const at::Tensor used = at::tensor({5, 6, 7, 8}, at::kLong);
  CHECK(farthest(words.grad().index_select(0, used), 2 * words.detach().index_select(0, used)) < 1e-6);
  CHECK(words.grad()[9].abs().max().item<double>() == 0);
}

TEST_CASE("batches without any picture, and counts that differ") {
  const JoinedModel joined = tiny_joined();
  const std::vector<std::vector<std::int32_t>> plain = {{5, 6, 7}, {8}};
  CHECK(joined.splice(plain, {}, {}).embeds.sizes() == at::IntArrayRef({4, 16}));
  CHECK_THROWS_WITH(joined.splice(plain, {}, joined.whole(at::randn({1, 4, 8}))), Contains("1 pictures for 0 places"));
  const std::vector<std::vector<std::int32_t>> one = {{5, joined.tokenizer->image()}};
  CHECK_THROWS_WITH(joined.splice(one, {}, {}), Contains("0 pictures for 1 places"));
}

TEST_CASE("picture features keep no gradient of a frozen tower, and one of a trained tower") {
  JoinedModel joined = tiny_joined();
  const at::Tensor pixels = at::randn({2, 3, 8, 8});
  CHECK_FALSE(joined.picture_features(pixels).requires_grad());
  CHECK(joined.picture_features(pixels).sizes() == at::IntArrayRef({2, 4, 8}));
  joined.keep_class = true;
  CHECK(joined.picture_features(pixels).sizes() == at::IntArrayRef({2, 5, 8}));
  for (auto& [name, tensor] : joined.tower->parameters()) tensor.requires_grad_();
  const at::Tensor features = joined.picture_features(pixels);
  REQUIRE(features.requires_grad());
  features.square().sum().backward();
  CHECK(joined.tower->parameters().at("vision_model.encoder.layers.0.self_attn.q_proj.weight").grad().defined());
  CHECK_FALSE(joined.tower->parameters().at("vision_model.encoder.layers.1.mlp.fc1.weight").grad().defined());
  CHECK_THROWS_WITH(joined.tower->forward(pixels, 3, false), Contains("vision layer '3' is outside of -3 to 2"));
}

TEST_CASE("pixel values are normalised as CLIP's, channel by channel") {
  const VisionConfig config = tiny_vision();
  data::Picture picture{8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 0)};
  picture.pixels[(3 * 8 + 5) * 3 + 1] = 255;  // green at x 5, y 3
  const std::vector<data::Picture> pictures = {picture, picture};
  const at::Tensor pixels = pixel_values(pictures, layout::usual_processor(config), "square");
  REQUIRE(pixels.sizes() == at::IntArrayRef({2, 3, 8, 8}));
  CHECK(pixels[1][1][3][5].item<double>() == Approx((1 - 0.4578275) / 0.26130258));
  CHECK(pixels[0][1][5][3].item<double>() == Approx(-0.4578275 / 0.26130258));
  CHECK(pixels[0][0][0][0].item<double>() == Approx(-0.48145466 / 0.26862954));
  CHECK(pixels[0][2][0][0].item<double>() == Approx(-0.40821073 / 0.27577711));
}

TEST_CASE("a picture of another size is resized to the tower's") {
  const std::vector<data::Picture> pictures = {{20, 12, std::vector<std::uint8_t>(20 * 12 * 3, 100)}};
  const at::Tensor pixels = pixel_values(pictures, layout::usual_processor(tiny_vision()), "square");
  REQUIRE(pixels.sizes() == at::IntArrayRef({1, 3, 8, 8}));
  CHECK(pixels[0][0].min().item<double>() == Approx((100 / 255.0 - 0.48145466) / 0.26862954).margin(0.02));
  CHECK(pixels[0][0].max().item<double>() == Approx((100 / 255.0 - 0.48145466) / 0.26862954).margin(0.02));
}

TEST_CASE("a padded picture stands between bands of the mean colour") {
  const std::vector<data::Picture> pictures = {{16, 4, std::vector<std::uint8_t>(16 * 4 * 3, 255)}};
  const at::Tensor pixels = pixel_values(pictures, layout::usual_processor(tiny_vision()), "pad");  // 16 x 16 with the picture in rows 6 to 9, halved
  const double white = (1 - 0.48145466) / 0.26862954, band = (122 / 255.0 - 0.48145466) / 0.26862954;
  CHECK(pixels[0][0][0].max().item<double>() == Approx(band));
  CHECK(pixels[0][0][7].min().item<double>() == Approx(band));
  CHECK(pixels[0][0][3].min().item<double>() > white * 0.8);
  CHECK(pixel_values(pictures, layout::usual_processor(tiny_vision()), "square")[0][0].min().item<double>() == Approx(white));
}

TEST_CASE("in bfloat16 the results are near, frozen weights are narrow and gradients are float32") {
  const auto joined_model = [] {
    JoinedModel joined = tiny_joined();
    at::manual_seed(4);
    joined.language.add_lora({.rank = 4, .alpha = 8, .modules = {"q_proj", "down_proj"}}, 6);
    for (auto& [name, tensor] : joined.language.lora()) tensor = (at::randn(tensor.sizes()) * 0.1).set_requires_grad(true);
    for (auto& [name, tensor] : joined.projector->parameters()) tensor.set_requires_grad(true);
    return joined;
  };
  at::manual_seed(5);
  const at::Tensor pixels = at::randn({2, 3, 8, 8});
  const auto loss_of = [&](JoinedModel& joined) {
    const at::Tensor features = joined.picture_features(pixels);
    const std::int32_t image = joined.tokenizer->image();
    const std::vector<std::vector<std::int32_t>> ids = {{5, image, 6, 7, 8}, {9, image, 10}};
    const std::vector<std::vector<std::int32_t>> labels = {{-100, -100, -100, 7, 8}, {-100, -100, 10}};
    const JoinedModel::Batch batch = joined.splice(ids, labels, joined.whole(features));
    const at::Tensor logits = joined.language.logits(joined.language.forward(batch.embeds, batch.rows, batch.predict_at));
    CHECK(logits.scalar_type() == joined.language.dtype());
    return at::cross_entropy_loss(logits.to(at::kFloat), batch.targets);
  };
  JoinedModel wide = joined_model(), narrow = joined_model();
  narrow.compute_in(at::kBFloat16);
  CHECK(narrow.tower->parameters().at("vision_model.pre_layrnorm.weight").scalar_type() == at::kBFloat16);
  CHECK(narrow.language.parameters().at("model.embed_tokens.weight").scalar_type() == at::kBFloat16);
  const at::Tensor exact = loss_of(wide), near = loss_of(narrow);
  CHECK(near.scalar_type() == at::kFloat);
  CHECK(near.item<double>() != exact.item<double>());
  CHECK(near.item<double>() == Approx(exact.item<double>()).epsilon(0.03));
  exact.backward();
  near.backward();
  const auto check_gradients = [](const Parameters& exact_ones, const Parameters& near_ones) {
    for (const auto& [name, tensor] : exact_ones) {
      INFO(name);
      const at::Tensor& gradient = near_ones.at(name).grad();
      REQUIRE(gradient.defined());
      CHECK(gradient.scalar_type() == at::kFloat);
      CHECK((gradient - tensor.grad()).norm().item<double>() < 0.1 * tensor.grad().norm().item<double>());
    }
  };
  check_gradients(wide.projector->parameters(), narrow.projector->parameters());
  check_gradients(wide.language.lora(), narrow.language.lora());
}

TEST_CASE("projectors by kind") {
  const at::Tensor x = at::randn({2, 3, 8});
  CHECK(at::equal(Projector::random({.kind = "identity"}, 8, 8, 1).forward(x), x));
  CHECK(Projector::random({.kind = "linear"}, 8, 16, 1).parameters().size() == 2);
  CHECK(Projector::random({.kind = "mlp3x_gelu"}, 8, 16, 1).forward(x).sizes() == at::IntArrayRef({2, 3, 16}));
  CHECK_THROWS_WITH(Projector::random({.kind = "identity"}, 8, 16, 1), Contains("equal widths"));
  CHECK_THROWS_WITH(Projector::random({.kind = "mlp2x_gleu"}, 8, 16, 1), Contains("unknown projector kind 'mlp2x_gleu'"));
}
