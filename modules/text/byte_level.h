// GPT-2's alphabet: every byte as one printable character, the form tokens have in a byte-level tokenizer.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "modules/text/aligned.h"

namespace saucier::text {

// The character of a byte, in UTF-8: itself for printable Latin-1, else one from U+0100 on (space is "Ġ").
const std::string& byte_character(unsigned char byte);

void to_byte_characters(Aligned& text);

// The bytes of a token in that alphabet; nothing where a character is outside it.
std::optional<std::string> bytes_of_characters(std::string_view token);

}  // namespace saucier::text
