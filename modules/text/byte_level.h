// GPT-2's alphabet: every byte as one printable character, the form tokens have in tokenizer.json.
#pragma once

#include <string>
#include <string_view>

namespace saucier::text {

// The character of a byte, in UTF-8: itself for printable Latin-1, else one from U+0100 on (space is "Ġ").
const std::string& byte_character(unsigned char byte);

std::string to_byte_characters(std::string_view bytes);

// The bytes that a token stands for; a character outside the alphabet stands for its own UTF-8.
std::string from_byte_characters(std::string_view token);

// Valid UTF-8: each maximal invalid part becomes U+FFFD, as in Unicode 15 §3.9 (and Rust's from_utf8_lossy).
std::string to_valid_utf8(std::string_view bytes);

// The UTF-8 sequence that begins the text (not empty): its length and code point, or length 0 and in `bad` the length
// of the maximal invalid part.
struct Utf8Step {
  size_t length = 0;
  size_t bad = 0;
  char32_t point = 0;
};
Utf8Step utf8_step(std::string_view text);

}  // namespace saucier::text
