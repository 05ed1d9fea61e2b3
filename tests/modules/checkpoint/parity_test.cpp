// Against what transformers and PEFT computed: tests/data/model, made by tests/parity/models.py.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/checkpoint/export.h"
#include "tests/modules/model/tiny.h"
#include "tests/temp_folder.h"

using namespace saucier;
using namespace saucier::model;
using Catch::Matchers::Contains;

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
  bool has(const std::string& name) const { return expected.contains(name); }
  std::map<std::string, at::Tensor> expected;
};

void train(Parameters& parameters) {
  for (auto& [name, tensor] : parameters) tensor.requires_grad_();
}

// Every expected gradient is there and no other.
void check_gradients(const Parameters& parameters, const Case& expected) {
  size_t count = 0, all = 0;
  for (const auto& [name, tensor] : parameters) {
    if (!expected.has("gradient." + name)) continue;
    INFO(name);
    ++count;
    REQUIRE(tensor.grad().defined());
    CHECK(farthest(tensor.grad(), expected["gradient." + name]) < tolerance(expected["gradient." + name]));
  }
  for (const auto& [name, tensor] : expected.expected)
    all += name.starts_with("gradient.") && name.find("vision_model.head.") == std::string::npos ? 1 : 0;
  CHECK(count == all);
  CHECK(count > 0);
}

// As transformers: the mean over all positions of the next token's surprise, -100 left out.
at::Tensor next_token_loss(const at::Tensor& logits, const at::Tensor& labels) {
  const std::int64_t tokens = logits.size(1);
  return at::cross_entropy_loss(logits.narrow(1, 0, tokens - 1).flatten(0, 1), labels.narrow(1, 1, tokens - 1).flatten());
}

// Rows in which one marker stands for a run of tokens 63, the way the fixtures write a picture.
std::vector<std::vector<std::int32_t>> with_markers(const at::Tensor& rows, const at::Tensor& ids, std::int32_t marker) {
  std::vector<std::vector<std::int32_t>> out;
  for (std::int64_t b = 0; b < ids.size(0); ++b) {
    auto& row = out.emplace_back();
    bool inside = false;
    for (std::int64_t t = 0; t < ids.size(1); ++t) {
      const bool picture = ids[b][t].item<std::int64_t>() == 63, first = picture && !inside;
      inside = picture;
      if (!picture || first) row.push_back(first && &rows == &ids ? marker : rows[b][t].item<std::int32_t>());
    }
  }
  return out;
}

std::shared_ptr<const text::Tokenizer> any_tokenizer() {
  const std::vector<std::string> texts = {"none"};
  return std::make_shared<const text::Tokenizer>(text::Tokenizer::learn(texts, {.vocab_size = 300}));
}

// The parts of a LLaVA fixture; they come without a tokenizer.
JoinedModel joined(const std::string& name, const std::string& tower = "") {
  const Json config = parse_json(read_file(fixture(name) / "config.json"), "config");
  const layout::LlavaConfig llava = layout::llava_config(config);
  return {.tower = checkpoint::load_tower(fixture(tower.empty() ? name : tower)),
          .projector = checkpoint::load_projector(fixture(name), llava.projector),
          .language = checkpoint::load_language(fixture(name)),
          .tokenizer = any_tokenizer(),
          .vision_layers = llava.vision_layers,
          .keep_class = llava.keep_class};
}

JoinedModel::Batch batch_of(const JoinedModel& model, const Case& expected) {
  const auto ids = with_markers(expected["ids"], expected["ids"], model.tokenizer->image());
  const auto labels = expected.has("labels") ? with_markers(expected["labels"], expected["ids"], 0) : std::vector<std::vector<std::int32_t>>{};
  return model.splice(ids, labels, model.whole(model.picture_features(expected["pixels"])));
}

void check_logits(const JoinedModel& model, const Case& expected) {
  const auto batch = batch_of(model, expected);
  const at::Tensor logits = model.language.logits(model.language.forward(batch.embeds, batch.rows));
  CHECK(farthest(logits, expected["logits"].flatten(0, 1)) < tolerance(expected["logits"]));
}

}  // namespace

