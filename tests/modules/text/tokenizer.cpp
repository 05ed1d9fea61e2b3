#include "modules/text/tokenizer.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"

using namespace saucier;
using namespace saucier::text;

namespace {

std::filesystem::path fixture(const char* name) { return std::filesystem::path(SAUCIER_SOURCE_DIR) / "tests/data/text" / name; }

class Folder {
 public:
  explicit Folder(const char* name) : path_(std::filesystem::path(SAUCIER_BINARY_DIR) / "test-files" / name) {
    std::filesystem::remove_all(path_);
    make_folders(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i)
    texts.push_back(fmt::format("There are {} red apples and a green pear on the table. <image>\nHow many apples?", i % 7));
  return texts;
}

std::vector<std::int32_t> ids_of(const std::vector<Token>& tokens) {
  std::vector<std::int32_t> ids;
  for (const Token& token : tokens) ids.push_back(token.id);
  return ids;
}

}  // namespace

TEST_CASE("ids, offsets and decoded texts are those of Hugging Face tokenizers", "[parity]") {
  const Tokenizer tokenizer = Tokenizer::load(fixture("tokenizer/tokenizer.json"));
  const Json cases = parse_json(read_file(fixture("tokenizer_cases.json")), "cases");
  REQUIRE(cases.size() >= 200);
  for (const Json& expected : cases) {
    const auto text = expected["text"].get<std::string>();
    INFO(text);
    for (const bool special : {true, false}) {
      const Json& want = special || expected["plain"].is_null() ? expected["special"] : expected["plain"];
      const std::vector<Token> tokens = tokenizer.encode(text, special);
      CHECK(ids_of(tokens) == want["ids"].get<std::vector<std::int32_t>>());
      if (tokens.size() != want["offsets"].size()) continue;
      for (size_t i = 0; i < tokens.size(); ++i) {
        CHECK(std::pair(tokens[i].begin, tokens[i].end) == want["offsets"][i].get<std::pair<std::int32_t, std::int32_t>>());
      }
      CHECK(tokenizer.decode(ids_of(tokens), true) == want["decoded_without"].get<std::string>());
      CHECK(tokenizer.decode(ids_of(tokens), false) == want["decoded"].get<std::string>());
    }
  }
}

TEST_CASE("tokens that end inside a character are decoded as tokenizers does", "[parity]") {
  const Tokenizer tokenizer = Tokenizer::load(fixture("tokenizer/tokenizer.json"));
  for (const Json& expected : parse_json(read_file(fixture("decode_cases.json")), "cases"))
    CHECK(tokenizer.decode(expected["ids"].get<std::vector<std::int32_t>>()) == expected["text"].get<std::string>());
}

TEST_CASE("every text comes back from its tokens") {
  const Tokenizer tokenizer = Tokenizer::learn(corpus(), {.vocab_size = 400});
  for (const std::string text : {"", "a", "  a  b\n\n", "apples 12 pears", "ünïcödé 日本語 🍎🍏", "tab\there\r\nline", "</s> and <s>"}) {
    INFO(text);
    const std::vector<Token> tokens = tokenizer.encode(text, false);
    CHECK(tokenizer.decode(ids_of(tokens), false) == text);
    // Without gaps; of a character in several tokens each has all of it.
    Token last;
    for (const Token& token : tokens) {
      CHECK((token.begin == last.end || (token.begin == last.begin && token.end == last.end)));
      last = token;
    }
    CHECK(last.end == static_cast<std::int32_t>(text.size()));
  }
}

TEST_CASE("invalid UTF-8 has tokens and is decoded with replacement characters") {
  const Tokenizer tokenizer = Tokenizer::learn(corpus(), {.vocab_size = 300});
  const std::string text = "red \xff\xe2\x82 apple\xc3";
  const std::vector<Token> tokens = tokenizer.encode(text);
  CHECK(tokens.front().begin == 0);
  CHECK(tokens.back().end == static_cast<std::int32_t>(text.size()));
  CHECK(tokenizer.decode(ids_of(tokens)) == "red \xef\xbf\xbd\xef\xbf\xbd apple\xef\xbf\xbd");
}

TEST_CASE("special tokens have the first ids and take their white space") {
  const Tokenizer tokenizer = Tokenizer::learn(corpus(), {.vocab_size = 300});
  CHECK(tokenizer.bos() == 0);
  CHECK(tokenizer.eos() == 1);
  CHECK(tokenizer.image() == 2);
  CHECK(tokenizer.pad() == 3);
  CHECK(tokenizer.id("<image>") == 2);
  CHECK(tokenizer.id("no such token") == -1);
  CHECK(tokenizer.token(1) == "</s>");
  const std::vector<Token> tokens = tokenizer.encode(": \n<image>\n</s>");
  REQUIRE(tokens.size() == 4);
  CHECK(tokens[1].id == 2);
  CHECK(tokens[1].begin == 1);
  CHECK(tokens[1].end == 10);
  CHECK(tokenizer.decode(ids_of(tokens)) == ":\n");
  CHECK(tokenizer.decode(ids_of(tokens), false) == ":<image>\n</s>");
  CHECK(tokenizer.encode("<s>", false).size() > 1);
}

TEST_CASE("learning takes the most frequent pair, ties in order of text") {
  // Words "ab" three times, " cd" and " ef" twice each (the space belongs to the word).
  const Tokenizer tokenizer = Tokenizer::learn(std::vector<std::string>{"ab cd ef", "ab cd ef", "ab"}, {.vocab_size = 263, .special_tokens = {"<s>"}});
  CHECK(tokenizer.vocab_size() == 262);  // "ab", "cd", "ef", "Ġcd", "Ġef"; nothing else is there twice
  CHECK(tokenizer.token(257) == "ab");
  CHECK(tokenizer.token(258) == "cd");
  CHECK(tokenizer.token(259) == "ef");
  CHECK(tokenizer.token(260) == "Ġcd");
  CHECK(tokenizer.token(261) == "Ġef");
}

TEST_CASE("overlapping pairs are counted and merged from the left") {
  const Tokenizer tokenizer = Tokenizer::learn(std::vector<std::string>{"aaaaa", "aaaaa"}, {.vocab_size = 259, .special_tokens = {}});
  CHECK(tokenizer.token(256) == "aa");
  // "aa aa a": the pairs (aa, aa) and (aa, a) are there once each a word, and "a" comes before "aa".
  CHECK(tokenizer.token(257) == "aaa");
  CHECK(tokenizer.token(258) == "aaaaa");
  CHECK(ids_of(tokenizer.encode("aaaaaaa")) == std::vector<std::int32_t>{256, 258});
}

TEST_CASE("a saved tokenizer is the same tokenizer") {
  const Folder folder("tokenizer-saved");
  const Tokenizer learned = Tokenizer::learn(corpus(), {.vocab_size = 420});
  learned.save(folder.path());
  const Tokenizer loaded = Tokenizer::load(folder.path() / "tokenizer.json");
  CHECK(loaded.vocab_size() == learned.vocab_size());
  CHECK(loaded.bos() == 0);
  CHECK(loaded.pad() == 3);
  for (const std::string& text : corpus()) CHECK(ids_of(loaded.encode(text)) == ids_of(learned.encode(text)));
  loaded.save(folder.path() / "again");
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"})
    CHECK(read_file(folder.path() / name) == read_file(folder.path() / "again" / name));
  // Deterministic: the same texts give the same bytes.
  Tokenizer::learn(corpus(), {.vocab_size = 420}).save(folder.path() / "twice");
  CHECK(read_file(folder.path() / "tokenizer.json") == read_file(folder.path() / "twice/tokenizer.json"));
}

TEST_CASE("merges as texts and as pairs are the same") {
  const Folder folder("tokenizer-merges");
  const Tokenizer learned = Tokenizer::learn(corpus(), {.vocab_size = 350});
  learned.save(folder.path());
  Json document = parse_json(read_file(folder.path() / "tokenizer.json"), "tokenizer.json");
  for (Json& merge : document["model"]["merges"]) merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  write_file_atomic(folder.path() / "tokenizer.json", document.dump());
  const Tokenizer loaded = Tokenizer::load(folder.path() / "tokenizer.json");
  for (const std::string& text : corpus()) CHECK(ids_of(loaded.encode(text)) == ids_of(learned.encode(text)));
}

TEST_CASE("the roles of tokens come from the files beside tokenizer.json") {
  const Folder folder("tokenizer-roles");
  Tokenizer::learn(corpus(), {.vocab_size = 300}).save(folder.path());
  write_file_atomic(folder.path() / "tokenizer_config.json", R"({"bos_token": null, "eos_token": {"content": "<pad>"}})");
  const Tokenizer loaded = Tokenizer::load(folder.path() / "tokenizer.json");
  CHECK(loaded.bos() == -1);
  CHECK(loaded.eos() == 3);
  CHECK(loaded.pad() == 3);  // from special_tokens_map.json
  write_file_atomic(folder.path() / "tokenizer_config.json", R"({"bos_token": "<nowhere>"})");
  CHECK_THROWS_WITH(Tokenizer::load(folder.path() / "tokenizer.json"), "bos_token '<nowhere>' is not in the vocabulary");
}

TEST_CASE("what is not supported is refused by name") {
  const Folder folder("tokenizer-refused");
  const auto file = folder.path() / "tokenizer.json";
  Tokenizer::learn(corpus(), {.vocab_size = 300}).save(folder.path());
  const Json good = parse_json(read_file(file), "tokenizer.json");
  const auto refuses = [&](const char* pointer, const Json& value, const char* message) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    write_file_atomic(file, bad.dump());
    CHECK_THROWS_WITH(Tokenizer::load(file), Catch::Contains(message));
  };
  refuses("/model/type", "WordPiece", "model 'WordPiece' is not supported (allowed 'BPE', 'Unigram')");
  refuses("/model/dropout", 0.1, "'model.dropout' is not supported");
  refuses("/model/end_of_word_suffix", "</w>", "'model.end_of_word_suffix' is not supported");
  refuses("/model/unk_token", 7, "'model.unk_token' is not a text");
  refuses("/model/merges/0", "a b c", "merge 0 is not a pair");
  refuses("/model/merges/0", {"a", "nowhere"}, "merge 0 ('a' and 'nowhere') needs the token 'nowhere'");
  refuses("/model/vocab", Json::array(), "'model.vocab' is not an object");
  refuses("/model/vocab/a", -3, "token 'a' has the id -3 (allowed 0 to 1048575)");
  refuses("/model/vocab/a", 2'000'000'000, "token 'a' has the id 2000000000");
  refuses("/normalizer", {{"type", "BertNormalizer"}}, "normalizer 'BertNormalizer' is not supported");
  refuses("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "(?m)a"}}}, {"content", ""}}, "has '(?m', which is not supported");
  refuses("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "("}}}, {"content", ""}}, "cannot read the regular expression '('");
  refuses("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "%"}}, "'precompiled_charsmap' is not base64");
  refuses("/decoder", {{"type", "WordPiece"}}, "decoder 'WordPiece' is not supported");
  refuses("/pre_tokenizer", {{"type", "UnicodeScripts"}}, "pre_tokenizer 'UnicodeScripts' is not supported");
  refuses("/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Odd"}}, "pre_tokenizer 'Split' with behavior 'Odd' is not supported");
  refuses("/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "ab"}}, "'pre_tokenizer.replacement' is not one character");
  refuses("/post_processor/single", Json::array(), "'post_processor.single' lacks the sequence 'A'");
  refuses("/post_processor/special_tokens/<s>/ids", {99'999}, "'post_processor' has the id 99999, which is not in the vocabulary");
  refuses("/added_tokens", 3, "'added_tokens' is not a list");
  try {
    Tokenizer::load(folder.path() / "missing.json");
    FAIL("a missing file was loaded");
  } catch (const Error& error) {
    REQUIRE_FALSE(error.context().empty());
    CHECK_THAT(error.context()[0], Catch::Contains("missing.json"));
  }
  CHECK_THROWS_WITH(Tokenizer::learn(corpus(), {.vocab_size = 100}), "a vocabulary of 100 tokens is too small");
}

TEST_CASE("ids outside the vocabulary are an error") {
  const Tokenizer tokenizer = Tokenizer::learn(corpus(), {.vocab_size = 300});
  const std::int32_t bad[] = {-100};
  CHECK_THROWS_WITH(tokenizer.decode(bad), Catch::Contains("token id -100 is outside"));
  CHECK_THROWS_AS(tokenizer.token(1 << 20), Error);
}

TEST_CASE("threads may share a tokenizer") {
  const Tokenizer tokenizer = Tokenizer::learn(corpus(), {.vocab_size = 400});
  const std::vector<std::string> texts = corpus();
  std::vector<std::vector<std::int32_t>> first(texts.size()), second(texts.size());
  const auto fill = [&](std::vector<std::vector<std::int32_t>>& out) {
    for (size_t i = 0; i < texts.size(); ++i) out[i] = ids_of(tokenizer.encode(texts[i]));
  };
  std::thread other([&] { fill(second); });
  fill(first);
  other.join();
  CHECK(first == second);
}

TEST_CASE("a long word without spaces is encoded") {
  const Tokenizer tokenizer = Tokenizer::learn(corpus(), {.vocab_size = 400});
  const std::string text(200'000, 'p');
  CHECK(tokenizer.encode(text).back().end == 200'000);  // quadratic time would take minutes
}

// Not a test: tests/parity/tokenizer.py runs it to make the fixture.
TEST_CASE("learn the fixture's tokenizer", "[.][fixture]") {
  const char* corpus_file = std::getenv("SAUCIER_CORPUS");
  const char* folder = std::getenv("SAUCIER_TOKENIZER");
  REQUIRE(corpus_file);
  REQUIRE(folder);
  const auto texts = parse_json(read_file(corpus_file), "corpus").get<std::vector<std::string>>();
  Tokenizer::learn(texts, {.vocab_size = 900}).save(folder);
}

TEST_CASE("speed of encoding and learning", "[.][speed]") {
  const Tokenizer tokenizer = Tokenizer::load(fixture("tokenizer/tokenizer.json"));
  std::string text;
  for (const Json& expected : parse_json(read_file(fixture("tokenizer_cases.json")), "cases")) text += expected["text"].get<std::string>() + "\n";
  std::vector<std::string> texts;
  while (texts.size() * text.size() < 4'000'000) texts.push_back(text);
  auto start = std::chrono::steady_clock::now();
  size_t tokens = 0;
  for (const std::string& each : texts) tokens += tokenizer.encode(each).size();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::vector<std::string> words;
  std::uint32_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    std::string line;
    for (int w = 0; w < 10; ++w) {
      state = state * 1664525u + 1013904223u;
      const std::uint32_t word = (state >> 16) % 3000;
      line += fmt::format(" w{}{}", static_cast<char>('a' + word % 26), std::string(1 + word % 5, static_cast<char>('a' + word / 26 % 26)));
    }
    words.push_back(line);
  }
  start = std::chrono::steady_clock::now();
  const Tokenizer learned = Tokenizer::learn(words, {.vocab_size = 2048});
  const double learning = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  WARN(fmt::format("encode {:.1f} MB/s ({} tokens), learn {} tokens from 1 MB in {:.2f} s",
                   static_cast<double>(texts.size() * text.size()) / 1e6 / seconds, tokens, learned.vocab_size(), learning));
}
