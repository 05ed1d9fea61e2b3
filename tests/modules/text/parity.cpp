#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/text/tokenizer.h"

using namespace saucier;
using namespace saucier::text;

namespace {

std::filesystem::path fixtures() { return std::filesystem::path(SAUCIER_SOURCE_DIR) / "tests/data/text/tokenizers"; }

std::string text_of(const Json& expected) {
  if (expected.contains("text")) return expected["text"].get<std::string>();
  const auto hex = expected["bytes"].get<std::string>();
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

}  // namespace

TEST_CASE("every kind of tokenizer does what its package does", "[parity]") {
  size_t compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures())) {
    const Tokenizer tokenizer = Tokenizer::load(entry.path());
    const Json expected_cases = parse_json(read_file(entry.path() / "cases.json"), "cases");
    REQUIRE(expected_cases["cases"].size() >= 100);
    for (const Json& expected : expected_cases["cases"]) {
      const std::string text = text_of(expected);
      INFO(entry.path().filename().string() << ": " << expected.dump());
      const bool plain = expected.contains("plain");  // sentencepiece's own: special tokens are text, nothing around
      std::vector<std::int32_t> ids;
      std::vector<std::pair<std::int32_t, std::int32_t>> places;
      if (!plain) ids = tokenizer.begin();
      places.resize(ids.size());
      for (const Token& token : tokenizer.encode(text, !plain, true)) {
        ids.push_back(token.id);
        places.emplace_back(token.begin, token.end);
      }
      if (!plain) ids.insert(ids.end(), tokenizer.end().begin(), tokenizer.end().end());
      places.resize(ids.size());
      CHECK(ids == expected[plain ? "plain" : "ids"].get<std::vector<std::int32_t>>());
      if (expected.contains("places")) CHECK(places == expected["places"].get<std::vector<std::pair<std::int32_t, std::int32_t>>>());
      if (expected.contains("decoded")) {
        CHECK(tokenizer.decode(ids, true) == expected["decoded"].get<std::string>());
        CHECK(tokenizer.decode(ids, false) == expected["all"].get<std::string>());
      }
      ++compared;
    }
  }
  CHECK(compared >= 1400);
}

