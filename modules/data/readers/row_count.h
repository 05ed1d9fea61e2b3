// What a reader counts of its rows, and what becomes of it: an error, or a report for people.
#pragma once

#include <string>
#include <vector>

#include "modules/data/readers/bad_row.h"
#include "modules/data/sample.h"
#include "modules/options/data_options.h"

namespace saucier::data {

class RowCount {
 public:
  void row() { ++report_.rows; }
  void other_kind() { ++report_.other_kinds; }
  void leave_out(const BadRow& bad, const std::string& file, std::int64_t line);
  void duplicate(ReadReport::Example example, bool left_out);
  // options.mode strict: throws Error for rows left out, the first in its message, further ones as notes. lenient: Error
  // when for one reason more are left out than tolerated.
  ReadReport report(std::int64_t kept, const std::string& name, const options::DataOptions& options) const;

 private:
  void count(Reason why, ReadReport::Example example, bool left_out);
  void throw_bad() const;

  ReadReport report_;
  std::vector<ReadReport::Example> first_;  // of all reasons
  std::int64_t bad_ = 0;
  std::string hint_;
};

// Error where for one reason more rows were left out than the options tolerate. Duplicates have no limit.
void check_tolerance(const ReadReport& report, const std::string& name, const options::DataOptions& options);

std::string told(const ReadReport::Example& example);  // "'f.json', line 3: sample 'x': its picture cannot be read"

// One line a reason, for people, with its first examples: "12 of 400 rows are left out: missing-picture (a picture is not
// there), such as 'f.json', line 3: sample 'x': ...".
std::vector<std::string> report_lines(const ReadReport& report);

}  // namespace saucier::data
