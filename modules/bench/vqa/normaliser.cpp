#include "modules/bench/vqa/normaliser.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "modules/bench/vqa/contractions.h"

namespace saucier::bench {
namespace {

constexpr std::string_view kPunctuation = ";/[]\"{}()=+\\_-><@`,?!";
constexpr int kMostPeriods = 32;  // the value of re.UNICODE

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of the white space character of Python's str.split() at `at`; 0: none.
size_t space_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0; };
  const unsigned c = byte(0);
  if ((c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20)) return 1;
  if (c == 0xC2 && (byte(1) == 0x85 || byte(1) == 0xA0)) return 2;
  const unsigned wide = c << 16 | byte(1) << 8 | byte(2);  // U+1680, U+2000 … U+200A, U+2028, U+2029, U+202F, U+205F, U+3000
  if (wide == 0xE19A80 || (wide >= 0xE28080 && wide <= 0xE2808A) || wide == 0xE280A8 || wide == 0xE280A9 || wide == 0xE280AF || wide == 0xE2819F || wide == 0xE38080) return 3;
  return 0;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (size_t at = 0; at < text.size();) {
    if (const size_t space = space_at(text, at)) {
      if (!words.back().empty()) words.emplace_back();
      at += space;
    } else {
      words.back() += text[at++];
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string without(std::string_view text, std::string_view marks) {
  std::string out;
  for (const char c : text)
    if (marks.find(c) == std::string_view::npos) out += c;
  return out;
}

bool comma_between_digits(std::string_view text, bool many) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] != ',' || !is_digit(text[i - 1])) continue;
    size_t end = i + 1;
    while (many && end < text.size() && text[end] == ',') ++end;
    if (end < text.size() && is_digit(text[end])) return true;
  }
  return false;
}

std::string_view as_digit(std::string_view word) {
  static const std::unordered_map<std::string_view, std::string_view> numbers = {{"none", "0"}, {"zero", "0"}, {"one", "1"}, {"two", "2"}, {"three", "3"}, {"four", "4"},
                                                                                 {"five", "5"}, {"six", "6"}, {"seven", "7"}, {"eight", "8"}, {"nine", "9"}, {"ten", "10"}};
  const auto found = numbers.find(word);
  return found == numbers.end() ? word : found->second;
}

}  // namespace

std::string lower_text(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    std::string out(text);
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  }
  std::string out;
  icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))).toLower(icu::Locale::getRoot()).toUTF8String(out);
  return out;
}

std::string strip_text(std::string_view text) {
  size_t begin = 0, end = 0;  // behind the last character that is no space
  while (begin < text.size() && space_at(text, begin)) begin += space_at(text, begin);
  for (size_t at = end = begin; at < text.size();) {
    const size_t space = space_at(text, at);
    at += space ? space : 1;
    if (!space) end = at;
  }
  return std::string(text.substr(begin, end - begin));
}

std::string vqa_one_line(std::string_view answer) {
  std::string out(answer);
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::replace(out.begin(), out.end(), '\t', ' ');
  return strip_text(out);
}

std::string vqa_punctuation(std::string_view answer, bool many_commas) {
  const bool comma = comma_between_digits(answer, many_commas);
  std::string marked;
  for (const char c : answer) {
    if (kPunctuation.find(c) == std::string_view::npos) {
      marked += c;
      continue;
    }
    const char behind[] = {c, ' ', '\0'}, before[] = {' ', c, '\0'};
    if (!comma && answer.find(behind) == std::string_view::npos && answer.find(before) == std::string_view::npos) marked += ' ';
  }
  std::string out;
  int periods = 0;
  for (size_t i = 0; i < marked.size(); ++i) {
    const bool goes = marked[i] == '.' && !(i + 1 < marked.size() && is_digit(marked[i + 1])) && periods < kMostPeriods;
    if (goes) ++periods;
    else out += marked[i];
  }
  return out;
}

std::string vqa_digits_and_articles(std::string_view answer) {
  std::string out;
  for (const std::string& word : words_of(lower_text(answer))) {
    const std::string_view number = as_digit(word);
    if (number == "a" || number == "an" || number == "the") continue;
    if (!out.empty()) out += ' ';
    out += with_apostrophe(number);
  }
  return out;
}

std::string evalai_answer(std::string_view answer) {
  std::string text = without(lower_text(answer), ",?");
  for (size_t at = 0; (at = text.find("'s", at)) != std::string::npos; at += 3) text.insert(at, " ");
  return vqa_digits_and_articles(vqa_punctuation(vqa_one_line(strip_text(text)), true));
}

double soft_accuracy(std::string_view answer, std::span<const std::string> human, bool exact_mean) {
  const auto matches = std::count(human.begin(), human.end(), answer);
  const auto credit = [](auto others) { return std::min(1.0, static_cast<double>(others) / 3); };
  double sum = 0;
  long double exact = 0;  // holds small multiples of doubles exactly
  for (const std::string& one : human) {
    const double own = credit(one == answer ? matches - 1 : matches);
    sum += own;
    exact += static_cast<long double>(own);
  }
  if (human.empty()) return 0;
  return exact_mean ? static_cast<double>(exact / static_cast<long double>(human.size())) : sum / static_cast<double>(human.size());
}

}  // namespace saucier::bench
