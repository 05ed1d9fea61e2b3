#include <catch2/catch.hpp>

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

// Not tests: tests/parity/tokenizers.py runs them.

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
