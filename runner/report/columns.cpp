#include "runner/report/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "modules/base/error.h"
#include "modules/base/suggest.h"

namespace saucier::report {
namespace {

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool goes_on(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-'; }

// Words of SQL that stand where a column could.
bool is_keyword(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static const std::set<std::string> words = {"and", "or", "not", "is", "null", "in", "like", "glob", "between", "case", "when", "then", "else",
                                              "end", "true", "false", "escape", "exists", "cast", "as", "integer", "real", "text", "regexp",
                                              "collate", "nocase", "distinct", "from", "isnull", "notnull"};
  return words.contains(word);
}

std::vector<std::string> meant(const std::string& name, const Columns& columns) {
  std::vector<std::string> ends, shown;
  for (const std::string& column : columns.all) {
    if (column == name) return {column};
    if (!column.ends_with("." + name)) continue;
    ends.push_back(column);
    if (columns.shown.contains(column)) shown.push_back(column);
  }
  return shown.empty() ? ends : shown;
}

// Whole names and their ends, which may be written too.
std::string near(const std::string& name, const Columns& columns) {
  std::set<std::string> known;
  for (const std::string& column : columns.all)
    for (std::string rest = column;; rest = rest.substr(rest.find('.') + 1)) {
      known.insert(rest);
      if (rest.find('.') == std::string::npos) break;
    }
  const auto found = nearest(name, std::vector<std::string>(known.begin(), known.end()), 1);
  if (!found.empty()) return fmt::format("did you mean '{}'?", found.front());
  return suggestion(name, std::vector<std::string>(columns.shown.begin(), columns.shown.end()));
}

std::string only(const std::string& name, const std::vector<std::string>& found, const Columns& columns) {
  if (found.size() == 1) return found.front();
  if (found.empty()) throw Error(fmt::format("no column '{}'", name), near(name, columns));
  std::string list;
  for (size_t i = 0; i < found.size() && i < 4; ++i) list += fmt::format("{}'{}'", i == 0 ? "" : ", ", found[i]);
  throw Error(fmt::format("'{}' could be {} columns", name, found.size()), "write more of the name: " + list + (found.size() > 4 ? ", …" : ""));
}

}  // namespace

std::string find_column(const std::string& name, const Columns& columns) { return only(name, meant(name, columns), columns); }

Expression quote_columns(const std::string& expression, const Columns& columns) {
  Expression out;
  for (size_t at = 0; at < expression.size();) {
    const char c = expression[at];
    if (c == '\'' || c == '"') {  // a text, or a name that is in quotes already
      const size_t end = expression.find(c, at + 1);
      if (end == std::string::npos) throw Error(fmt::format("a quote is not closed in: {}", expression), fmt::format("add {}", c));
      const std::string inside = expression.substr(at + 1, end - at - 1);
      if (c == '"') {
        const std::string column = find_column(inside, columns);
        out.used.insert(column);
        out.sql += '"' + column + '"';
      } else {
        out.sql += expression.substr(at, end - at + 1);
      }
      at = end + 1;
      continue;
    }
    if (expression.substr(at, 2) == "--") {  // a comment goes to the end of its line
      at = std::min(expression.find('\n', at), expression.size());
      continue;
    }
    if (!starts_name(c)) {  // numbers as a whole: 1e-4 holds no name
      size_t end = at + 1;
      if (std::isdigit(static_cast<unsigned char>(c))) {
        while (end < expression.size() && (std::isalnum(static_cast<unsigned char>(expression[end])) || expression[end] == '.' ||
                                           ((expression[end] == '-' || expression[end] == '+') && std::tolower(expression[end - 1]) == 'e')))
          ++end;
      }
      out.sql += expression.substr(at, end - at);
      at = end;
      continue;
    }
    size_t end = at;
    while (end < expression.size() && goes_on(expression[end])) ++end;
    // "scenes-pope.f1-0.5" may be a name, or a name and a difference: the longest that is a column counts.
    std::vector<std::string> found;
    std::string name = expression.substr(at, end - at);
    const std::string whole = name;
    while ((found = meant(name, columns)).empty() && name.find('-') != std::string::npos) name.resize(name.rfind('-'));
    const size_t next = expression.find_first_not_of(" \t\n", at + name.size());
    if (found.empty() && (is_keyword(name) || (next != std::string::npos && expression[next] == '('))) {
      out.sql += name;
    } else {
      const std::string column = only(found.empty() ? whole : name, found, columns);
      out.used.insert(column);
      out.sql += '"' + column + '"';
    }
    at += name.size();
  }
  return out;
}

}  // namespace saucier::report
