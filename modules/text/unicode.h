// What characters are, as the libraries have it that we equal: ICU's tables, with the letters and digits of Unicode 16
// (Oniguruma, Rust) that an older ICU lacks, and without what came after the tables that `tokenizers` normalises by.
#pragma once

#include <string_view>
#include <vector>

namespace saucier::text {

bool is_space(char32_t c);        // Unicode's White_Space, as \s of Oniguruma and of Rust's regex
bool is_letter(char32_t c);       // \p{L}
bool is_number(char32_t c);       // \p{N}
bool is_numeric(char32_t c);      // the same of Rust's standard library, which is a version ahead
bool is_mark(char32_t c);         // what StripAccents takes away
bool is_word(char32_t c);         // \w of Rust's regex
bool is_punctuation(char32_t c);  // what Punctuation splits at

// Appends the lower case of a character (two characters for U+0130).
void append_lower(std::vector<char32_t>& out, char32_t c);

// Where the grapheme cluster (UAX #29, extended) that begins at `at` of a valid text ends.
size_t grapheme_end(std::string_view text, size_t at);

enum class NormalForm { nfc, nfd, nfkc, nfkd };

// One character of a normalised text. change: as in Aligned::transform.
struct Change {
  char32_t point = 0;
  int change = 0;
};
// The changes that normalise a valid text; nothing where it is normal already.
std::vector<Change> normalise(std::string_view text, NormalForm form);

}  // namespace saucier::text
