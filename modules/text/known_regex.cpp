#include "modules/text/known_regex.h"

#include <array>

#include "modules/text/unicode.h"
#include "modules/text/utf8.h"

namespace saucier::text {

const std::string_view kGpt2Regex = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string_view kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

enum Kind : unsigned char { kSpace, kLetter, kNumber, kOther };

Kind kind_of(char32_t c) {
  if (is_space(c)) return kSpace;
  if (is_letter(c)) return kLetter;
  return is_number(c) ? kNumber : kOther;
}

constexpr std::array<Kind, 128> kAscii = [] {
  std::array<Kind, 128> kinds{};
  for (size_t c = 0; c < kinds.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = (c >= 9 && c <= 13) || c == ' ';
    kinds[c] = letter ? kLetter : c >= '0' && c <= '9' ? kNumber : space ? kSpace : kOther;
  }
  return kinds;
}();

struct Seen {
  Kind kind = kOther;
  size_t length = 0;  // 0: behind the end
};

Seen see(std::string_view text, size_t at) {
  if (at >= text.size()) return {};
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {kAscii[byte], 1};
  const Char c = char_at(text, at);
  return {kind_of(c.point), c.length};
}

// The end of the characters of one kind that begin at `at`; at most `most` where that is not 0.
size_t run(std::string_view text, size_t at, Kind kind, size_t most = 0) {
  for (size_t count = 0; most == 0 || count < most; ++count) {
    const Seen next = see(text, at);
    if (!next.length || next.kind != kind) break;
    at += next.length;
  }
  return at;
}

// The end of 's, 't, 're, 've, 'm, 'll or 'd at `at`, where an apostrophe stands; `at` where there is none.
size_t contraction(std::string_view text, size_t at, bool any_case) {
  const auto lower = [&](size_t i) {
    const char c = i < text.size() ? text[i] : '\0';
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char first = lower(at + 1), second = lower(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return at + 3;
  if (any_case && text.substr(at + 1).starts_with("\u017f")) return at + 3;  // the long s
  return at;
}

}  // namespace

std::optional<KnownRegex> known_regex(std::string_view pattern) {
  KnownRegex known;
  known.gpt2_ = pattern == kGpt2Regex;
  known.most_digits_ = pattern == kLlama3Regex ? 3 : pattern == kQwen2Regex ? 1 : 0;
  if (!known.gpt2_ && known.most_digits_ == 0) return std::nullopt;
  return known;
}

void KnownRegex::find_all(std::string_view text, std::vector<Match>& matches) const {
  const auto is_line_end = [&](size_t at) { return at < text.size() && (text[at] == '\n' || text[at] == '\r'); };
  size_t at = 0;
  const auto take = [&](size_t end) {
    matches.push_back({at, end});
    at = end;
  };
  // White space from `at` on: all but the last character where a word follows, so that its space may belong to it.
  const auto take_space = [&] {
    const size_t end = run(text, at, kSpace);
    if (!gpt2_) {
      size_t line_end = end;
      while (line_end > at && !is_line_end(line_end - 1)) --line_end;
      if (line_end > at) return take(line_end);
    }
    const size_t last = end < text.size() ? char_before(text, end) : end;
    take(last > at ? last : end);
  };
  while (at < text.size()) {
    const Seen first = see(text, at);
    if (text[at] == '\'') {
      const size_t end = contraction(text, at, !gpt2_);
      if (end > at) {
        take(end);
        continue;
      }
    }
    if (gpt2_) {
      const Seen next = text[at] == ' ' ? see(text, at + 1) : first;
      if (!next.length || next.kind == kSpace)
        take_space();
      else
        take(run(text, text[at] == ' ' ? at + 1 : at, next.kind));
      continue;
    }
    if (first.kind == kLetter) {
      take(run(text, at, kLetter));
    } else if (first.kind == kNumber) {
      take(run(text, at, kNumber, most_digits_));
    } else {
      const Seen next = see(text, at + first.length);
      const bool before = next.length && next.kind == kLetter && !is_line_end(at);
      if (before) {
        take(run(text, at + first.length, kLetter));
      } else if (first.kind == kOther || (text[at] == ' ' && next.length && next.kind == kOther)) {
        size_t end = run(text, first.kind == kOther ? at : at + 1, kOther);
        while (is_line_end(end)) ++end;
        take(end);
      } else {
        take_space();
      }
    }
  }
}

}  // namespace saucier::text
