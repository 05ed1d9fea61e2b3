#include <catch2/catch.hpp>

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cstdio>

#include "modules/base/file.h"
#include "modules/base/json.h"
#include "tests/runner/cli/says.h"

using namespace saucier;

namespace {

std::string fixture(const char* name) { return SAUCIER_SOURCE_DIR "/tests/data/text/tokenizers/" + std::string(name); }

// `saucier tokenize --model tests/data/text/tokenizers/NAME …` with a text on standard input.
Said tokenizes(const char* name, const std::string& input, std::vector<std::string> options = {}) {
  const TempFolder folder;
  write_file_atomic(folder.path() / "in", input);
  const int saved = ::dup(0), file = ::open((folder.path() / "in").c_str(), O_RDONLY);
  ::dup2(file, 0);
  ::close(file);
  ::__fpurge(stdin);  // what a command that ended early left
  options.insert(options.begin(), {"tokenize", "--model", fixture(name)});
  const Said said = saucier_says(options);
  ::dup2(saved, 0);
  ::close(saved);
  return said;
}

void says(const Said& said, const std::string& out) {
  CHECK(said.code == cli::kDone);
  CHECK(said.err == "");
  CHECK(said.out == out);
}

void refuses(const Said& said, const std::string& err) {
  CHECK(said.code == cli::kUsage);
  CHECK(said.err == err);
}

}  // namespace

TEST_CASE("tokenize: a line of text, a line of tokens") {
  says(tokenizes("llama3", "it's 12\n\n"),
       R"({"ids":[0,304,469,224,898],"offsets":[[0,0],[0,2],[2,4],[5,5],[5,7]],"tokens":["<|begin_of_text|>","it","'s","Ġ","12"]})" "\n"
       R"({"ids":[0],"offsets":[[0,0]],"tokens":["<|begin_of_text|>"]})" "\n");
  says(tokenizes("llama3", "\"a\\nb\"\n", {"--json-input"}),
       R"({"ids":[0,68,202,69],"offsets":[[0,0],[0,1],[1,2],[2,3]],"tokens":["<|begin_of_text|>","a","Ċ","b"]})" "\n");
  // Not UTF-8, no line end, and what else would be a special token.
  says(tokenizes("llama3", "a \xff<|endoftext|>", {"--split-special-tokens", "--no-special-tokens"}),
       R"({"ids":[68,382,127,125,628,582,553,439,450],"offsets":[[0,1],[2,3],[2,3],[2,3],[3,5],[5,8],[8,10],[10,14],[14,16]],)"
       R"("tokens":["a","Ġï","¿","½","<|","end","of","text","|>"]})" "\n");
  says(tokenizes("llama-bpe-new", "a <image>", {}),
       R"({"ids":[1,263,745,1000,2],"offsets":[[0,0],[0,1],[1,2],[2,9],[0,0]],"tokens":["<s>","▁a","▁","<image>","</s>"]})" "\n");
}

TEST_CASE("tokenize --decode: ids back to text, and what tokenize wrote") {
  says(tokenizes("llama3", "[0,68,3]\n{\"ids\":[1]}\n", {"--decode"}), "\"a\"\n\"\"\n");
  says(tokenizes("llama3", "[0,68,3]\n{\"ids\":[1]}\n", {"--decode", "--keep-special-tokens"}), "\"<|begin_of_text|>a<|im_end|>\"\n\"<|endoftext|>\"\n");
  const std::string text = "Ein \xc3\x9c" "berfluss\tan  Wörtern 🍎";
  says(tokenizes("llama-bpe-new", tokenizes("llama-bpe-new", text).out, {"--decode"}), Json(text).dump() + "\n");
}

TEST_CASE("tokenize refuses a line by its number, and a model by its file") {
  refuses(tokenizes("llama3", "[0]\nx\n", {"--decode"}),
          "error: ids is not valid JSON: line 1, column 1: invalid literal; last read: 'x'\nnote: in line 2 of standard input\n");
  refuses(tokenizes("llama3", "[1.5]\n", {"--decode"}), "error: '1.5' is not an id\nnote: in line 1 of standard input\n");
  refuses(tokenizes("llama3", "{}\n", {"--decode"}), "error: not a list of ids, nor an object with 'ids'\nnote: in line 1 of standard input\n");
  refuses(tokenizes("llama3", "[99999]\n", {"--decode"}), "error: token id 99999 is outside the vocabulary of 1000\nnote: in line 1 of standard input\n");
  refuses(tokenizes("llama3", "1\n", {"--json-input"}), "error: not a JSON string\nnote: in line 1 of standard input\n");
  refuses(saucier_says({"tokenize", "--model", SAUCIER_SOURCE_DIR "/tests/data/text"}),
          "error: '" SAUCIER_SOURCE_DIR "/tests/data/text' has neither tokenizer.json nor tokenizer.model\n");
  const TempFolder folder;
  write_file_atomic(folder.path() / "tokenizer.json", R"({"model": {"type": "WordPiece"}})");
  refuses(saucier_says({"tokenize", "--model", folder.path().string()}),
          "error: model 'WordPiece' is not supported (allowed 'BPE', 'Unigram')\nnote: while reading the tokenizer '" + (folder.path() / "tokenizer.json").string() + "'\n");
}
