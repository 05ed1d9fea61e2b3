#include "modules/text/unicode.h"

#include <algorithm>
#include <array>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include "modules/base/error.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

UChar32 point_of(char32_t c) { return static_cast<UChar32>(c); }

// The tables of the instance are ICU's own and live as long as the program.
const UNormalizer2* instance(bool compatible) {
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* found = compatible ? unorm2_getNFKCInstance(&error) : unorm2_getNFCInstance(&error);
  if (U_FAILURE(error)) throw Error(fmt::format("ICU has no normalisation data: {}", u_errorName(error)));
  return found;
}

struct Range {
  char32_t first = 0, last = 0;
};
// Of Unicode 15.1 and 16; for an ICU that knows them they change nothing.
constexpr Range kNewLetters[] = {
    {0x1c89, 0x1c8a}, {0xa7cb, 0xa7cd}, {0xa7da, 0xa7dc}, {0x105c0, 0x105f3}, {0x10d4a, 0x10d65}, {0x10d6f, 0x10d85},
    {0x10ec2, 0x10ec4}, {0x11380, 0x11389}, {0x1138b, 0x1138b}, {0x1138e, 0x1138e}, {0x11390, 0x113b5}, {0x113b7, 0x113b7},
    {0x113d1, 0x113d1}, {0x113d3, 0x113d3}, {0x11bc0, 0x11be0}, {0x13460, 0x143fa}, {0x16100, 0x1611d}, {0x16d40, 0x16d6c},
    {0x18cff, 0x18cff}, {0x1e5d0, 0x1e5ed}, {0x1e5f0, 0x1e5f0}, {0x2ebf0, 0x2ee5d}};
constexpr Range kNewNumbers[] = {{0x10d40, 0x10d49}, {0x116d0, 0x116e3}, {0x11bf0, 0x11bf9}, {0x16130, 0x16139},
                                 {0x16d70, 0x16d79}, {0x1ccf0, 0x1ccf9}, {0x1e5f1, 0x1e5fa}};
constexpr Range kNewMarks[] = {{0x897, 0x897}, {0x10d69, 0x10d6d}, {0x10efc, 0x10efc}, {0x113b8, 0x113c0}, {0x113c2, 0x113c2},
                               {0x113c5, 0x113c5}, {0x113c7, 0x113ca}, {0x113cc, 0x113d0}, {0x113d2, 0x113d2}, {0x113e1, 0x113e2},
                               {0x11f5a, 0x11f5a}, {0x1611e, 0x1612f}, {0x1e5ee, 0x1e5ef}};
constexpr Range kNewestNumbers[] = {{0x11de0, 0x11de9}, {0x16ff4, 0x16ff6}};  // Unicode 17
struct Lower {
  Range from;
  int by = 0;
};
constexpr Lower kNewLower[] = {{{0x1c89, 0x1c89}, 1}, {{0xa7cb, 0xa7cb}, -42343}, {{0xa7cc, 0xa7cc}, 1}, {{0xa7ce, 0xa7ce}, 1},
                               {{0xa7d2, 0xa7d2}, 1}, {{0xa7d4, 0xa7d4}, 1}, {{0xa7da, 0xa7da}, 1}, {{0xa7dc, 0xa7dc}, -42561},
                               {{0x10d50, 0x10d65}, 32}, {{0x16ea0, 0x16eb8}, 27}};

template <size_t count>
bool among(char32_t c, const Range (&ranges)[count]) {
  return std::any_of(std::begin(ranges), std::end(ranges), [c](Range range) { return c >= range.first && c <= range.last; });
}
bool unassigned(char32_t c) { return u_charType(point_of(c)) == U_UNASSIGNED; }

// Whether a version of Unicode had the character.
bool had_by(char32_t c, int version) {
  UVersionInfo age;
  u_charAge(point_of(c), age);
  return age[0] != 0 && age[0] <= version;
}
constexpr int kNormalising = 9;    // the version of the tables that `tokenizers` normalises by
constexpr int kPunctuating = 8;

struct Ordered {
  int combining = 0;
  Change change;
};

