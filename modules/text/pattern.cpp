#include "modules/text/pattern.h"

#include "modules/base/error.h"

namespace saucier::text {

Pattern Pattern::read(const Fields& fields) {
  const Fields pattern(fields.at("pattern"), fields.name("pattern"));
  if (pattern.has("String")) {
    std::string text = pattern.text("String");
    if (text.empty()) return Pattern(std::string_view());
    return Pattern(std::variant<std::string, KnownRegex, Regex>(std::move(text)));
  }
  if (pattern.has("Regex")) return Pattern(std::string_view(pattern.text("Regex")));
  throw Error(fmt::format("'{}' has neither 'String' nor 'Regex'", fields.name("pattern")));
}

Pattern::Pattern(std::string_view regex)
    : form_([&]() -> std::variant<std::string, KnownRegex, Regex> {
        if (const auto known = known_regex(regex)) return *known;
        return Regex(regex);
      }()) {}

void Pattern::find_all(std::string_view text, std::vector<Match>& matches) const {
  if (const auto* literal = std::get_if<std::string>(&form_)) {
    for (size_t at = text.find(*literal); at != std::string_view::npos; at = text.find(*literal, at + literal->size()))
      matches.push_back({at, at + literal->size()});
  } else if (const auto* known = std::get_if<KnownRegex>(&form_)) {
    known->find_all(text, matches);
  } else {
    std::get<Regex>(form_).find_all(text, matches);
  }
}

}  // namespace saucier::text
