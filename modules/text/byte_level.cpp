#include "modules/text/byte_level.h"

#include <array>
#include <unordered_map>

namespace saucier::text {
namespace {

std::string utf8_of(char32_t point) {
  std::string out;
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else {  // the alphabet ends at U+0143
    out += static_cast<char>(0xc0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
  return out;
}

struct Alphabet {
  std::array<std::string, 256> character;
  std::unordered_map<char32_t, unsigned char> byte;

  Alphabet() {
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      const char32_t point = printable ? b : next++;
      character[b] = utf8_of(point);
      byte.emplace(point, static_cast<unsigned char>(b));
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet value;
  return value;
}

}  // namespace

const std::string& byte_character(unsigned char byte) { return alphabet().character[byte]; }

std::string to_byte_characters(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += byte_character(static_cast<unsigned char>(c));
  return out;
}

std::string from_byte_characters(std::string_view token) {
  std::string out;
  while (!token.empty()) {
    const Utf8Step step = utf8_step(token);
    const size_t length = step.length ? step.length : step.bad;
    const auto found = step.length ? alphabet().byte.find(step.point) : alphabet().byte.end();
    if (found != alphabet().byte.end()) {
      out += static_cast<char>(found->second);
    } else {
      out += token.substr(0, length);
    }
    token.remove_prefix(length);
  }
  return out;
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    if (step.length) {
      out += bytes.substr(0, step.length);
      bytes.remove_prefix(step.length);
    } else {
      out += "\xef\xbf\xbd";
      bytes.remove_prefix(step.bad);
    }
  }
  return out;
}

Utf8Step utf8_step(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return {.length = 1, .point = lead};
  size_t length = 0;
  // The second byte's range depends on the lead: it excludes overlong forms, surrogates and points above U+10FFFF.
  unsigned low = 0x80, high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return {.bad = 1};
  }
  char32_t point = lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size() || at(i) < low || at(i) > high) return {.bad = i};
    point = (point << 6) | (at(i) & 0x3fu);
    low = 0x80;
    high = 0xbf;
  }
  return {.length = length, .point = point};
}

}  // namespace saucier::text
