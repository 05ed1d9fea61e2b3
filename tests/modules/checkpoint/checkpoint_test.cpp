#include "modules/checkpoint/checkpoint.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "tests/modules/model/tiny.h"
#include "tests/modules/weights/load_speed.h"
#include "tests/temp_folder.h"

using namespace saucier;
using namespace saucier::model;
using Catch::Matchers::Contains;

namespace {

text::Tokenizer small_tokenizer() {
  const std::vector<std::string> texts = {"a fox and a fox and an owl"};
  return text::Tokenizer::learn(texts, {.vocab_size = 300});
}

}  // namespace

TEST_CASE("tensors come back as they were written") {
  TempFolder folder;
  const auto file = folder.path() / "x.safetensors";
  at::manual_seed(1);
  const std::map<std::string, at::Tensor> tensors = {{"a", at::randn({3, 5}).t()},  // not contiguous
                                                     {"b", at::arange(7, at::kLong)},
                                                     {"c", at::tensor({1, 0, 1}).to(at::kBool)},
                                                     {"empty", at::zeros({0, 4})},
                                                     {"one", at::full({}, 2.5, at::kDouble)}};
  checkpoint::write_safetensors(file, tensors);
  const auto read = checkpoint::read_safetensors(file);
  REQUIRE(read.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    INFO(name);
    CHECK(read.at(name).scalar_type() == tensor.scalar_type());
    CHECK(read.at(name).sizes() == tensor.sizes());
    CHECK(at::equal(read.at(name), tensor.contiguous()));
  }
  checkpoint::write_safetensors(file, tensors, /*bfloat16=*/true);
  const auto narrow = checkpoint::read_safetensors(file);
  CHECK(narrow.at("a").scalar_type() == at::kFloat);
  CHECK(at::equal(narrow.at("a"), tensors.at("a").to(at::kBFloat16).to(at::kFloat)));
  CHECK(at::equal(narrow.at("b"), tensors.at("b")));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);  // no temporary file is left
}

TEST_CASE("tensors are the file's own pages where they can be, and changing them leaves the file as it is") {
  TempFolder folder;
  const auto file = folder.path() / "x.safetensors";
  checkpoint::write_safetensors(file, {{"w", at::ones({4})}});
  const std::string before = read_file(file);
  at::Tensor tensor = checkpoint::read_safetensors(file).at("w");  // the file's memory lives on with it
  tensor.add_(1);
  CHECK(at::equal(tensor, at::full({4}, 2.f)));
  CHECK(read_file(file) == before);

  // A header of odd length, so that no number stands where the machine wants it.
  const std::string header = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const float numbers[] = {1.5f, -2.f};
  write_file_atomic(file, std::string(1, static_cast<char>(header.size() + 1)) + std::string(7, '\0') + header + " " +
                              std::string(reinterpret_cast<const char*>(numbers), sizeof numbers));
  REQUIRE((header.size() + 1) % 4 != 0);
  CHECK(at::equal(checkpoint::read_safetensors(file).at("w"), at::tensor({1.5f, -2.f})));
  CHECK_THROWS_AS(checkpoint::read_safetensors(folder.path() / "none"), Error);
}

TEST_CASE("a tower and a language model come back from their folders") {
  TempFolder folder;
  const VisionTower tower = VisionTower::random(tiny_vision(), 1);
  checkpoint::save_tower(folder.path() / "tower", tower, false);
  const VisionTower tower_again = checkpoint::load_tower(folder.path() / "tower");
  for (const auto& [name, tensor] : tower.parameters()) CHECK(at::equal(tensor, tower_again.parameters().at(name)));

  const text::Tokenizer tokenizer = small_tokenizer();
  LanguageConfig config = tiny_language(2, tokenizer.vocab_size());
  config.tied_embeddings = true;
  const LanguageModel language = LanguageModel::random(config, 2);
  checkpoint::save_language(folder.path() / "language", language, tokenizer, true);
  const LanguageModel language_again = checkpoint::load_language(folder.path() / "language");
  CHECK(to_json(language_again.config()) == to_json(config));
  for (const auto& [name, tensor] : language.parameters())
    CHECK(at::equal(tensor.to(at::kBFloat16).to(at::kFloat), language_again.parameters().at(name)));
  for (const char* file : {"config.json", "generation_config.json", "tokenizer.json"})
    CHECK(std::filesystem::exists(folder.path() / "language" / file));
}

