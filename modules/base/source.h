// Where a text stands: file, line, column. Every recipe value carries one to the end.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace saucier {

// A text with a name: a recipe file, or an argument of the command line ("--set").
struct SourceText {
  std::string name;  // as shown to people: the path as given, or "--set"
  std::string text;

  // Line `line` (from 1) without its line end; empty beyond the end.
  std::string_view line(int number) const;
};

// Lines and columns count from 1, columns in code points; end_column is one past the last. line 0: place unknown.
struct Position {
  std::shared_ptr<const SourceText> source;
  int line = 0;
  int column = 0;
  int end_column = 0;

  bool known() const { return source != nullptr && line > 0; }
  std::string to_string() const;  // "file:line:column", or "" where unknown
};

}  // namespace saucier
