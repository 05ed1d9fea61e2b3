// The views as people read about them: what stands in the comments of store/views/*.sql, for the generated references.
#pragma once

#include <string>
#include <vector>

namespace saucier::store {

struct ColumnDoc {
  std::string name, text;
};

struct ViewDoc {
  std::string name;
  std::string text;     // what a row is, and what else to know
  std::string example;  // one SELECT statement
  std::vector<ColumnDoc> columns;
};

// In the order of the files. Above CREATE VIEW stands the text and, indented, the example; behind each column its sentence.
// A column without one means what it means in the view before that says it.
std::vector<ViewDoc> view_docs();

std::vector<std::string> table_names();  // of the newest layout

}  // namespace saucier::store