TEST_CASE("shards are read by their index") {
  TempFolder folder;
  const VisionTower tower = VisionTower::random(tiny_vision(), 1);
  checkpoint::save_tower(folder.path(), tower, false);
  auto tensors = checkpoint::read_safetensors(folder.path() / "model.safetensors");
  std::filesystem::remove(folder.path() / "model.safetensors");
  std::map<std::string, at::Tensor> shards[2];
  Json map;
  size_t number = 0;
  for (const auto& [name, tensor] : tensors) {
    shards[number % 2][name] = tensor;
    map[name] = "part" + std::to_string(number++ % 2) + ".safetensors";
  }
  checkpoint::write_safetensors(folder.path() / "part0.safetensors", shards[0]);
  checkpoint::write_safetensors(folder.path() / "part1.safetensors", shards[1]);
  write_file_atomic(folder.path() / "model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  const VisionTower again = checkpoint::load_tower(folder.path());
  for (const auto& [name, tensor] : tower.parameters()) CHECK(at::equal(tensor, again.parameters().at(name)));
}

TEST_CASE("adapter and projector come back, and an adapter that cannot be computed is refused") {
  TempFolder folder;
  LanguageModel language = LanguageModel::random(tiny_language(), 1);
  language.add_lora({.rank = 2, .alpha = 5, .dropout = 0.1, .modules = {"q_proj", "up_proj"}}, 3);
  checkpoint::save_adapter(folder.path() / "adapter", language, "models/base");
  JoinedModel laid{.tower = {}, .projector = {}, .language = LanguageModel::random(tiny_language(), 1),
                   .tokenizer = std::make_shared<text::Tokenizer>(small_tokenizer())};
  checkpoint::load_adapter(folder.path() / "adapter", laid);
  const LanguageModel& again = laid.language;
  CHECK(again.lora_config()->alpha == 5);
  CHECK(again.lora_config()->dropout == 0.1);
  CHECK(again.lora_config()->modules == std::vector<std::string>{"q_proj", "up_proj"});
  REQUIRE(again.lora().size() == language.lora().size());
  for (const auto& [name, tensor] : language.lora()) CHECK(at::equal(tensor, again.lora().at(name)));

  const auto config_file = folder.path() / "adapter" / "adapter_config.json";
  Json config = parse_json(read_file(config_file), "config");
  config["use_dora"] = true;
  write_file_atomic(config_file, config.dump());
  CHECK_THROWS_WITH(checkpoint::load_adapter(folder.path() / "adapter", laid), Contains("'use_dora'"));

  const Projector projector = Projector::random({.kind = "mlp2x_gelu"}, 8, 16, 1);
  checkpoint::save_projector(folder.path() / "p.safetensors", projector);
  CHECK(checkpoint::read_safetensors(folder.path() / "p.safetensors").contains("multi_modal_projector.linear_2.bias"));
  CHECK(at::equal(checkpoint::load_projector(folder.path() / "p.safetensors", {.kind = "mlp2x_gelu"}).parameters().at("linear_1.weight"),
                  projector.parameters().at("linear_1.weight")));
  CHECK_THROWS_WITH(checkpoint::load_projector(folder.path() / "p.safetensors", {.kind = "linear"}), Contains("'linear_2.bias' is not part"));
}

TEST_CASE("load_model lays the artifact of a stage over the named model") {
  TempFolder folder;
  const text::Tokenizer tokenizer = small_tokenizer();
  const LanguageConfig config = tiny_language(4, tokenizer.vocab_size());
  checkpoint::save_language(folder.path() / "language", LanguageModel::random(config, 1), tokenizer, false);
  checkpoint::save_tower(folder.path() / "tower", VisionTower::random(tiny_vision(), 2), false);
  options::ModelOptions options;
  options.language_model.path = (folder.path() / "language").string();
  CHECK_FALSE(checkpoint::load_model(options, {}, 1).tower.has_value());
  options.vision_tower.path = (folder.path() / "tower").string();
  options.vision_tower.layer = -1;
  const JoinedModel plain = checkpoint::load_model(options, {}, 7);
  CHECK(plain.vision_layers == std::vector<std::int64_t>{-1});
  CHECK(plain.picture_tokens("square").each == 4);
  CHECK(at::equal(plain.projector->parameters().at("linear_1.weight"),
                  Projector::random({.kind = "mlp2x_gelu"}, 8, 16, 7).parameters().at("linear_1.weight")));

  const auto artifact = folder.path() / "artifact";
  const auto made = artifact / paths::kModelFolder;
  CHECK_THROWS_WITH(checkpoint::load_model(options, artifact, 1), Contains("no model in"));
  make_folders(made);
  const Projector projector = Projector::random({.kind = "mlp2x_gelu"}, 8, 16, 99);
  checkpoint::save_projector(made / paths::kProjectorFile, projector);
  LanguageModel tuned = LanguageModel::random(config, 55);
  checkpoint::save_language(made / paths::kLanguageFolder, tuned, tokenizer, false);
  tuned.add_lora({.rank = 2, .alpha = 4, .modules = {"v_proj"}}, 3);
  checkpoint::save_adapter(made / paths::kAdapterFolder, tuned, "base");
  VisionTower seeing = VisionTower::random(tiny_vision(), 2);
  seeing.add_lora({.rank = 3, .alpha = 5, .rank_stabilised = true, .modules = {"all-linear"}}, 4);
  checkpoint::save_tower_adapter(made / paths::kTowerAdapterFolder, seeing, "base");
  // Everything is brought but the tower.
  options.language_model.path.clear();
  options.language_model.init = "random";
  const JoinedModel joined = checkpoint::load_model(options, artifact, 1);
  CHECK(at::equal(joined.projector->parameters().at("linear_2.weight"), projector.parameters().at("linear_2.weight")));
  CHECK(at::equal(joined.language.parameters().at("lm_head.weight"), tuned.parameters().at("lm_head.weight")));
  CHECK(joined.language.lora().size() == 4);
  REQUIRE(joined.tower->lora().size() == seeing.lora().size());
  for (const auto& [name, tensor] : seeing.lora()) CHECK(at::equal(joined.tower->lora().at(name), tensor));
  CHECK(joined.tower->lora_config()->alpha == 5);
  CHECK(joined.tower->lora_config()->rank_stabilised);
  CHECK_FALSE(joined.language.lora_config()->rank_stabilised);

  // In one adapter the tower's numbers stand beside the language model's.
  JoinedModel both = joined;
  model::LoraConfig plain_scale = *both.tower->lora_config();
  CHECK_THROWS_WITH(checkpoint::save_joined_adapter(folder.path() / "both", both, "base"), Contains("'rank_stabilised' for one of its two alone"));
  plain_scale.rank_stabilised = false;
  both.tower->set_lora(plain_scale, both.tower->lora());
  at::manual_seed(3);
  for (auto* lora : {&both.tower->lora(), &both.language.lora()})
    for (auto& [name, tensor] : *lora) tensor = at::randn(tensor.sizes());
  checkpoint::save_joined_adapter(folder.path() / "both", both, "base");
  JoinedModel laid = joined;
  checkpoint::load_adapter(folder.path() / "both", laid);
  both.merge_lora();
  laid.merge_lora();
  for (const auto& [name, tensor] : both.tower->parameters()) CHECK(at::equal(laid.tower->parameters().at(name), tensor));
  for (const auto& [name, tensor] : both.language.parameters()) CHECK(at::equal(laid.language.parameters().at(name), tensor));
  CHECK(joined.tokenizer->vocab_size() == tokenizer.vocab_size());

  CHECK_THROWS_WITH(checkpoint::load_model(options, {}, 1), Contains("language model is made from nothing"));
  options.vision_tower.init = "random";
  CHECK_THROWS_WITH(checkpoint::load_model(options, artifact, 1), Contains("vision tower is made from nothing"));
  options.vision_tower.init = "pretrained";
  checkpoint::save_projector(made / paths::kProjectorFile, Projector::random({.kind = "mlp2x_gelu"}, 8, 12, 1));
  CHECK_THROWS_WITH(checkpoint::load_model(options, artifact, 1), Contains("from width 8 to 12"));
}

TEST_CASE("speed of loading 500 MB of safetensors into libtorch", "[.][speed]") {
  TempFolder folder;
  const auto file = folder.path() / "x.safetensors";
  weights::write_half_gigabyte(file);
  float sum = 0;
  const auto load = [&] {
    for (const auto& [name, tensor] : checkpoint::read_safetensors(file)) sum += weights::touch(tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel()));
  };
  WARN("500 MB of safetensors into libtorch: " << weights::compare_with_plain_read(file, load));
  CHECK(sum > 0);
}