// The full decomposition of a text in canonical order. A character that a decomposition adds has change 1.
std::vector<Ordered> decompose(std::string_view text, const UNormalizer2* tables) {
  std::vector<Ordered> out;
  size_t pending = 0;  // from here on characters wait for their order
  const auto sort_pending = [&] {
    std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(pending), out.end(),
                     [](const Ordered& a, const Ordered& b) { return a.combining < b.combining; });
  };
  const auto add = [&](char32_t c, bool first) {
    const int combining = c < 0x300 || !had_by(c, kNormalising) ? 0 : unorm2_getCombiningClass(tables, point_of(c));
    if (combining == 0) {
      sort_pending();
      pending = out.size() + 1;
    }
    out.push_back({combining, {c, first ? 0 : 1}});
  };
  for (size_t at = 0; at < text.size();) {
    const Char c = char_at(text, at);
    at += c.length;
    std::array<UChar, 32> buffer{};
    UErrorCode error = U_ZERO_ERROR;
    const int length = c.point < 0x80 || !had_by(c.point, kNormalising) ? -1 : unorm2_getDecomposition(tables, point_of(c.point), buffer.data(), buffer.size(), &error);
    if (length < 0) {
      add(c.point, true);
      continue;
    }
    for (int i = 0; i < length;) {
      UChar32 part = 0;
      const bool first = i == 0;
      U16_NEXT(buffer.data(), i, length, part);
      add(static_cast<char32_t>(part), first);
    }
  }
  sort_pending();
  return out;
}

// Canonical composition with the changes carried along: what is composed takes one character away.
std::vector<Change> compose(const std::vector<Ordered>& parts, const UNormalizer2* tables) {
  std::vector<Change> out;
  size_t starter = 0;  // its place in `out`, where there is one
  bool has_starter = false;
  int last = -1;  // combining class of what stands behind the starter, -1 for nothing
  for (const Ordered& part : parts) {
    if (has_starter && (last < 0 || last < part.combining)) {
      const UChar32 composed = unorm2_composePair(tables, point_of(out[starter].point), point_of(part.change.point));
      if (composed >= 0 && had_by(static_cast<char32_t>(composed), kNormalising)) {
        out[starter].point = static_cast<char32_t>(composed);
        out[starter].change += part.change.change - 1;
        continue;
      }
    }
    if (part.combining == 0) {
      starter = out.size();
      has_starter = true;
      last = -1;
    } else if (has_starter) {
      last = part.combining;
    }
    out.push_back(part.change);
  }
  return out;
}

// Whether every character stays as it is, told without composing anything.
bool surely_normal(std::string_view text, NormalForm form) {
  constexpr UProperty checks[] = {UCHAR_NFC_QUICK_CHECK, UCHAR_NFD_QUICK_CHECK, UCHAR_NFKC_QUICK_CHECK, UCHAR_NFKD_QUICK_CHECK};
  const char32_t plain = form == NormalForm::nfc ? 0x300 : form == NormalForm::nfkc ? 0xa0 : form == NormalForm::nfd ? 0xc0 : 0xa0;
  int last = 0;
  for (size_t at = 0; at < text.size();) {
    const Char c = char_at(text, at);
    at += c.length;
    if (c.point < plain) {
      last = 0;
      continue;
    }
    if (u_getIntPropertyValue(point_of(c.point), checks[static_cast<int>(form)]) != UNORM_YES) return false;
    const int combining = u_getCombiningClass(point_of(c.point));
    if (combining && combining < last) return false;
    last = combining;
  }
  return true;
}

bool in(char32_t c, std::uint32_t mask) { return (U_GET_GC_MASK(point_of(c)) & mask) != 0; }

