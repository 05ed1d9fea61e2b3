// English for names of things: plurals, articles, counts, lists.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::data {

std::string plural_of(std::string_view name);                 // "fox" -> "foxes", by rule and a table of irregulars
std::string with_article(std::string_view name);              // "an owl"
std::string number_word(std::int64_t n);                      // 0 to 12 in words, then digits
// "a fox" for one, "two foxes" for more.
std::string counted(std::string_view name, std::string_view plural, std::int64_t n);
std::string join_and(const std::vector<std::string>& parts);  // "a, b and c"; "" for none
std::string capitalised(std::string text);                    // first letter (ASCII)
std::string hyphenated(std::string_view name);                // "hot dog" -> "hot-dog": one word

}  // namespace saucier::data
