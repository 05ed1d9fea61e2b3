// Tables as text: TSV (a tab between fields, no quotes) and CSV (RFC 4180).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"
#include "modules/data/readers/row_file.h"

namespace saucier::data {

std::vector<std::string> split_line(std::string_view line, bool quotes);

// Gives each line as an object with the head's names as keys. A table without a head is one whose fields are asked for
// by number: "1" is the first.
class Table {
 public:
  // `asked`: fields that must be there. Error where the head lacks one.
  Table(std::shared_ptr<const RowFile> file, const std::vector<std::string>& asked);
  std::unique_ptr<RowCutter> cut() const;  // behind the head
  Json row(std::string_view line) const;   // throws BadRow

 private:
  std::shared_ptr<const RowFile> file_;
  bool quotes_;
  bool head_ = true;
  std::vector<std::string> names_;  // empty strings where there is no head: numbers then
};

bool is_table(const std::filesystem::path& file);  // by its name

}  // namespace saucier::data
