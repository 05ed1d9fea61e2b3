// Problems in what a user wrote: collected, not thrown, so that all are shown at once.
//
// Text form (also pinned by the golden tests):
//   recipes/x.toml:14:1: error: unknown key 'learning_rat' in a train stage
//      14 | learning_rat = 1e-3
//         | ^~~~~~~~~~~~
//   hint: did you mean 'learning_rate'?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"
#include "modules/base/source.h"

namespace saucier {

enum class Severity { kError, kWarning };

struct Note {
  std::string message;
  Position position;
};

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;     // stable, kebab-case: "unknown-key", "out-of-range"
  std::string message;  // lower case, no full stop, values in single quotes
  Position position;
  std::vector<Note> notes;  // other places that belong to it
  std::string hint;         // one action, or empty
};

std::string render(const Diagnostic& diagnostic);
std::string snippet(const Position& position);  // the two lines of source and caret

class Diagnostics {
 public:
  void add(Diagnostic diagnostic) { list_.push_back(std::move(diagnostic)); }
  void error(std::string code, const Position& position, std::string message, std::string hint = {});
  void warning(std::string code, const Position& position, std::string message, std::string hint = {});

  bool has_errors() const;
  const std::vector<Diagnostic>& list() const { return list_; }
  void sort_by_position();     // stable: file in order of first appearance, line, column
  std::string render() const;  // all of them, then "2 errors, 1 warning"
  Json to_json() const;        // [{severity, code, file, line, column, end_column, message, hint}]

 private:
  std::vector<Diagnostic> list_;
};

}  // namespace saucier
