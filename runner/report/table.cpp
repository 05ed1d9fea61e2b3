#include "runner/report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace saucier::report {
namespace {

size_t width(const std::string& text) {  // code points
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string pad(const std::string& text, size_t to, bool right) {
  const std::string space(to > width(text) ? to - width(text) : 0, ' ');
  return right ? space + text : text + space;
}

// One line, and nothing that a terminal acts on: a model's answer may hold anything.
std::string plain(const std::string& text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') out += "\\n";
    else if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\x{:02x}", byte);
    else out += c;
  }
  return out;
}

bool all_numbers(const Table& table, size_t column) {
  return !table.rows.empty() && std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) { return row[column].is_number() || row[column].is_null(); });
}

// Nothing that Markdown acts on inside a cell.
std::string escape_markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += "<br>";
    else if (c == '<') out += "&lt;";
    else if (c == '|' || c == '*' || c == '`' || c == '\\' || c == '[') out += std::string("\\") + c;
    else out += c;
  }
  return out;
}

std::string quote_csv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string show(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    const double number = value.get<double>(), size = std::abs(number);
    if ((size < 0.01 && size > 0) || size >= 1e6) return fmt::format("{:.3g}", number);
    return fmt::format("{:.{}f}", number, size < 10 ? 3 : size < 100 ? 2 : 1);
  }
  return value.dump();
}

std::string to_text(const Table& table) {
  std::vector<size_t> widths;
  std::vector<bool> right;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    size_t widest = width(table.columns[c]);
    for (const auto& row : table.rows) widest = std::max(widest, width(plain(show(row[c]))));
    widths.push_back(widest);
    right.push_back(all_numbers(table, c));
  }
  std::string out;
  const auto line = [&](auto cell) {
    std::string text;
    for (size_t c = 0; c < widths.size(); ++c) {
      if (c > 0) text += "  ";
      text += cell(c);
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  };
  line([&](size_t c) { return pad(table.columns[c], widths[c], right[c]); });
  line([&](size_t c) { return std::string(widths[c], '-'); });
  for (const auto& row : table.rows) line([&](size_t c) { return pad(plain(show(row[c])), widths[c], right[c]); });
  return out;
}

std::string to_csv(const Table& table) {
  std::string out;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    if (c > 0) out += ',';
    out += quote_csv(table.columns[c]);
  }
  out += "\r\n";
  for (const auto& row : table.rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      const Json& cell = row[c];
      if (c > 0) out += ',';
      if (cell.is_string()) out += quote_csv(cell.get<std::string>());
      else if (!cell.is_null()) out += cell.dump();
    }
    out += "\r\n";
  }
  return out;
}

std::string to_markdown(const Table& table) {
  std::string out = "|", rule = "|";
  for (size_t c = 0; c < table.columns.size(); ++c) {
    out += " " + escape_markdown(table.columns[c]) + " |";
    rule += all_numbers(table, c) ? "---:|" : "---|";
  }
  out += "\n" + rule + "\n";
  for (const auto& row : table.rows) {
    out += "|";
    for (const Json& cell : row) out += " " + escape_markdown(show(cell)) + " |";
    out += "\n";
  }
  return out;
}

Json to_json(const Table& table) {
  Json out = Json::array();
  for (const auto& row : table.rows) {
    Json object = Json::object();
    for (size_t c = 0; c < table.columns.size(); ++c) object[table.columns[c]] = row[c];
    out.push_back(std::move(object));
  }
  return out;
}

}  // namespace saucier::report
