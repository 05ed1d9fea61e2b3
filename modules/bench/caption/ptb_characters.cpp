#include "modules/bench/caption/ptb_characters.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "modules/text/unicode.h"

namespace saucier::bench::ptb {
namespace {

constexpr char32_t kSoftHyphen = 0xad;

char32_t lower(char32_t c) { return is_ascii_capital(c) ? c + ('a' - 'A') : c; }

}  // namespace

bool is_any_of(char32_t c, std::u32string_view set) { return set.find(c) != set.npos; }

bool is_letter(char32_t c) { return c < 0x80 ? is_ascii_letter(c) : c < 0x10000 && text::is_letter(c); }
bool is_capital(char32_t c) { return c < 0x80 ? is_ascii_capital(c) : u_isupper(static_cast<UChar32>(c)); }
bool is_digit(char32_t c) { return c < 0x80 ? is_ascii_digit(c) : c < 0x10000 && u_isdigit(static_cast<UChar32>(c)); }

bool is_word_letter(char32_t c) {
  if (c < 0x80) return is_ascii_letter(c);
  if (c >= 0x10000) return false;
  if (text::is_letter(c) || c == kSoftHyphen) return true;
  // The signs between letters that the tokenizer counts among them: tone letters, Greek and Armenian signs, marks of the Semitic
  // and Indic scripts up to Lao.
  if ((c >= 0x2c2 && c <= 0x2c5) || (c >= 0x2d2 && c <= 0x2df) || (c >= 0x2e5 && c <= 0x36f) || c == 0x375 || c == 0x384 || c == 0x385 || c == 0x3f6 ||
      (c >= 0x55a && c <= 0x55f))
    return true;
  const auto kind = u_charType(static_cast<UChar32>(c));
  return c <= 0xecd && (kind == U_NON_SPACING_MARK || kind == U_COMBINING_SPACING_MARK);
}

bool is_space(char32_t c) { return c == ' ' || c == '\t' || c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x3000; }
bool is_blank(char32_t c) { return is_space(c) || c == '\n'; }
bool is_hyphen(char32_t c) { return c == '-' || c == '_' || c == 0x58a || c == 0x2010 || c == 0x2011; }
bool is_quote(char32_t c) {
  return c == '`' || (c >= 0x91 && c <= 0x94) || (c >= 0x2018 && c <= 0x201f) || c == 0x2039 || c == 0x203a || c == 0xab || c == 0xbb;
}
bool is_skipped(char32_t c) { return c == 0 || c == 0x7f || c == '\n' || is_space(c) || c == 0x200b || c == 0x200e || c == 0x200f || c == 0xfeff; }

bool is_symbol(char32_t c) {
  if (c < 0x80) return is_any_of(c, U"+%&~^|\\");
  if (c >= 0x2200 && c <= 0x2bff) return true;
  if ((c >= 0x2100 && c <= 0x214f) || (c >= 0x2190 && c <= 0x21ff) || (c >= 0x2020 && c <= 0x2023) || (c >= 0x2030 && c <= 0x2038)) return true;
  if ((c >= 0x203e && c <= 0x2042) || (c >= 0x207a && c <= 0x207f) || (c >= 0x208a && c <= 0x208e) || (c >= 0xb0 && c <= 0xba)) return true;
  if ((c >= 0xff01 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20) || (c >= 0xff3b && c <= 0xff40) || (c >= 0xff5b && c <= 0xff65)) return true;
  if ((c >= 0x600 && c <= 0x603) || (c >= 0x606 && c <= 0x60a) || (c >= 0x703 && c <= 0x70d) || (c >= 0x7f6 && c <= 0x7f8)) return true;
  return is_any_of(c, U"\u00a6\u00a7\u00a8\u00a9\u00ac\u00ae\u00af\u00d7\u00f7\u0387\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c\u0614\u061b\u061e"
                      U"\u066a\u066d\u0964\u0965\u0e4f\u1fbd\u2016\u2017\u203b\u2044\u3012\u30fb");
}

size_t literal(Text text, size_t place, std::string_view word) {
  if (place + word.size() > text.size()) return 0;
  for (size_t i = 0; i < word.size(); ++i)
    if (lower(text[place + i]) != lower(static_cast<unsigned char>(word[i]))) return 0;
  return place + word.size();
}

size_t one_of(Text text, size_t place, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words)
    if (const size_t end = literal(text, place, word)) return end;
  return 0;
}

