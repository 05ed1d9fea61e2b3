#include "modules/text/split.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "modules/base/error.h"

namespace saucier::text {
namespace {

struct CodeFree {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchFree {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using Code = std::unique_ptr<pcre2_code, CodeFree>;

// PCRE2 takes U+180E for white space, Unicode (and Oniguruma, which `tokenizers` uses) does not.
constexpr std::string_view kSpace =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

// Writes \s and \S of a pattern as classes of exactly Unicode's White_Space.
std::string exact_space(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's') {
        out += in_class ? std::string(kSpace) : fmt::format("[{}]", kSpace);
      } else if (next == 'S' && !in_class) {
        out += fmt::format("[^{}]", kSpace);
      } else {
        out += c;
        out += next;
      }
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    out += c;
  }
  return out;
}

Code compile(std::string_view pattern) {
  const std::string text = exact_space(pattern);
  int error = 0;
  PCRE2_SIZE where = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                          PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &error, &where, nullptr));
  if (!code) {
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(error, message, sizeof message);
    throw Error(fmt::format("cannot read the regular expression '{}': {}", pattern, reinterpret_cast<char*>(message)));
  }
  // Without just-in-time compilation (not on every machine) the interpreter does the same, slower.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

}  // namespace

struct Splitter::Step {
  Code code;

  // Matches and what lies between them, each a word.
  void apply(std::string_view text, Word piece, pcre2_match_data* data, std::vector<Word>& words) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data() + piece.begin);
    const size_t length = piece.end - piece.begin;
    size_t done = 0;
    size_t from = 0;
    while (from < length) {
      const int found = pcre2_match(code.get(), subject, length, from, 0, data, nullptr);
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0) throw Error(fmt::format("cannot split a text of {} bytes into words (PCRE2 error {})", length, found));
      const PCRE2_SIZE* at = pcre2_get_ovector_pointer(data);
      if (at[0] > done) words.push_back({piece.begin + done, piece.begin + at[0]});
      if (at[1] > at[0]) words.push_back({piece.begin + at[0], piece.begin + at[1]});
      done = at[1];
      from = at[1] > at[0] ? at[1] : at[1] + 1;
    }
    if (done < length) words.push_back({piece.begin + done, piece.end});
  }
};

Splitter::Splitter(const Json& pre_tokenizer) {
  if (!pre_tokenizer.is_null()) add(pre_tokenizer);
}
Splitter::Splitter(Splitter&&) noexcept = default;
Splitter& Splitter::operator=(Splitter&&) noexcept = default;
Splitter::~Splitter() = default;

void Splitter::add(const Json& pre_tokenizer) {
  const std::string type = pre_tokenizer.value("type", "");
  if (type == "Sequence") {
    for (const Json& part : pre_tokenizer.at("pretokenizers")) add(part);
  } else if (type == "ByteLevel") {
    if (pre_tokenizer.value("add_prefix_space", true)) throw Error("pre_tokenizer 'ByteLevel' with add_prefix_space is not supported");
    if (pre_tokenizer.value("use_regex", true)) steps_.push_back({compile(kGpt2)});
  } else if (type == "Digits") {
    steps_.push_back({compile(pre_tokenizer.value("individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)")});
  } else if (type == "Split") {
    const Json& pattern = pre_tokenizer.at("pattern");
    const std::string behavior = pre_tokenizer.value("behavior", "");
    if (behavior != "Isolated" || pre_tokenizer.value("invert", false) || !pattern.contains("Regex"))
      throw Error(fmt::format("pre_tokenizer 'Split' is supported with a 'Regex' and behavior 'Isolated' alone (got '{}')", behavior));
    steps_.push_back({compile(pattern.at("Regex").get<std::string>())});
  } else {
    throw Error(fmt::format("pre_tokenizer '{}' is not supported", type));
  }
}

std::vector<Word> Splitter::split(std::string_view text) const {
  std::vector<Word> words;
  if (!text.empty()) words.push_back({0, text.size()});
  const std::unique_ptr<pcre2_match_data, MatchFree> data(pcre2_match_data_create(1, nullptr));
  for (const Step& step : steps_) {
    std::vector<Word> finer;
    for (const Word& word : words) step.apply(text, word, data.get(), finer);
    words = std::move(finer);
  }
  return words;
}

Json Splitter::gpt2_digits() {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Digits"}, {"individual_digits", true}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", true}}}}};
}

}  // namespace saucier::text
