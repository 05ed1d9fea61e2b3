#include "modules/checkpoint/checkpoint.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "tests/modules/model/tiny.h"
#include "tests/temp_folder.h"

using namespace saucier;
using namespace saucier::model;
using Catch::Matchers::Contains;

namespace {

// A file of the given header text and as many bytes of data.
void write_raw(const std::filesystem::path& file, const std::string& header, size_t data, std::uint64_t length = 0) {
  if (length == 0) length = header.size();
  std::string content(sizeof length, '\0');
  std::memcpy(content.data(), &length, sizeof length);
  write_file_atomic(file, content + header + std::string(data, '\0'));
}

std::string failure(const std::filesystem::path& file) {
  try {
    checkpoint::read_safetensors(file);
  } catch (const Error& error) {
    CHECK_THAT(error.render(), Contains(file.string()));
    return error.render();
  }
  return "no error";
}

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

TEST_CASE("damaged safetensors files are refused with file and tensor") {
  TempFolder folder;
  const auto file = folder.path() / "x.safetensors";
  CHECK_THAT(failure(file), Contains("cannot read"));
  write_file_atomic(file, "abc");
  CHECK_THAT(failure(file), Contains("no safetensors file (3 bytes)"));
  write_raw(file, "{}", 0, 1'000'000);
  CHECK_THAT(failure(file), Contains("does not fit"));
  write_raw(file, "{", 0);
  CHECK_THAT(failure(file), Contains("header"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4);
  CHECK_THAT(failure(file), Contains("tensor 'a'") && Contains("outside of the data (4 bytes)") && Contains("cut off"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8);
  CHECK_THAT(failure(file), Contains("tensor 'a'") && Contains("takes 12"));
  write_raw(file, R"({"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8);
  CHECK_THAT(failure(file), Contains("'F31'") && Contains("F32"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8);
  CHECK_THAT(failure(file), Contains("not a whole number"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}})", 8);
  CHECK_THAT(failure(file), Contains("too large"));
  write_raw(file, R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8);
  CHECK_THAT(failure(file), Contains("'shape' is missing"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8);
  CHECK_THAT(failure(file), Contains("tensor 'b'") && Contains("inside the tensor before it"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12);
  CHECK_THAT(failure(file), Contains("behind a hole"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 12);
  CHECK_THAT(failure(file), Contains("end at byte 4 of 12"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
  CHECK_THAT(failure(file), Contains("'a' stands in the header twice"));
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

  const Projector projector = Projector::random("mlp2x_gelu", 8, 16, 1);
  checkpoint::save_projector(folder.path() / "p.safetensors", projector);
  CHECK(checkpoint::read_safetensors(folder.path() / "p.safetensors").contains("multi_modal_projector.linear_2.bias"));
  CHECK(at::equal(checkpoint::load_projector(folder.path() / "p.safetensors", "mlp2x_gelu").parameters().at("linear_1.weight"),
                  projector.parameters().at("linear_1.weight")));
  CHECK_THROWS_WITH(checkpoint::load_projector(folder.path() / "p.safetensors", "linear"), Contains("'linear_2.bias' is not part"));
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
  CHECK(plain.picture_tokens() == 4);
  CHECK(at::equal(plain.projector->parameters().at("linear_1.weight"),
                  Projector::random("mlp2x_gelu", 8, 16, 7).parameters().at("linear_1.weight")));

  const auto artifact = folder.path() / "artifact";
  const auto made = artifact / paths::kModelFolder;
  CHECK_THROWS_WITH(checkpoint::load_model(options, artifact, 1), Contains("no model in"));
  make_folders(made);
  const Projector projector = Projector::random("mlp2x_gelu", 8, 16, 99);
  checkpoint::save_projector(made / paths::kProjectorFile, projector);
  LanguageModel tuned = LanguageModel::random(config, 55);
  checkpoint::save_language(made / paths::kLanguageFolder, tuned, tokenizer, false);
  tuned.add_lora({.rank = 2, .alpha = 4, .modules = {"v_proj"}}, 3);
  checkpoint::save_adapter(made / paths::kAdapterFolder, tuned, "base");
  // Everything is brought but the tower.
  options.language_model.path.clear();
  options.language_model.init = "random";
  const JoinedModel joined = checkpoint::load_model(options, artifact, 1);
  CHECK(at::equal(joined.projector->parameters().at("linear_2.weight"), projector.parameters().at("linear_2.weight")));
  CHECK(at::equal(joined.language.parameters().at("lm_head.weight"), tuned.parameters().at("lm_head.weight")));
  CHECK(joined.language.lora().size() == 4);
  CHECK(joined.tokenizer->vocab_size() == tokenizer.vocab_size());

  CHECK_THROWS_WITH(checkpoint::load_model(options, {}, 1), Contains("language model is made from nothing"));
  options.vision_tower.init = "random";
  CHECK_THROWS_WITH(checkpoint::load_model(options, artifact, 1), Contains("vision tower is made from nothing"));
  options.vision_tower.init = "pretrained";
  checkpoint::save_projector(made / paths::kProjectorFile, Projector::random("mlp2x_gelu", 8, 12, 1));
  CHECK_THROWS_WITH(checkpoint::load_model(options, artifact, 1), Contains("from width 8 to 12"));
}
