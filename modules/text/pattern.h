// The "pattern" of a tokenizer.json's Split or Replace: a text or a regular expression.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "modules/text/fields.h"
#include "modules/text/known_regex.h"
#include "modules/text/regex.h"

namespace saucier::text {

class Pattern {
 public:
  // Of a field "pattern" {"String": …} or {"Regex": …}.
  static Pattern read(const Fields& fields);
  explicit Pattern(std::string_view regex);

  void find_all(std::string_view text, std::vector<Match>& matches) const;

 private:
  explicit Pattern(std::variant<std::string, KnownRegex, Regex> form) : form_(std::move(form)) {}
  std::variant<std::string, KnownRegex, Regex> form_;  // a text is not empty
};

}  // namespace saucier::text
