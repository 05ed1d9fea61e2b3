// Fields of a row, with the reason where they are not as the format says.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"
#include "modules/data/readers/bad_row.h"

namespace saucier::data {

using FieldNames = std::vector<std::string>;  // the first one that a row has counts

// The recipe's name for a field, else the format's own.
FieldNames field_names(const std::string& mapped, std::initializer_list<const char*> own);

const Json* find_field(const Json& row, const FieldNames& names);  // null: none of them, or null itself
const Json& need_field(const Json& row, const FieldNames& names);  // throws BadRow
std::string text_of(const Json& value, std::string_view name);     // throws BadRow where it is no text
std::string text_or_number(const Json& value, std::string_view name);
// A list of them, or one in its place; with `numbers` whole numbers as texts.
std::vector<std::string> texts_of(const Json& value, std::string_view name, bool numbers = false);

// "x.{:04}" of "7" is "x.0007". The pattern holds one '{}' or '{:0N}', else Error.
std::string name_from(const std::string& pattern, const std::string& value);

bool is_blank(std::string_view text);

}  // namespace saucier::data
