// Classes of characters and short patterns that the rules of modules/bench/caption/ptb.h are made of.
//
// A pattern is a function of the text and a place: where what it knows ends when it begins there, or 0 where it does not begin
// there. Those with several ends give all of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace saucier::bench::ptb {

using Text = std::u32string_view;

// The character there, 0 behind the end of the text.
inline char32_t at(Text text, size_t place) { return place < text.size() ? text[place] : 0; }

constexpr bool is_ascii_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_ascii_capital(char32_t c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }
constexpr bool is_ascii_word(char32_t c) { return is_ascii_letter(c) || is_ascii_digit(c); }

bool is_any_of(char32_t c, std::u32string_view set);
bool is_letter(char32_t c);       // a letter of Unicode
bool is_capital(char32_t c);
bool is_digit(char32_t c);        // a decimal digit of any script
inline bool is_word(char32_t c) { return is_letter(c) || is_digit(c); }
bool is_word_letter(char32_t c);  // a letter, a mark that stands on one, a soft hyphen
bool is_space(char32_t c);        // no line break
bool is_blank(char32_t c);        // a space or a line break
bool is_hyphen(char32_t c);
bool is_quote(char32_t c);        // a curly or angle quote, or a grave accent
bool is_symbol(char32_t c);       // stands alone as a token
bool is_skipped(char32_t c);      // nothing at all

// `word` of ASCII letters and other characters; letters in either case.
size_t literal(Text text, size_t place, std::string_view word);
// The first of `words` that is there.
size_t one_of(Text text, size_t place, std::initializer_list<std::string_view> words);

size_t apostrophe(Text text, size_t place);        // ' and its curly form, also as an HTML entity
size_t any_apostrophe(Text text, size_t place);    // also an opening quote that stands for one
size_t letter_of_word(Text text, size_t place);    // one letter, also as an HTML entity (&eacute;)
size_t word(Text text, size_t place);              // "dog", and "dog.the" where a space is missing
size_t clitic(Text text, size_t place);            // 's 'm 'd 're 've 'll
size_t negation(Text text, size_t place);          // n't
std::vector<size_t> acronyms(Text text, size_t place);  // "U", "U.S", "U.S.A" of "U.S.A."; no final full stop

// Lower case of the ASCII letters there.
std::string letters_there(Text text, size_t place);

// Ends of a sequence of pieces of which each may match in several ways.
class Ends {
 public:
  Ends(Text text, size_t place) : text_(text), ends_{place} {}
  Ends& digits(size_t least, size_t most);               // any script's
  Ends& ascii_digits(size_t least, size_t most);
  Ends& one(std::u32string_view set);
  Ends& maybe(std::u32string_view set);
  Ends& add(const Ends& other);                          // or those
  const std::vector<size_t>& all() const { return ends_; }
  size_t longest() const;                                // 0: none

 private:
  Ends& run(bool (*is)(char32_t), size_t least, size_t most);
  Text text_;
  std::vector<size_t> ends_;
};

}  // namespace saucier::bench::ptb
