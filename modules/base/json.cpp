#include "modules/base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "modules/base/error.h"

namespace saucier {
namespace {

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_float(std::string& out, double value) {
  if (!std::isfinite(value)) throw Error(fmt::format("a number here must be finite (got {})", value));
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  const std::string_view digits(buffer.data(), static_cast<size_t>(end - buffer.data()));
  out += digits;
  // 1e+20 reads back as a float without a point.
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_value(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, member] : value.items()) {  // nlohmann keeps keys sorted by bytes
        if (!first) out += ',';
        first = false;
        append_string(out, key);
        out += ':';
        append_value(out, member);
      }
      out += '}';
      return;
    }
    case Json::value_t::array: {
      out += '[';
      for (size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out += ',';
        append_value(out, value[i]);
      }
      out += ']';
      return;
    }
    case Json::value_t::string:
      return append_string(out, value.get_ref<const std::string&>());
    case Json::value_t::number_float:
      return append_float(out, value.get<double>());
    case Json::value_t::null:
    case Json::value_t::boolean:
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      out += value.dump();
      return;
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  SAUCIER_CHECK(false, "a {} value has no canonical form", value.type_name());
}

// "line 3, column 7" of the byte with index `offset`, columns in code points.
std::string place(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::string_view row = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0: the whole text
  const auto column =
      std::count_if(row.begin(), row.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }) +
      1;
  return fmt::format("line {}, column {}", line, column);
}

}  // namespace

std::string canonical(const Json& value) {
  std::string out;
  append_value(out, value);
  return out;
}

Json parse_json(std::string_view text, std::string_view what) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    // nlohmann's text repeats its own code and place; what it found stands behind " - ".
    std::string_view reason = error.what();
    const size_t dash = reason.find(" - ");
    if (dash != std::string_view::npos) reason.remove_prefix(dash + 3);
    // `byte` counts the bytes read, so the last one of the bad token has index byte - 1.
    const size_t offset = error.byte > 0 ? error.byte - 1 : 0;
    throw Error(fmt::format("{} is not valid JSON: {}: {}", what, place(text, offset), reason));
  } catch (const Json::exception& error) {  // a number beyond all doubles
    std::string_view reason = error.what();
    const size_t bracket = reason.find("] ");
    if (bracket != std::string_view::npos) reason.remove_prefix(bracket + 2);
    throw Error(fmt::format("{} is not valid JSON: {}", what, reason));
  }
}

}  // namespace saucier
