// Hand-written matchers for the regular expressions that most byte-level tokenizers split by, several times as quick as
// PCRE2.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "modules/text/regex.h"

namespace saucier::text {

class KnownRegex {
 public:
  // Every character of a valid text is in a match.
  void find_all(std::string_view text, std::vector<Match>& matches) const;

 private:
  friend std::optional<KnownRegex> known_regex(std::string_view pattern);
  bool gpt2_ = false;       // else Llama 3's and Qwen2's, which differ in how many digits stand together
  size_t most_digits_ = 0;  // 0: any number
};

extern const std::string_view kGpt2Regex;
extern const std::string_view kLlama3Regex;
extern const std::string_view kQwen2Regex;

std::optional<KnownRegex> known_regex(std::string_view pattern);

}  // namespace saucier::text
