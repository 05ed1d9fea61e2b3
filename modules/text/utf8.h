// UTF-8: checked for bytes from outside, unchecked and quick for texts that are valid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::text {

// The UTF-8 sequence that begins the text (not empty): its length and code point, or length 0 and in `bad` the length
// of the maximal invalid part.
struct Utf8Step {
  size_t length = 0;
  size_t bad = 0;
  char32_t point = 0;
};
Utf8Step utf8_step(std::string_view text);

bool is_valid_utf8(std::string_view bytes);

// Valid UTF-8: each maximal invalid part becomes U+FFFD, as in Unicode 15 §3.9 (and Rust's from_utf8_lossy, and
// Python's errors="replace").
std::string to_valid_utf8(std::string_view bytes);

// The same, and for each byte of the result, and its end, where in `bytes` it comes from.
struct ValidText {
  std::string text;
  std::vector<std::int32_t> place;
};
ValidText to_valid_text(std::string_view bytes);

void append_utf8(std::string& out, char32_t point);

// The character at `at` of a valid text.
struct Char {
  char32_t point = 0;
  size_t length = 0;
};
inline Char char_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (lead < 0xf0) return {(lead & 0xf) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(lead & 0x7) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
}

inline bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// Where the character in front of `at` (> 0) of a valid text begins.
inline size_t char_before(std::string_view text, size_t at) {
  --at;
  while (at > 0 && continues(text[at])) --at;
  return at;
}

size_t count_chars(std::string_view text);

}  // namespace saucier::text