TEST_CASE("a folder that was saved is the same tokenizer, and one with added tokens holds them") {
  const std::filesystem::path folder = std::filesystem::path(SAUCIER_BINARY_DIR) / "test-files/tokenizers-saved";
  for (const auto& entry : std::filesystem::directory_iterator(fixtures())) {
    INFO(entry.path().filename().string());
    std::filesystem::remove_all(folder);
    const Tokenizer loaded = Tokenizer::load(entry.path());
    loaded.save(folder / "same");
    const bool had = loaded.id("<image>") >= 0;
    CHECK(loaded.image() == (had ? loaded.id("<image>") : kPicturePlace));
    const Tokenizer more = loaded.with_added(std::vector<std::string>{"<image>", "<pad>", "<more>"});
    more.save(folder / "more");
    const Tokenizer same = Tokenizer::load(folder / "same"), again = Tokenizer::load(folder / "more");
    CHECK(again.pad() == again.id("<pad>"));
    CHECK(again.bos() == loaded.bos());
    CHECK(again.vocab_size() == more.vocab_size());
    for (const char* token : {"<image>", "<pad>", "<more>"}) CHECK(again.id(token) == more.id(token));
    if (loaded.id("<more>") < 0) CHECK(again.id("<more>") == again.vocab_size() - 1);
    for (const std::string text : {"A red apple.", " two  <image>\nx<image>", "d\xc3\xa9j\xc3\xa0 <s> vu\xff"}) {
      const auto ids = [&](const Tokenizer& tokenizer) {
        std::vector<std::int32_t> out;
        for (const Token& token : tokenizer.encode(text)) out.push_back(token.id == tokenizer.image() ? -1 : token.id);
        return out;
      };
      CHECK(ids(same) == ids(loaded));
      CHECK(ids(again) == ids(loaded));
    }
    CHECK(again.begin() == loaded.begin());
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("what stands beside a tokenizer.model counts") {
  const std::filesystem::path folder = std::filesystem::path(SAUCIER_BINARY_DIR) / "test-files/tokenizer-beside";
  std::filesystem::remove_all(folder);
  make_folders(folder);
  write_file_atomic(folder / "tokenizer.model", read_file(fixtures() / "llama-bpe-new/tokenizer.model"));
  const auto ids_of = [](const Tokenizer& tokenizer, const std::string& text) {
    std::vector<std::int32_t> ids;
    for (const Token& token : tokenizer.encode(text)) ids.push_back(token.id);
    return ids;
  };
  {  // Nothing: LlamaTokenizer's defaults.
    const Tokenizer tokenizer = Tokenizer::load(folder);
    CHECK(tokenizer.vocab_size() == 1000);
    CHECK(tokenizer.begin() == std::vector<std::int32_t>{1});
    CHECK(tokenizer.end().empty());
    CHECK(tokenizer.unk() == 0);
    CHECK(tokenizer.pad() == -1);
    CHECK(tokenizer.image() == kPicturePlace);
    CHECK(ids_of(tokenizer, "a</s>b") == std::vector<std::int32_t>{tokenizer.id("\xe2\x96\x81" "a"), 2, tokenizer.id("\xe2\x96\x81" "b")});
  }
  // The older layout: added_tokens.json, and special_tokens_map.json, which wins over a null.
  write_file_atomic(folder / "tokenizer_config.json", R"({"legacy": false, "add_bos_token": false, "add_eos_token": true, "pad_token": null,
    "chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "{{ messages }}"}]})");
  write_file_atomic(folder / "special_tokens_map.json", R"({"pad_token": {"content": "<unk>"}})");
  write_file_atomic(folder / "added_tokens.json", R"({"<image>": 1000})");
  {
    const Tokenizer tokenizer = Tokenizer::load(folder / "tokenizer.model");
    CHECK(tokenizer.begin().empty());
    CHECK(tokenizer.end() == std::vector<std::int32_t>{2});
    CHECK(tokenizer.pad() == 0);
    CHECK(tokenizer.image() == 1000);
    CHECK(tokenizer.vocab_size() == 1001);
    CHECK(tokenizer.chat_template() == "{{ messages }}");
    CHECK(ids_of(tokenizer, "a</s>b<image>") == std::vector<std::int32_t>{tokenizer.id("\xe2\x96\x81" "a"), 2, tokenizer.id("b"), 1000});
  }
  write_file_atomic(folder / "chat_template.jinja", "{{ other }}");
  Tokenizer::load(folder).save(folder / "saved");
  CHECK(Tokenizer::load(folder / "saved").chat_template() == "{{ other }}");
  CHECK(Tokenizer::load(folder / "saved").image() == 1000);

  const auto refuses = [&](const char* file, const char* content, const char* message) {
    const std::string before = read_file(folder / file);
    write_file_atomic(folder / file, content);
    CHECK_THROWS_WITH(Tokenizer::load(folder), Catch::Contains(message));
    write_file_atomic(folder / file, before);
  };
  refuses("tokenizer_config.json", "[]", "'tokenizer_config.json' is not an object");
  refuses("tokenizer_config.json", R"({"legacy": 3})", "'legacy' is not true or false");
  refuses("tokenizer_config.json", R"({"added_tokens_decoder": []})", "'added_tokens_decoder' is not an object");
  refuses("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})", "'added_tokens_decoder' has 'x' for an id");
  refuses("tokenizer_config.json", R"({"added_tokens_decoder": {"7": {}}})", "'added_tokens_decoder.content' is missing");
  refuses("added_tokens.json", R"({"<image>": "1"})", "'added_tokens.json' has the id \"1\" for '<image>'");
  refuses("added_tokens.json", R"({"<image>": 5000000})", "token '<image>' has the id 5000000 (allowed 0 to 1048575)");
  std::filesystem::remove_all(folder);
}

TEST_CASE("a picture's place is found without a token for it") {
  const Tokenizer tokenizer = Tokenizer::load(fixtures() / "gpt2");
  REQUIRE(tokenizer.id("<image>") == -1);
  const std::vector<Token> tokens = tokenizer.encode("a <image>b");
  const auto place = std::find_if(tokens.begin(), tokens.end(), [](const Token& token) { return token.id == kPicturePlace; });
  REQUIRE(place != tokens.end());
  CHECK(place->begin == 2);
  CHECK(place->end == 9);
  CHECK(tokenizer.token(kPicturePlace) == "<image>");
  const std::vector<std::int32_t> ids = {tokenizer.id("a"), kPicturePlace, tokenizer.id("b")};
  CHECK(tokenizer.decode(ids) == "ab");
  for (const Token& token : tokenizer.encode("<image>", false)) CHECK(token.id >= 0);
}

TEST_CASE("the vocabulary of a GGUF file becomes a tokenizer.json") {
  const auto ids_of = [](const Tokenizer& tokenizer, const std::string& text) {
    std::vector<std::int32_t> out = tokenizer.begin();
    for (const Token& token : tokenizer.encode(text)) out.push_back(token.id);
    return out;
  };
  const auto fields_of = [](const char* name) {
    const Json document = parse_json(read_file(fixtures() / name / "tokenizer.json"), name);
    GgufVocabulary vocabulary{.model = "gpt2"};
    vocabulary.tokens.resize(document["model"]["vocab"].size());
    vocabulary.token_types.assign(vocabulary.tokens.size(), 1);
    for (const auto& [token, id] : document["model"]["vocab"].items()) vocabulary.tokens[id.get<size_t>()] = token;
    for (const Json& added : document["added_tokens"])
      if (added["id"].get<size_t>() < vocabulary.tokens.size()) vocabulary.token_types[added["id"].get<size_t>()] = 3;
    for (const Json& merge : document["model"]["merges"]) vocabulary.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    return vocabulary;
  };
  for (const auto& [name, pre] : {std::pair("gpt2", "gpt-2"), std::pair("llama3", "llama-bpe")}) {
    GgufVocabulary vocabulary = fields_of(name);
    vocabulary.pre = pre;
    vocabulary.bos = 0;
    vocabulary.eos = 1;
    vocabulary.add_bos = std::string_view(name) == "llama3";
    const Tokenizer loaded = Tokenizer::load(fixtures() / name), made = Tokenizer::from_gguf(vocabulary);
    CHECK(made.bos() == 0);
    CHECK(made.eos() == 1);
    for (const std::string text : {"It's 12345 apples, IT'S\n\n  x", "na\xc3\xafve <|endoftext|> caf\xc3\xa9"}) CHECK(ids_of(made, text) == ids_of(loaded, text));
  }
  // SentencePiece's scores: the tokens of its model, from merges.
  GgufVocabulary llama{.model = "llama"};
  llama.tokens = {"<unk>", "<s>", "</s>"};
  llama.token_types = {2, 3, 3};
  llama.scores = {0, 0, 0};
  for (int byte = 0; byte < 256; ++byte) {
    llama.tokens.push_back(fmt::format("<0x{:02X}>", byte));
    llama.token_types.push_back(6);
    llama.scores.push_back(0);
  }
  float score = 0;
  for (const char* piece : {"ab", "\xe2\x96\x81" "ab", "abc", "\xe2\x96\x81", "a", "b", "c"}) {
    llama.tokens.push_back(piece);
    llama.token_types.push_back(1);
    llama.scores.push_back(score--);
  }
  llama.bos = 1;
  llama.eos = 2;
  llama.unk = 0;
  const Tokenizer tokenizer = Tokenizer::from_gguf(llama);
  CHECK(ids_of(tokenizer, "ab abc \xc3\xa9") == std::vector<std::int32_t>{1, 260, 260, 265, 262, 3 + 0xc3, 3 + 0xa9});
  CHECK(tokenizer.decode(std::vector<std::int32_t>{1, 260, 260, 265, 262, 3 + 0xc3, 3 + 0xa9}) == "ab abc \xc3\xa9");
  llama.add_bos = false;
  llama.add_space_prefix = false;
  CHECK(ids_of(Tokenizer::from_gguf(llama), "ab") == std::vector<std::int32_t>{259});

  llama.scores.pop_back();
  CHECK_THROWS_WITH(Tokenizer::from_gguf(llama), "'tokenizer.ggml.scores' has 265 entries for 266 tokens");
  GgufVocabulary wrong = fields_of("gpt2");
  wrong.pre = "superb";
  CHECK_THROWS_WITH(Tokenizer::from_gguf(wrong), "'tokenizer.ggml.pre' 'superb' is not supported");
  wrong.pre = "qwen2";
  wrong.merges.push_back("ab");
  CHECK_THROWS_WITH(Tokenizer::from_gguf(wrong), "'tokenizer.ggml.merges' has 'ab', which is not a pair");
  wrong.merges.pop_back();
  wrong.eos = 1 << 20;
  CHECK_THROWS_WITH(Tokenizer::from_gguf(wrong), Catch::Contains("'tokenizer.ggml.eos_token_id' is 1048576, but there are"));
  wrong.model = "bert";
  CHECK_THROWS_WITH(Tokenizer::from_gguf(wrong), "'tokenizer.ggml.model' 'bert' is not supported (allowed 'gpt2', 'llama')");
}

// Not tests: tests/parity/every_tokenizer.py runs them.

TEST_CASE("the vocabulary of a GGUF file as a folder", "[.][from-gguf]") {
  const char* source = std::getenv("SAUCIER_GGUF");
  const char* folder = std::getenv("SAUCIER_TOKENIZER");
  REQUIRE(source);
  REQUIRE(folder);
  const Json fields = parse_json(read_file(source), "vocabulary");
  GgufVocabulary vocabulary{.model = fields["model"], .pre = fields["pre"], .tokens = fields["tokens"]};
  vocabulary.token_types = fields["token_types"].get<std::vector<std::int32_t>>();
  vocabulary.merges = fields["merges"].get<std::vector<std::string>>();
  const auto id = [&](const char* key) { return fields[key].is_null() ? -1 : fields[key].get<std::int32_t>(); };
  vocabulary.bos = id("bos");
  vocabulary.eos = id("eos");
  vocabulary.unk = id("unk");
  vocabulary.pad = id("pad");
  if (!fields["add_bos"].is_null()) vocabulary.add_bos = fields["add_bos"].get<bool>();
  Tokenizer::from_gguf(vocabulary).save(folder);
}

TEST_CASE("how long a tokenizer takes for the lines of a file", "[.][speed-of]") {
  const char* folder = std::getenv("SAUCIER_TOKENIZER");
  const char* file = std::getenv("SAUCIER_LINES");
  REQUIRE(folder);
  REQUIRE(file);
  const auto lines = parse_json(read_file(file), "lines").get<std::vector<std::string>>();
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const auto start = std::chrono::steady_clock::now();
  size_t tokens = 0;
  for (const std::string& line : lines) tokens += tokenizer.encode(line, true, true).size();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("seconds %.6f tokens %zu\n", seconds, tokens);
  CHECK(tokens > 0);
}
