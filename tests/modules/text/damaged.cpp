#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/text/tokenizer.h"
#include "tests/damaged.h"
#include "tests/temp_folder.h"

using namespace saucier;
using namespace saucier::text;

namespace {

fs::path fixture(const char* name) { return fs::path(SAUCIER_SOURCE_DIR) / "tests/data/text/tokenizers" / name; }

// Loads what is there and uses it; an Error that names the file is as good.
bool is_read(const fs::path& file) {
  static const std::string text = "A red <image> apple's  12345 \n\xe6\x97\xa5\xe6\x9c\xac \xef\xac\x81\xcc\x81 <s>\xff " + std::string(300, 'a');
  try {
    const Tokenizer tokenizer = Tokenizer::load(file);
    std::vector<std::int32_t> ids = tokenizer.begin();
    for (const bool special : {true, false})
      for (const Token& token : tokenizer.encode(text, special, special)) {
        if (token.begin < 0 || token.begin > token.end || token.end > static_cast<std::int32_t>(text.size())) throw std::logic_error("a place outside the text");
        ids.push_back(token.id);
      }
    tokenizer.decode(ids, false);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// A JSON value somewhere in the document becomes another one.
void damage(Json& value, std::mt19937_64& random) {
  Json* at = &value;
  for (int depth = 0; depth < 6 && at->is_structured() && !at->empty() && random() % 5 != 0; ++depth) {
    auto it = at->begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random() % std::min<size_t>(at->size(), 40)));
    at = &*it;
  }
  const Json values[] = {nullptr, -1, 0, 3, 2'000'000'000, 1e300, true, "", "\xe2\x96\x81", "Sequence", "(a*)*b", "\\p{L}{1000}", Json::array(), Json::object(), {{"type", "NFKC"}}};
  *at = values[random() % std::size(values)];
}

}  // namespace

TEST_CASE("a damaged tokenizer is an error or a tokenizer, never a crash", "[damaged]") {
  const TempFolder folder;
  std::mt19937_64 random(1);
  const char* asked = std::getenv("SAUCIER_LONG");
  const int rounds = asked && *asked ? 4000 : 250;
  size_t refused = 0, tried = 0;
  for (const char* name : {"llama3", "qwen2", "unigram-t5", "llama2-metaspace", "odd-contiguous", "llama-bpe-new", "sp-unigram"}) {
    const fs::path source = fixture(name);
    const bool json = fs::exists(source / "tokenizer.json");
    const std::string file = json ? "tokenizer.json" : "tokenizer.model";
    std::string bytes = read_file(source / file);
    const std::string config = fs::exists(source / "tokenizer_config.json") ? read_file(source / "tokenizer_config.json") : "{}";
    write_file_atomic(folder.path() / "tokenizer_config.json", config);
    for (int round = 0; round < rounds; ++round) {
      std::string bad = damaged(bytes, config, random);
      if (json && round % 2 == 0 && bytes.size() < 100'000) {
        Json document = parse_json(bytes, name);
        const char* const parts[] = {"normalizer", "pre_tokenizer", "post_processor", "decoder", "model", "added_tokens"};
        damage(document[parts[random() % std::size(parts)]], random);
        bad = document.dump();
      }
      if (!json && round % 3 == 0) write_file_atomic(folder.path() / "tokenizer_config.json", damaged(config, bytes, random));
      write_file_atomic(folder.path() / file, bad);
      ++tried;
      refused += !is_read(folder.path() / file);
    }
  }
  CHECK(tried == 7u * static_cast<size_t>(rounds));
  CHECK(refused > tried / 10);
  CHECK(refused < tried);
}

TEST_CASE("a hostile pattern gives up instead of hanging") {
  const TempFolder folder;
  Json document = parse_json(read_file(fixture("gpt2") / "tokenizer.json"), "tokenizer.json");
  const std::string text = std::string(5000, 'a');
  for (const char* pattern : {"(a+)+b", "(a|aa)+$b", "(?:a*)*c", "((a*)*)*b"}) {
    document["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
    write_file_atomic(folder.path() / "tokenizer.json", document.dump());
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    const auto start = std::chrono::steady_clock::now();
    try {
      tokenizer.encode(text);
    } catch (const Error& error) {
      CHECK_THAT(error.what(), Catch::Contains("a regular expression gives up on a text of 5000 bytes"));
    }
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  }
}

TEST_CASE("hostile sizes are refused before anything is allocated") {
  const TempFolder folder;
  const auto refuses = [&](const char* file, const std::string& content, const char* message) {
    fs::remove(folder.path() / "tokenizer.json");
    write_file_atomic(folder.path() / file, content);
    try {
      Tokenizer::load(folder.path());
      FAIL("loaded: " << message);
    } catch (const Error& error) {
      CHECK_THAT(error.what(), Catch::Contains(message));
      REQUIRE_FALSE(error.context().empty());
      CHECK_THAT(error.context()[0], Catch::Contains(file));
    }
  };
  refuses("tokenizer.model", std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10), "'model' is damaged 0 bytes before its end");
  refuses("tokenizer.model", "", "'pieces' is empty");
  refuses("tokenizer.model", std::string("\x0a\x02\x0a\x00", 4), "'pieces.piece' of piece 0 is empty");
  refuses("tokenizer.model", std::string("\x0a\x03\x0a\x01\xff", 5), "'pieces.piece' of piece 0 is not UTF-8");
  refuses("tokenizer.model", std::string("\x0a\x03\x0a\x01\x61", 5), "'pieces.type' has no unknown piece");
  refuses("tokenizer.model", std::string("\x0a\x05\x0a\x01\x61\x18\x09", 7), "'pieces.type' of piece 0 is 9 (allowed 1 to 6)");
  refuses("tokenizer.model", std::string("\x12\x02\x18\x04\x0a\x05\x0a\x01\x61\x18\x02", 11), "'trainer_spec.model_type' 4 is not supported");
  refuses("tokenizer.model", std::string("\x1a\x06\x12\x04\xff\xff\xff\x7f", 8), "precompiled_charsmap of 4 bytes has a trie of 2147483647");
  std::string deep = R"({"type":"NFC"})";
  for (int i = 0; i < 40; ++i) deep = R"({"type":"Sequence","normalizers":[)" + deep + "]}";
  refuses("tokenizer.json", R"({"model":{"type":"BPE","vocab":{},"merges":[]},"normalizer":)" + deep + "}", "'normalizer' has more than 16 sequences inside each other");
  refuses("tokenizer.json", "[]", "a tokenizer is not an object");
  refuses("tokenizer.json", R"({"model":{"type":"BPE","vocab":{"a":2000000000},"merges":[]}})", "token 'a' has the id 2000000000 (allowed 0 to 1048575)");
  refuses("tokenizer.json", R"({"model":{"type":"Unigram","vocab":[["a"]],"unk_id":0}})", "'model.vocab' has at 0 no piece with its score");
  refuses("tokenizer.json", R"({"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":7}})", "'model.unk_id' is 7 (allowed 0 to 0)");
}
