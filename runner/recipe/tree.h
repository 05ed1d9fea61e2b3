// A TOML text as a tree of our own: every key and value with its place, tables in file order.
//
// toml++ stays behind tree.cpp. Problems are collected; the tree holds what could be read in spite of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "modules/base/diagnostic.h"
#include "modules/base/error.h"
#include "modules/base/json.h"

namespace saucier::recipe {

namespace fs = std::filesystem;

// Where a value was said, shared by all values of one text.
struct Origin {
  std::string label;  // "--set", "axis"; empty: the place in the file says it
  fs::path folder;    // that relative paths start from
};

enum class Kind { kBool, kInteger, kNumber, kString, kDate, kList, kTable };

struct Node {
  Kind kind = Kind::kTable;
  std::variant<bool, std::int64_t, double, std::string> scalar;  // by kind; unused for dates, lists and tables
  std::vector<Node> items;  // of a list; of a table: its entries, in file order
  std::string key;          // of a table's entry
  Position key_position;
  Position position;        // of the value; of a table with a header: the header
  std::shared_ptr<const Origin> origin;

  bool is(Kind k) const { return kind == k; }
  const std::string& text() const { return std::get<std::string>(scalar); }
  const Node* find(std::string_view name) const;  // entry of a table; nullptr where absent or not a table
  Node* find(std::string_view name);
  void erase(std::string_view name);
  std::string origin_text() const;  // "recipes/x.toml:31", "--set", "axis"
};

// The key's place where there is one, else the value's.
const Position& place(const Node& node);

std::string_view kind_name(Kind kind);  // "an integer", "a table"
Json to_json(const Node& node);         // as said, unchecked; dates as null

// What the reader had to leave out.
struct Parsed {
  Node root;
  bool complete = true;      // no syntax error
  bool header_lost = false;  // a table header was among what was left out, so keys may have landed in a wrong table
};

// Reads a whole text. After a syntax error the statement around it is blanked and the text read again, so that several
// are reported (at most 20).
Parsed parse_text(const std::shared_ptr<const SourceText>& source, const std::shared_ptr<const Origin>& origin,
                  Diagnostics& problems);

// Reads `text`, a part of the one-line `source` that begins at `column`, as one TOML value; a text that is no TOML value
// and opens no bracket or quote is taken as a string ("front"). nullopt after a syntax error (reported).
std::optional<Node> parse_value(const std::shared_ptr<const SourceText>& source, std::string_view text, int column,
                                const std::shared_ptr<const Origin>& origin, Diagnostics& problems);

int code_points(std::string_view text);

}  // namespace saucier::recipe
