// Against what transformers and PEFT computed: tests/data/model, made by tests/parity/models.py.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "modules/checkpoint/checkpoint.h"
#include "tests/modules/model/tiny.h"

using namespace saucier;
using namespace saucier::model;

namespace {

constexpr double kTolerance = 1e-5;

// Of numbers that are long sums: processors add them up in different orders.
double tolerance(const at::Tensor& expected) { return kTolerance * (1 + expected.abs().max().item<double>()); }

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(SAUCIER_SOURCE_DIR) / "tests/data/model" / name;
}

struct Case {
  explicit Case(const std::string& name) : expected(checkpoint::read_safetensors(fixture(name) / "expected.safetensors")) {}
  const at::Tensor& operator[](const std::string& name) const { return expected.at(name); }
  std::map<std::string, at::Tensor> expected;
};

void train(Parameters& parameters) {
  for (auto& [name, tensor] : parameters) tensor.requires_grad_();
}

// Every expected gradient is there and no other.
void check_gradients(const Parameters& parameters, const Case& expected) {
  size_t count = 0;
  for (const auto& [name, tensor] : parameters) {
    const auto found = expected.expected.find("gradient." + name);
    if (found == expected.expected.end()) continue;
    INFO(name);
    ++count;
    REQUIRE(tensor.grad().defined());
    CHECK(farthest(tensor.grad(), found->second) < tolerance(found->second));
  }
  size_t all = 0;
  for (const auto& [name, tensor] : expected.expected) all += name.starts_with("gradient.") ? 1 : 0;
  CHECK(count == all);
  CHECK(count > 0);
}

// As transformers: the mean over all positions of the next token's surprise, -100 left out.
at::Tensor next_token_loss(const at::Tensor& logits, const at::Tensor& labels) {
  const std::int64_t tokens = logits.size(1);
  return at::cross_entropy_loss(logits.narrow(1, 0, tokens - 1).flatten(0, 1), labels.narrow(1, 1, tokens - 1).flatten());
}

}  // namespace

TEST_CASE("CLIPVisionModel: every hidden state, the pooled token and gradients") {
  const Case clip("clip");
  VisionTower tower = checkpoint::load_tower(fixture("clip"));
  for (std::int64_t layer = 0; layer < 4; ++layer) {
    const at::Tensor& expected = clip["hidden." + std::to_string(layer)];
    CHECK(farthest(tower.forward(clip["pixels"], layer, true), expected) < kTolerance);
    CHECK(farthest(tower.forward(clip["pixels"], layer - 4, false), expected.narrow(1, 1, 9)) < kTolerance);
  }
  CHECK(farthest(tower.pooled(clip["pixels"]), clip["pooled"]) < kTolerance);
  train(tower.parameters());
  const at::Tensor loss = tower.forward(clip["pixels"], -2, false).square().mean();
  CHECK(farthest(loss, clip["loss"]) < kTolerance);
  loss.backward();
  check_gradients(tower.parameters(), clip);
}

TEST_CASE("LlamaForCausalLM: logits, loss and gradients, plain and with grouped heads and tied embeddings") {
  for (const char* name : {"llama", "llama_grouped"}) {
    INFO(name);
    const Case llama(name);
    LanguageModel language = checkpoint::load_language(fixture(name));
    train(language.parameters());
    const at::Tensor hidden = language.forward(language.embed(llama["ids"]));
    CHECK(farthest(hidden, llama["last_hidden"]) < kTolerance);
    const at::Tensor logits = language.logits(hidden);
    CHECK(farthest(logits, llama["logits"]) < tolerance(llama["logits"]));
    const at::Tensor loss = next_token_loss(logits, llama["ids"]);
    CHECK(farthest(loss, llama["loss"]) < kTolerance);
    loss.backward();
    check_gradients(language.parameters(), llama);
  }
}

TEST_CASE("a PEFT adapter: logits, loss and gradients, unmerged and merged") {
  const Case lora("lora");
  LanguageModel language = checkpoint::load_language(fixture("llama"));
  checkpoint::load_adapter(fixture("lora"), language);
  REQUIRE(language.lora_config()->rank == 4);
  REQUIRE(language.lora_config()->alpha == 6);
  REQUIRE(language.lora_config()->modules.size() == 5);
  train(language.lora());
  const at::Tensor logits = language.logits(language.forward(language.embed(lora["ids"])));
  CHECK(farthest(logits, lora["logits"]) < tolerance(lora["logits"]));
  const at::Tensor loss = next_token_loss(logits, lora["ids"]);
  CHECK(farthest(loss, lora["loss"]) < kTolerance);
  loss.backward();
  check_gradients(language.lora(), lora);
  language.merge_lora();
  CHECK(farthest(language.logits(language.forward(language.embed(lora["ids"]))), lora["logits"]) < tolerance(lora["logits"]));
}

TEST_CASE("LlavaForConditionalGeneration: logits, loss and the projector's gradients") {
  const Case llava("llava");
  const std::vector<std::string> texts = {"none"};
  auto tokenizer = std::make_shared<const text::Tokenizer>(text::Tokenizer::learn(texts, {.vocab_size = 300}));
  JoinedModel joined{.tower = checkpoint::load_tower(fixture("clip")),
                     .projector = checkpoint::load_projector(fixture("llava") / "projector.safetensors", "mlp2x_gelu"),
                     .language = checkpoint::load_language(fixture("llama")),
                     .tokenizer = tokenizer};
  train(joined.projector->parameters());
  // The fixture writes a picture as nine tokens 63; here one marker stands for it.
  std::vector<std::vector<std::int32_t>> ids, labels;
  for (std::int64_t b = 0; b < llava["ids"].size(0); ++b) {
    auto& row = ids.emplace_back();
    auto& learned = labels.emplace_back();
    bool inside = false;
    for (std::int64_t t = 0; t < llava["ids"].size(1); ++t) {
      const auto id = llava["ids"][b][t].item<std::int32_t>();
      const bool first = id == 63 && !inside;
      inside = id == 63;
      if (inside && !first) continue;
      row.push_back(first ? tokenizer->image() : id);
      learned.push_back(llava["labels"][b][t].item<std::int32_t>());
    }
  }
  const auto batch = joined.splice(ids, labels, joined.picture_features(llava["pixels"]));
  const at::Tensor hidden = joined.language.forward(batch.embeds);
  CHECK(farthest(joined.language.logits(hidden), llava["logits"]) < tolerance(llava["logits"]));
  const at::Tensor loss = at::cross_entropy_loss(
      joined.language.logits(hidden.flatten(0, 1).index_select(0, batch.predict_at)), batch.targets);
  CHECK(farthest(loss, llava["loss"]) < kTolerance);
  loss.backward();
  check_gradients(joined.projector->parameters(), llava);
}
