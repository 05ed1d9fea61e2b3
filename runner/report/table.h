// Tables for the terminal, JSON, CSV and Markdown from the same rows.
#pragma once

#include <string>
#include <vector>

#include "modules/base/json.h"

namespace saucier::report {

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<Json>> rows;  // null shows as an empty cell
};

// Aligned columns, numbers to the right, a rule under the head: for people. Widths count code points; a line end inside a
// cell is shown as \n, other control characters as \x1b.
std::string to_text(const Table& table);
std::string to_csv(const Table& table);   // RFC 4180
Json to_json(const Table& table);         // a list of objects with the columns' names
std::string to_markdown(const Table& table);  // numbers as people read them, aligned to the right

// Numbers as people read them: 0.9342 → "0.934", 0.00251 → "0.00251", 37.25 → "37.25", 12 → "12", 1.5e-05 → "1.5e-05".
std::string show(const Json& value);

}  // namespace saucier::report
