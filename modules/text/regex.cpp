#include "modules/text/regex.h"

#include <string>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "modules/base/error.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

constexpr std::uint32_t kMostSteps = 10'000'000;  // PCRE2's own default; some seconds at worst
constexpr std::uint32_t kMostMemory = 64 * 1024;  // KiB, for backtracking without just-in-time compilation
constexpr size_t kLongestPattern = 16 * 1024;

struct CodeFree {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct DataFree {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct ContextFree {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

// The inside of a class for \s, \w, \d and \h. PCRE2 takes U+180E for white space, Unicode and Oniguruma do not; its \w
// lacks marks and other alphabetic characters; its \h is a blank, Oniguruma's a hexadecimal digit.
std::string_view class_of(char letter) {
  switch (letter) {
    case 's': case 'S': return R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
    case 'w': case 'W': return R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";
    case 'd': case 'D': return R"(\p{Nd})";
    case 'h': case 'H': return "0-9a-fA-F";
    default: return {};
  }
}

[[noreturn]] void refuse(std::string_view pattern, std::string_view part) {
  throw Error(fmt::format("the regular expression '{}' has '{}', which is not supported", pattern, part));
}

// The pattern as PCRE2 must read it. What the two take differently and is not translated is refused.
std::string translated(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      const std::string_view inside = class_of(next);
      if (next == 'b' || next == 'B' || next == 'G' || next == 'K' || next == 'k' || next == 'g' || next == 'Q' || next == 'E') {
        if (!(in_class && next == 'b')) refuse(pattern, rest.substr(0, 2));
        out += "\\x08";
      } else if (inside.empty()) {
        out += c;
        out += next;
      } else if (next >= 'a') {
        out += in_class ? std::string(inside) : fmt::format("[{}]", inside);
      } else if (!in_class) {
        out += fmt::format("[^{}]", inside);
      } else if (next == 'S') {
        out += R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027})"
               R"(\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{d7ff}\x{e000}-\x{10ffff})";
      } else if (next == 'D') {
        out += "\\P{Nd}";
      } else {
        refuse(pattern, rest.substr(0, 2));
      }
      continue;
    }
    if (in_class) {
      if (rest.starts_with("&&") || (c == '[' && !rest.starts_with("[:"))) refuse(pattern, rest.substr(0, 2));
      if (rest.starts_with("[:")) {
        const size_t end = rest.find(":]");
        if (end == std::string_view::npos) refuse(pattern, "[:");
        out += rest.substr(0, end + 2);
        i += end + 1;
        continue;
      }
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      out += c;
      if (rest.starts_with("[^")) {
        out += '^';
        ++i;
      }
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') refuse(pattern, "[]");
      continue;
    } else if (rest.starts_with("(?") || rest.starts_with("(*")) {
      constexpr std::string_view known[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)", "(?-i:"};
      bool same = false;
      for (const std::string_view form : known) same |= rest.starts_with(form);
      if (!same) refuse(pattern, rest.substr(0, 3));
    } else if (rest.starts_with("{,")) {
      out += "{0";
      continue;
    }
    out += c;
  }
  return out;
}

std::string message_of(int error) {
  PCRE2_UCHAR message[256] = {};
  pcre2_get_error_message(error, message, sizeof message);
  return reinterpret_cast<const char*>(message);
}

}  // namespace

struct Regex::Code {
  std::unique_ptr<pcre2_code, CodeFree> code;
  std::unique_ptr<pcre2_match_context, ContextFree> limits;
};

Regex::Regex(std::string_view pattern) : code_(std::make_unique<Code>()) {
  if (pattern.size() > kLongestPattern)
    throw Error(fmt::format("a regular expression of {} bytes is too long (allowed {})", pattern.size(), kLongestPattern));
  if (!is_valid_utf8(pattern)) throw Error("a regular expression is not UTF-8");
  const std::string text = translated(pattern);
  int error = 0;
  PCRE2_SIZE where = 0;
  // Oniguruma's ^ and $ stand at every line.
  code_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &where, nullptr));
  if (!code_->code) throw Error(fmt::format("cannot read the regular expression '{}': {}", pattern, message_of(error)));
  // Without just-in-time compilation (not on every machine) the interpreter does the same, slower.
  pcre2_jit_compile(code_->code.get(), PCRE2_JIT_COMPLETE);
  code_->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(code_->limits.get(), kMostSteps);
  pcre2_set_heap_limit(code_->limits.get(), kMostMemory);
}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

void Regex::find_all(std::string_view text, std::vector<Match>& matches) const {
  const std::unique_ptr<pcre2_match_data, DataFree> data(pcre2_match_data_create(1, nullptr));
  size_t from = 0;
  size_t last_end = std::string_view::npos;
  while (from <= text.size()) {
    const int found = pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, PCRE2_NO_UTF_CHECK,
                                  data.get(), code_->limits.get());
    if (found == PCRE2_ERROR_NOMATCH) return;
    if (found < 0) throw Error(fmt::format("a regular expression gives up on a text of {} bytes: {}", text.size(), message_of(found)));
    const PCRE2_SIZE* at = pcre2_get_ovector_pointer(data.get());
    if (at[0] == at[1] && at[1] == last_end) {
      from = last_end >= text.size() ? text.size() + 1 : last_end + char_at(text, last_end).length;
      continue;
    }
    matches.push_back({at[0], at[1]});
    from = last_end = at[1];
  }
}

}  // namespace saucier::text