TEST_CASE("vision towers: every hidden state, the pooled token and gradients") {
  for (const char* name : {"clip", "clip_gelu", "siglip", "dinov2", "dinov2_swiglu", "dinov2_registers"}) {
    INFO(name);
    const Case expected(name);
    VisionTower tower = checkpoint::load_tower(fixture(name));
    const std::vector<at::Tensor> states = tower.hidden_states(expected["pixels"]);
    for (size_t layer = 0; layer < states.size(); ++layer)
      CHECK(farthest(states[layer], expected["hidden." + std::to_string(layer)]) < tolerance(states[layer]));
    const std::int64_t extra = tower.config().extra_tokens(), last = static_cast<std::int64_t>(states.size()) - 1;
    for (std::int64_t layer = 0; layer <= last; ++layer) {
      const at::Tensor patches = states[static_cast<size_t>(layer)].narrow(1, extra, tower.config().patches());
      CHECK(at::equal(tower.forward(expected["pixels"], layer, false), patches));
      CHECK(at::equal(tower.forward(expected["pixels"], layer - last - 1, true).narrow(1, tower.config().class_token() ? 1 : 0, patches.size(1)), patches));
    }
    if (expected.has("pooled")) CHECK(farthest(tower.pooled(expected["pixels"]), expected["pooled"]) < kTolerance);
    if (expected.has("large_pixels"))
      CHECK(farthest(tower.hidden_states(expected["large_pixels"]).back(), expected["large_hidden"]) < tolerance(expected["large_hidden"]));
    train(tower.parameters());
    const at::Tensor loss = tower.hidden_states(expected["pixels"])[static_cast<size_t>(last) - 1].square().mean();
    CHECK(farthest(loss, expected["loss"]) < tolerance(loss));
    loss.backward();
    check_gradients(tower.parameters(), expected);
  }
}

TEST_CASE("the vision towers inside CLIP and SigLIP") {
  for (const char* name : {"clip_whole", "siglip_whole"}) {
    INFO(name);
    const Case expected(name);
    const std::vector<at::Tensor> states = checkpoint::load_tower(fixture(name)).hidden_states(expected["pixels"]);
    for (size_t layer = 0; layer < states.size(); ++layer)
      CHECK(farthest(states[layer], expected["hidden." + std::to_string(layer)]) < kTolerance);
  }
}

TEST_CASE("LLaVA-NeXT: pictures of any resolution from their own pixels") {
  const Case expected("llava_next");
  JoinedModel model = joined("llava_next");
  REQUIRE(model.projector->has_newline());
  std::vector<data::Picture> pictures;
  for (const char* name : {"picture.0", "picture.1"}) {
    const at::Tensor pixels = expected[name].contiguous();
    const auto* bytes = pixels.const_data_ptr<std::uint8_t>();
    pictures.push_back({static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)), {bytes, bytes + pixels.numel()}});
  }
  train(model.projector->parameters());
  const JoinedModel::Shown shown = model.show(pictures, "anyres");
  const image::PictureTokens tokens = model.picture_tokens("anyres");
  for (size_t i = 0; i < pictures.size(); ++i)
    CHECK(static_cast<std::int64_t>(shown.rows[i].size()) == tokens.count({pictures[i].height, pictures[i].width}));
  const auto ids = with_markers(expected["ids"], expected["ids"], model.tokenizer->image());
  const auto labels = with_markers(expected["labels"], expected["ids"], 0);
  const JoinedModel::Batch batch = model.splice(ids, labels, shown);
  const at::Tensor logits = model.language.logits(model.language.forward(batch.embeds, batch.rows));
  CHECK(farthest(logits, expected["logits"].flatten(0, 1)) < tolerance(expected["logits"]));
  const at::Tensor loss = at::cross_entropy_loss(logits.index_select(0, batch.predict_at), batch.targets);
  CHECK(farthest(loss, expected["loss"]) < kTolerance);
  loss.backward();
  check_gradients(model.projector->parameters(), expected);

  model.projector->parameters().erase("image_newline");
  CHECK_THROWS_WITH(model.splice(ids, labels, shown), Catch::Contains("the model has no 'image_newline'"));
  model.keep_class = true;
  CHECK_THROWS_WITH(model.picture_tokens("anyres"), Catch::Contains("in which the class token has no place"));
}

