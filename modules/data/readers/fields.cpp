#include "modules/data/readers/fields.h"

#include <charconv>

#include "modules/data/sample.h"

namespace saucier::data {

FieldNames field_names(const std::string& mapped, std::initializer_list<const char*> own) {
  return mapped.empty() ? FieldNames(own.begin(), own.end()) : FieldNames{mapped};
}

const Json* find_field(const Json& row, const FieldNames& names) {
  for (const std::string& name : names)
    if (const auto field = row.find(name); field != row.end() && !field->is_null()) return &*field;
  return nullptr;
}

const Json& need_field(const Json& row, const FieldNames& names) {
  if (const Json* field = find_field(row, names)) return *field;
  throw BadRow(Reason::kMissingField, fmt::format("it has no field '{}'", fmt::join(names, "' or '")));
}

std::string text_of(const Json& value, std::string_view name) {
  if (value.is_string()) return value.get<std::string>();
  throw BadRow(Reason::kWrongType, fmt::format("its '{}' is no text", name));
}

std::string text_or_number(const Json& value, std::string_view name) {
  return value.is_number() ? value.dump() : text_of(value, name);
}

std::vector<std::string> texts_of(const Json& value, std::string_view name, bool numbers) {
  std::vector<std::string> texts;
  for (const Json& one : value.is_array() ? value : Json::array({value})) {
    if (!one.is_string() && !(numbers && one.is_number_integer())) throw BadRow(Reason::kWrongType, fmt::format("its '{}' is neither a text nor a list of texts", name));
    texts.push_back(text_or_number(one, name));
  }
  return texts;
}

std::string name_from(const std::string& pattern, const std::string& value) {
  const size_t open = pattern.find('{'), close = pattern.find('}', open);
  size_t width = 0;
  bool right = open != std::string::npos && close != std::string::npos && pattern.find_first_of("{}", close + 1) == std::string::npos;
  if (right && close > open + 1) {
    const char *from = pattern.data() + open + 3, *to = pattern.data() + close;
    right = close > open + 3 && pattern.compare(open, 3, "{:0") == 0 && std::from_chars(from, to, width).ptr == to && width <= 64;
  }
  if (!right) throw Error(fmt::format("'{}' is no pattern of names", pattern), "write the place of the value once, as '{}' or '{:012}'");
  return pattern.substr(0, open) + std::string(width > value.size() ? width - value.size() : 0, '0') + value + pattern.substr(close + 1);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace saucier::data