size_t apostrophe(Text text, size_t place) {
  const char32_t c = at(text, place);
  if (c == '\'' || c == 0x92 || c == 0x2019) return place + 1;
  return c == '&' ? literal(text, place, "&apos;") : 0;
}

size_t any_apostrophe(Text text, size_t place) {
  const char32_t c = at(text, place);
  return c == '`' || c == 0x91 || c == 0x2018 || c == 0x201b ? place + 1 : apostrophe(text, place);
}

size_t letter_of_word(Text text, size_t place) {
  const char32_t c = at(text, place);
  if (is_word_letter(c)) return place + 1;
  if (c != '&' || !is_any_of(at(text, place + 1), U"aeiouAEIOU")) return 0;
  return one_of(text, place + 2, {"acute;", "grave;", "uml;"});
}

size_t word(Text text, size_t place) {
  size_t end = letter_of_word(text, place);
  while (end) {
    const size_t dotted = is_any_of(at(text, end), U".!?") ? letter_of_word(text, end + 1) : 0;
    const size_t next = is_digit(at(text, end)) ? end + 1 : dotted ? dotted : letter_of_word(text, end);
    if (!next) break;
    end = next;
  }
  return end;
}

size_t clitic(Text text, size_t place) {
  const size_t mark = apostrophe(text, place);
  if (!mark) return 0;
  return one_of(text, mark, {"s", "m", "d", "re", "ve", "ll"});
}

size_t negation(Text text, size_t place) {
  if (lower(at(text, place)) != 'n') return 0;
  const size_t mark = any_apostrophe(text, place + 1);
  return mark && lower(at(text, mark)) == 't' ? mark + 1 : 0;
}

std::vector<size_t> acronyms(Text text, size_t place) {
  std::vector<size_t> ends;
  if (!is_ascii_letter(at(text, place))) return ends;
  size_t end = place + 1;
  ends.push_back(end);
  while (at(text, end) == '.' && is_ascii_letter(at(text, end + 1))) ends.push_back(end += 2);
  if (const size_t country = one_of(text, place, {"Canada-U.S", "Sino-U.S", "Korean-U.S", "EU-U.S", "Japan-U.S", "non-U.S"})) ends.push_back(country);
  if (const size_t pair = one_of(text, place, {"U.S.-U.K", "U.S.-U.S.S.R"})) ends.push_back(pair);
  return ends;
}

std::string letters_there(Text text, size_t place) {
  std::string out;
  for (; is_ascii_letter(at(text, place)); ++place) out += static_cast<char>(lower(text[place]));
  return out;
}

Ends& Ends::run(bool (*is)(char32_t), size_t least, size_t most) {
  std::vector<size_t> next;
  for (const size_t end : ends_)
    for (size_t n = 0; n <= most; ++n) {
      if (n >= least) next.push_back(end + n);
      if (!is(at(text_, end + n))) break;
    }
  std::sort(next.begin(), next.end());
  next.erase(std::unique(next.begin(), next.end()), next.end());
  ends_ = std::move(next);
  return *this;
}

Ends& Ends::digits(size_t least, size_t most) { return run(is_digit, least, most); }
Ends& Ends::ascii_digits(size_t least, size_t most) {
  return run([](char32_t c) { return is_ascii_digit(c); }, least, most);
}

Ends& Ends::one(std::u32string_view set) {
  std::vector<size_t> next;
  for (const size_t end : ends_)
    if (end < text_.size() && is_any_of(text_[end], set)) next.push_back(end + 1);
  ends_ = std::move(next);
  return *this;
}

Ends& Ends::maybe(std::u32string_view set) {
  Ends taken = *this;
  return add(taken.one(set));
}

Ends& Ends::add(const Ends& other) {
  ends_.insert(ends_.end(), other.ends_.begin(), other.ends_.end());
  std::sort(ends_.begin(), ends_.end());
  ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
  return *this;
}

size_t Ends::longest() const { return ends_.empty() ? 0 : ends_.back(); }

}  // namespace saucier::bench::ptb