TEST_CASE("what no other program could read of a model is not exported, and says so") {
  const TempFolder folder;
  JoinedModel next = joined("llava_next");
  CHECK_THROWS_WITH(checkpoint::save_joined_adapter(folder.path() / "a", [&] {
                      JoinedModel tuned = next;
                      tuned.language.add_lora({.rank = 2, .modules = {"q_proj"}}, 1);
                      return tuned;
                    }(), "base"),
                    "PEFT has no place for 'image_newline', which the model learned for its tiles");
  JoinedModel padded = joined("llava_siglip_qwen2");
  padded.aspect = "pad";
  CHECK_THROWS_WITH(checkpoint::export_model(folder.path() / "b", padded, {}),
                    "transformers has no processor that prepares pictures as this tower's SiglipImageProcessor and shows them as 'pad'");
  JoinedModel few = joined("llava");
  few.projector = model::Projector::random({.kind = "resampler", .latents = 2, .depth = 1, .heads = 2, .kv_heads = 1, .head_dim = 4}, 16, 16, 1);
  CHECK_THROWS_WITH(checkpoint::export_model(folder.path() / "c", few, {}), "no other program's LLaVA has this resampler");
  CHECK_THROWS_WITH(few.picture_tokens("anyres"), Catch::Contains("the resampler does not"));
}

TEST_CASE("the resampler is a linear layer and Idefics2's") {
  const Case expected("resampler");
  const layout::ProjectorConfig config{.kind = "resampler", .latents = 5, .depth = 2, .heads = 4, .kv_heads = 2, .head_dim = 6};
  model::Projector projector = checkpoint::load_projector(fixture("resampler") / "projector.safetensors", config);
  train(projector.parameters());
  const at::Tensor projected = projector.forward(expected["features"]);
  CHECK(layout::tokens(config, 9) == projected.size(1));
  CHECK(farthest(projected, expected["projected"]) < tolerance(projected));
  const at::Tensor loss = (projected.square() * at::arange(16)).mean();
  CHECK(farthest(loss, expected["loss"]) < tolerance(loss));
  loss.backward();
  check_gradients(projector.parameters(), expected);
  CHECK_THROWS_WITH(checkpoint::load_projector(fixture("resampler") / "projector.safetensors"), Catch::Contains("whose heads its tensors do not say"));
  layout::ProjectorConfig other = config;
  other.latents = 6;
  CHECK_THROWS_WITH(checkpoint::load_projector(fixture("resampler") / "projector.safetensors", other), Catch::Contains("latents"));
}

TEST_CASE("language models: every hidden state, logits, loss, gradients, and the same token by token") {
  for (const char* name : {"llama", "llama_grouped", "llama_bias", "llama_rope_llama3", "llama_rope_linear", "llama_rope_dynamic",
                           "llama_rope_yarn", "mistral", "mistral_window", "qwen2", "qwen2_window", "qwen3", "qwen3_window", "phi3",
                           "phi3_longrope", "phi3_partial"}) {
    INFO(name);
    const Case expected(name);
    LanguageModel language = checkpoint::load_language(fixture(name));
    const at::Tensor embeds = language.embed(expected["ids"]);
    const std::vector<at::Tensor> states = language.hidden_states(embeds);
    for (size_t layer = 0; layer < states.size(); ++layer)
      CHECK(farthest(states[layer], expected["hidden." + std::to_string(layer)]) < tolerance(states[layer]));
    const std::int64_t tokens = embeds.size(1);
    KeyValueCache cache;
    at::Tensor last = language.prefill(embeds.narrow(1, 0, tokens - 3).flatten(0, 1), Rows::equal(2, tokens - 3), tokens, cache);
    const bool by_length = std::string_view(name) == "llama_rope_dynamic";  // earlier keys were turned by other angles
    for (std::int64_t t = tokens - 3; t < tokens && !by_length; ++t) {
      last = language.decode(embeds.select(1, t), cache);
      CHECK(farthest(last, states.back().select(1, t)) < tolerance(last));
    }
    train(language.parameters());
    const at::Tensor logits = language.logits(language.forward(language.embed(expected["ids"])));
    CHECK(farthest(logits, expected["logits"]) < tolerance(expected["logits"]));
    const at::Tensor loss = next_token_loss(logits, expected["ids"]);
    CHECK(farthest(loss, expected["loss"]) < kTolerance);
    loss.backward();
    check_gradients(language.parameters(), expected);
    // In bfloat16 as near to the true ones as transformers comes.
    LanguageModel narrow = checkpoint::load_language(fixture(name));
    narrow.compute_in(at::kBFloat16);
    const at::Tensor rounded = narrow.logits(narrow.forward(narrow.embed(expected["ids"]))).to(at::kFloat);
    const auto distance = [&](const at::Tensor& a) { return (a - expected["logits"]).square().mean().sqrt().item<double>(); };
    CHECK(distance(rounded) < 2 * distance(expected["logits_bfloat16"]));
  }
}

