#include "modules/data/scenes/words.h"

#include <array>
#include <utility>

namespace saucier::data {

namespace {

using namespace std::string_view_literals;

// The last word decides, so "gray wolf" is covered by "wolf".
constexpr std::array kIrregular = {
    std::pair{"sheep"sv, "sheep"sv},       std::pair{"fish"sv, "fish"sv},         std::pair{"blowfish"sv, "blowfish"sv},
    std::pair{"deer"sv, "deer"sv},         std::pair{"bison"sv, "bison"sv},       std::pair{"squid"sv, "squid"sv},
    std::pair{"mouse"sv, "mice"sv},        std::pair{"ox"sv, "oxen"sv},           std::pair{"goose"sv, "geese"sv},
    std::pair{"wolf"sv, "wolves"sv},       std::pair{"leaf"sv, "leaves"sv},       std::pair{"knife"sv, "knives"sv},
    std::pair{"loaf"sv, "loaves"sv},       std::pair{"tooth"sv, "teeth"sv},       std::pair{"foot"sv, "feet"sv},
    std::pair{"child"sv, "children"sv},    std::pair{"person"sv, "people"sv},     std::pair{"man"sv, "men"sv},
    std::pair{"woman"sv, "women"sv},       std::pair{"snowman"sv, "snowmen"sv},   std::pair{"potato"sv, "potatoes"sv},
    std::pair{"tomato"sv, "tomatoes"sv},   std::pair{"mango"sv, "mangoes"sv},     std::pair{"volcano"sv, "volcanoes"sv},
    std::pair{"cactus"sv, "cacti"sv},      std::pair{"aircraft"sv, "aircraft"sv}, std::pair{"dice"sv, "dice"sv},
    std::pair{"grapes"sv, "grapes"sv},     std::pair{"cherries"sv, "cherries"sv}, std::pair{"beans"sv, "beans"sv},
    std::pair{"chopsticks"sv, "chopsticks"sv}, std::pair{"scissors"sv, "scissors"sv},
    std::pair{"jeans"sv, "jeans"sv},       std::pair{"shorts"sv, "shorts"sv},     std::pair{"glasses"sv, "glasses"sv},
    std::pair{"sunglasses"sv, "sunglasses"sv}, std::pair{"goggles"sv, "goggles"sv}, std::pair{"fries"sv, "fries"sv},
    std::pair{"skis"sv, "skis"sv},         std::pair{"socks"sv, "socks"sv},       std::pair{"gloves"sv, "gloves"sv},
    std::pair{"headphones"sv, "headphones"sv}, std::pair{"binoculars"sv, "binoculars"sv}};

// Vowel letters that sound like a consonant, and the other way round.
constexpr std::array kTakesA = {"unicorn"sv, "unicycle"sv, "uniform"sv, "ukulele"sv, "ufo"sv, "euro"sv, "one"sv};
constexpr std::array kTakesAn = {"hour"sv, "honest"sv, "x-ray"sv, "atm"sv};

bool ends(std::string_view word, std::string_view tail) { return word.ends_with(tail); }
bool vowel(char c) { return "aeiouAEIOU"sv.find(c) != std::string_view::npos; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

std::string plural_of(std::string_view name) {
  const size_t space = name.rfind(' ');
  const std::string_view last = space == std::string_view::npos ? name : name.substr(space + 1);
  const std::string head(name.substr(0, name.size() - last.size()));
  for (const auto& [one, many] : kIrregular)
    if (last == one) return head + std::string(many);
  const std::string word(last);
  if (ends(word, "s") || ends(word, "x") || ends(word, "z") || ends(word, "ch") || ends(word, "sh")) return head + word + "es";
  if (word.size() >= 2 && ends(word, "y") && !vowel(word[word.size() - 2])) return head + word.substr(0, word.size() - 1) + "ies";
  return head + word + "s";
}

std::string with_article(std::string_view name) {
  if (name.empty()) return {};
  const std::string word = lower(name);
  bool an = vowel(word[0]);
  for (const std::string_view start : kTakesA)
    if (word.starts_with(start)) an = false;
  for (const std::string_view start : kTakesAn)
    if (word.starts_with(start)) an = true;
  return (an ? "an " : "a ") + std::string(name);
}

std::string number_word(std::int64_t n) {
  constexpr std::array kWords = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"};
  return n >= 0 && n < static_cast<std::int64_t>(kWords.size()) ? kWords[static_cast<size_t>(n)] : std::to_string(n);
}

std::string counted(std::string_view name, std::string_view plural, std::int64_t n) {
  return n == 1 ? with_article(name) : number_word(n) + " " + std::string(plural);
}

std::string join_and(const std::vector<std::string>& parts) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += i + 1 == parts.size() ? " and " : ", ";
    out += parts[i];
  }
  return out;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string hyphenated(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c == ' ') c = '-';
  return out;
}

}  // namespace saucier::data
