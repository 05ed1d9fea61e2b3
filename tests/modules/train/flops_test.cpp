#include <catch2/catch.hpp>

#include "modules/train/flops.h"
#include "modules/train/gemm_rate.h"
#include "modules/train/trained.h"
#include "tests/modules/train/tiny_model.h"

using namespace saucier;

namespace {

// The formulas of LLaVA's stages in the sizes of the tiny model: width 32, 2 layers, 4 heads of 8, feed-forward 64; the tower
// has width 8, feed-forward 12 and one layer in use; 4 patches of 4 x 4 x 3 numbers and a class token.
constexpr double kLayers = 2 * (4 * 32 * 32 + 3 * 32 * 64), kAttention = 2 * 2 * 32, kTower = 2.0 * (4 * 8 * 8 + 2 * 8 * 12), kPatch = 2.0 * 8 * 48,
                 kProjector = 8 * 32 + 32 * 32;

double counted(std::vector<std::string> trains, std::int64_t length, std::int64_t learned, std::int64_t pictures) {
  model::JoinedModel model = train::tiny_model();
  options::Job job = train::tiny_job(".", std::move(trains));
  job.train->lora = {.rank = 4, .modules = {"q_proj"}};
  train::add_updates(job, model);
  const train::Optimizer optimizer(train::parameter_groups(*job.train, model), {});
  return train::Flops(model).of(std::vector<std::int64_t>{length}, learned, pictures);
}

}  // namespace

TEST_CASE("the arithmetic of a step by what learns") {
  const double vocabulary = static_cast<double>(train::tiny_model().language.config().vocab_size), tokens = 10, learned = 3;
  const double tower = kPatch * 4 + kTower * 5 + 4.0 * 25 * 8;
  const double attention = kAttention * tokens * tokens, head = 2 * vocabulary * 32 * learned;
  // The projector alone: all of the language model passes gradients on, nothing in it has one.
  CHECK(counted({"projector"}, 10, 3, 1) == Approx(tower + 2 * (2 * kProjector + 32 * 32) * 4 + 4 * kLayers * tokens + 3 * attention + 2 * head));
  // All of the language model behind it.
  CHECK(counted({"projector", "language_model"}, 10, 3, 1) ==
        Approx(tower + 2 * (2 * kProjector + 32 * 32) * 4 + 6 * kLayers * tokens + 3 * attention + 3 * head));
  // LoRA on q_proj: the projector passes nothing on.
  CHECK(counted({"language_model.lora"}, 10, 3, 1) ==
        Approx(tower + 2 * kProjector * 4 + 4 * kLayers * tokens + 6 * 2 * 4 * (32 + 32) * tokens + 3 * attention + 2 * head));
  // The last layer: the first is only computed.
  CHECK(counted({"language_model.last.1"}, 10, 3, 0) == Approx((2 + 6) / 2.0 * kLayers * tokens + 2 * attention + 2 * head));
  // Rows do not see each other.
  model::JoinedModel model = train::tiny_model();
  const train::Flops frozen(model);
  CHECK(frozen.of(std::vector<std::int64_t>{10, 10}, 0, 0) == Approx(2 * frozen.of(std::vector<std::int64_t>{10}, 0, 0)));
  CHECK(frozen.of(std::vector<std::int64_t>{20}, 0, 0) > 2 * frozen.of(std::vector<std::int64_t>{10}, 0, 0));
}

TEST_CASE("the rate of products is measured once") {
  const double rate = train::gemm_rate(at::kFloat);
  CHECK(rate > 1e8);
  CHECK(train::gemm_rate(at::kFloat) == rate);
}