TEST_CASE("PEFT adapters: logits, loss and gradients, unmerged, merged and unmerged again") {
  struct Adapter {
    const char *name, *base;
  };
  for (const auto& [name, base] : {Adapter{"lora", "llama"}, Adapter{"lora_regex", "llama"}, Adapter{"lora_phi3", "phi3"}}) {
    INFO(name);
    const Case expected(name);
    JoinedModel model{.tower = {}, .projector = {}, .language = checkpoint::load_language(fixture(base)), .tokenizer = any_tokenizer()};
    checkpoint::load_adapter(fixture(name), model);
    LanguageModel& language = model.language;
    train(language.lora());
    const at::Tensor logits = language.logits(language.forward(language.embed(expected["ids"])));
    CHECK(farthest(logits, expected["logits"]) < tolerance(expected["logits"]));
    const at::Tensor loss = next_token_loss(logits, expected["ids"]);
    CHECK(farthest(loss, expected["loss"]) < kTolerance);
    loss.backward();
    check_gradients(language.lora(), expected);
    const Parameters before = language.parameters();
    language.merge_lora();
    CHECK(farthest(language.logits(language.forward(language.embed(expected["ids"]))), expected["logits"]) < tolerance(expected["logits"]));
    language.unmerge_lora();
    for (const auto& [tensor, value] : before) CHECK(farthest(language.parameters().at(tensor), value) < 1e-6);
    // What is written reads as the same adapter.
    TempFolder folder;
    if (std::string_view(name) == "lora_regex") continue;  // that one also replaces lm_head
    checkpoint::save_adapter(folder.path(), language, base);
    JoinedModel again{.tower = {}, .projector = {}, .language = checkpoint::load_language(fixture(base)), .tokenizer = any_tokenizer()};
    checkpoint::load_adapter(folder.path(), again);
    CHECK(at::equal(again.language.logits(again.language.forward(again.language.embed(expected["ids"]))), logits));
  }
}

TEST_CASE("LlavaForConditionalGeneration in all its layouts: logits, loss and the projector's gradients") {
  struct Llava {
    const char *name, *tower;
  };
  for (const auto& [name, tower] : {Llava{"llava", ""}, Llava{"llava_in_memory", ""}, Llava{"llava_original", "clip"},
                                    Llava{"llava_siglip_qwen2", ""}, Llava{"llava_layers", ""}, Llava{"llava_class", ""}}) {
    INFO(name);
    const Case expected(name);
    JoinedModel model = joined(name, tower);
    train(model.projector->parameters());
    const auto batch = batch_of(model, expected);
    const at::Tensor hidden = model.language.forward(batch.embeds, batch.rows);
    CHECK(farthest(model.language.logits(hidden), expected["logits"].flatten(0, 1)) < tolerance(expected["logits"]));
    const at::Tensor loss = at::cross_entropy_loss(model.language.logits(hidden.index_select(0, batch.predict_at)), batch.targets);
    CHECK(farthest(loss, expected["loss"]) < kTolerance);
    loss.backward();
    check_gradients(model.projector->parameters(), expected);
  }
}

TEST_CASE("a projector alone, from the files that LLaVA's stages leave") {
  const Projector whole = checkpoint::load_projector(fixture("llava"));
  for (const char* file : {"mm_projector.bin", "non_lora_trainables.bin"}) {
    INFO(file);
    const Projector alone = checkpoint::load_projector(fixture("llava_original") / file);
    CHECK(alone.config().kind == "mlp2x_gelu");
    for (const auto& [name, tensor] : whole.parameters()) CHECK(at::equal(tensor, alone.parameters().at(name)));
  }
}

TEST_CASE("an adapter over LlavaForConditionalGeneration: all parts, in the names of both transformers layouts") {
  const Case expected("llava_lora");
  for (const char* name : {"llava_lora", "llava_lora_older"}) {
    INFO(name);
    JoinedModel model = joined("llava");
    checkpoint::load_adapter(fixture(name), model);
    CHECK(model.tower->lora_config().has_value());
    check_logits(model, expected);
    model.language.merge_lora();
    model.tower->merge_lora();
    check_logits(model, expected);
    model.language.unmerge_lora();
    model.tower->unmerge_lora();
    TempFolder folder;
    checkpoint::save_joined_adapter(folder.path(), model, "base");
    JoinedModel again = joined("llava");
    checkpoint::load_adapter(folder.path(), again);
    check_logits(again, expected);
  }
  JoinedModel text{.tower = {}, .projector = {}, .language = checkpoint::load_language(fixture("llama")), .tokenizer = any_tokenizer()};
  CHECK_THROWS_WITH(checkpoint::load_adapter(fixture("llava_lora"), text), Contains("it changes the vision tower, which the model does not have"));
}