// The classes of UAX #29 that its rules name, from ICU.
bool breaks_between(char32_t a, char32_t b, bool odd_flags, bool picture) {
  const auto kind = [](char32_t c) {
    return static_cast<UGraphemeClusterBreak>(u_getIntPropertyValue(point_of(c), UCHAR_GRAPHEME_CLUSTER_BREAK));
  };
  const UGraphemeClusterBreak x = kind(a), y = kind(b);
  if (x == U_GCB_CR && y == U_GCB_LF) return false;
  const auto control = [](UGraphemeClusterBreak k) { return k == U_GCB_CONTROL || k == U_GCB_CR || k == U_GCB_LF; };
  if (control(x) || control(y)) return true;
  if (x == U_GCB_L && (y == U_GCB_L || y == U_GCB_V || y == U_GCB_LV || y == U_GCB_LVT)) return false;
  if ((x == U_GCB_LV || x == U_GCB_V) && (y == U_GCB_V || y == U_GCB_T)) return false;
  if ((x == U_GCB_LVT || x == U_GCB_T) && y == U_GCB_T) return false;
  if (y == U_GCB_EXTEND || y == U_GCB_ZWJ || y == U_GCB_SPACING_MARK || x == U_GCB_PREPEND) return false;
  if (picture && x == U_GCB_ZWJ && u_hasBinaryProperty(point_of(b), UCHAR_EXTENDED_PICTOGRAPHIC)) return false;
  return !(odd_flags && x == U_GCB_REGIONAL_INDICATOR && y == U_GCB_REGIONAL_INDICATOR);
}

}  // namespace

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 0x9 && c <= 0xd) || c == 0x20;
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_letter(char32_t c) { return in(c, U_GC_L_MASK) || (unassigned(c) && among(c, kNewLetters)); }
bool is_number(char32_t c) { return in(c, U_GC_N_MASK) || (unassigned(c) && among(c, kNewNumbers)); }
bool is_numeric(char32_t c) { return is_number(c) || (unassigned(c) && among(c, kNewestNumbers)); }

// Two that were marks then and are letters now, and one the other way.
bool is_mark(char32_t c) { return (in(c, U_GC_M_MASK) && had_by(c, kNormalising) && c != 0x111c9) || c == 0x1cf2 || c == 0x1cf3; }

bool is_word(char32_t c) {
  if (in(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) || u_isUAlphabetic(point_of(c))) return true;
  if (unassigned(c)) return among(c, kNewLetters) || among(c, kNewNumbers) || among(c, kNewMarks);
  return u_hasBinaryProperty(point_of(c), UCHAR_JOIN_CONTROL);
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) return (c >= 0x21 && c <= 0x2f) || (c >= 0x3a && c <= 0x40) || (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
  return (in(c, U_GC_P_MASK) && had_by(c, kPunctuating)) || c == 0x166d || c == 0x111c9;  // the two were then
}

void append_lower(std::vector<char32_t>& out, char32_t c) {
  if (c == 0x130) {  // the one character whose lower case is two
    out.push_back(0x69);
    out.push_back(0x307);
  } else {
    auto lower = static_cast<char32_t>(u_tolower(point_of(c)));
    if (c >= 0x1c89 && lower == c)
      for (const Lower& newer : kNewLower)
        if (c >= newer.from.first && c <= newer.from.last) lower = static_cast<char32_t>(static_cast<int>(c) + newer.by);
    out.push_back(lower);
  }
}

size_t grapheme_end(std::string_view text, size_t at) {
  Char last = char_at(text, at);
  at += last.length;
  bool odd_flags = true;  // the flags so far, of a cluster that begins with one
  bool picture = u_hasBinaryProperty(point_of(last.point), UCHAR_EXTENDED_PICTOGRAPHIC);  // then nothing but Extend and ZWJ
  while (at < text.size()) {
    const Char next = char_at(text, at);
    if (breaks_between(last.point, next.point, odd_flags, picture)) break;
    const int kind = u_getIntPropertyValue(point_of(next.point), UCHAR_GRAPHEME_CLUSTER_BREAK);
    odd_flags = kind == U_GCB_REGIONAL_INDICATOR ? !odd_flags : true;
    picture = u_hasBinaryProperty(point_of(next.point), UCHAR_EXTENDED_PICTOGRAPHIC) ||
              (picture && (kind == U_GCB_EXTEND || kind == U_GCB_ZWJ));
    at += next.length;
    last = next;
  }
  return at;
}

std::vector<Change> normalise(std::string_view text, NormalForm form) {
  if (surely_normal(text, form)) return {};
  const UNormalizer2* tables = instance(form == NormalForm::nfkc || form == NormalForm::nfkd);
  const std::vector<Ordered> parts = decompose(text, tables);
  if (form == NormalForm::nfc || form == NormalForm::nfkc) return compose(parts, instance(false));
  std::vector<Change> out;
  for (const Ordered& part : parts) out.push_back(part.change);
  return out;
}

}  // namespace saucier::text
