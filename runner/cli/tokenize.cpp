// tokenize: texts from standard input to tokens with their places, and back.

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "modules/base/error.h"
#include "modules/base/json.h"
#include "modules/text/tokenizer.h"
#include "runner/cli/command.h"

namespace saucier::cli {
namespace {

// {"ids":[1,2],"offsets":[[0,0],[0,5]],"tokens":["<s>","hello"]}
std::string tokens_of(const text::Tokenizer& tokenizer, const std::string& line, bool add_special, bool special) {
  std::string ids, offsets, tokens;
  const auto add = [&](const text::Token& token) {
    const char* comma = ids.empty() ? "" : ",";
    fmt::format_to(std::back_inserter(ids), "{}{}", comma, token.id);
    fmt::format_to(std::back_inserter(offsets), "{}[{},{}]", comma, token.begin, token.end);
    tokens += comma;
    tokens += Json(tokenizer.token(token.id)).dump();
  };
  if (add_special)
    for (const std::int32_t id : tokenizer.begin()) add({id, 0, 0});
  for (const text::Token& token : tokenizer.encode(line, special, true)) add(token);
  if (add_special)
    for (const std::int32_t id : tokenizer.end()) add({id, 0, 0});
  return fmt::format("{{\"ids\":[{}],\"offsets\":[{}],\"tokens\":[{}]}}\n", ids, offsets, tokens);
}

std::vector<std::int32_t> ids_of(const Json& value) {
  const Json* ids = value.is_object() && value.contains("ids") ? &value["ids"] : &value;
  if (!ids->is_array()) throw Error("not a list of ids, nor an object with 'ids'");
  std::vector<std::int32_t> out;
  for (const Json& id : *ids) {
    if (!id.is_number_integer() || id < INT32_MIN || id > INT32_MAX) throw Error(fmt::format("'{}' is not an id", id.dump()));
    out.push_back(id.get<std::int32_t>());
  }
  return out;
}

std::string text_of_line(const std::string& line) {
  const Json value = parse_json(line, "text");
  if (!value.is_string()) throw Error("not a JSON string");
  return value.get<std::string>();
}

// The lines of standard input, one at a time, so that the command can answer while more are written.
class Lines {
 public:
  Lines() { std::clearerr(stdin); }
  ~Lines() { std::free(line_); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  std::optional<std::string> next() {
    const ssize_t size = ::getline(&line_, &room_, stdin);
    if (size < 0) return std::nullopt;
    std::string line(line_, static_cast<size_t>(size));
    if (line.ends_with('\n')) line.pop_back();
    return line;
  }

 private:
  char* line_ = nullptr;
  size_t room_ = 0;
};

}  // namespace

int tokenize(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("model", po::value<std::string>()->value_name("FOLDER|FILE"), "a folder with tokenizer.json or tokenizer.model, or that file")(
      "json-input", "each line is a JSON string, so that a text may hold line ends")(
      "no-special-tokens", "leave out what the tokenizer itself puts before and behind a text")(
      "split-special-tokens", "special tokens in a text are text")(
      "decode", "the other way: a JSON list of ids a line (or an object with 'ids') to a JSON string")(
      "keep-special-tokens", "with --decode: write special tokens out");
  const po::variables_map values = parse("tokenize", arguments, options, {});
  if (!values.count("model")) throw Error("'saucier tokenize' needs a model", command("tokenize").example);
  const auto tokenizer = text::Tokenizer::load(values["model"].as<std::string>());
  const bool decode = values.count("decode") > 0, json = values.count("json-input") > 0;
  const bool add_special = values.count("no-special-tokens") == 0, special = values.count("split-special-tokens") == 0;
  Lines lines;
  for (size_t number = 1; const std::optional<std::string> line = lines.next(); ++number) {
    const std::string out = with_context(fmt::format("in line {} of standard input", number), [&] {
      if (decode) return Json(tokenizer.decode(ids_of(parse_json(*line, "ids")), values.count("keep-special-tokens") == 0)).dump() + "\n";
      return tokens_of(tokenizer, json ? text_of_line(*line) : *line, add_special, special);
    });
    std::fwrite(out.data(), 1, out.size(), stdout);
  }
  return kDone;
}

}  // namespace saucier::cli
