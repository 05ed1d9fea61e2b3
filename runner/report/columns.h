// Columns with dotted names ("bench.scenes-pope.f1") as people write them: any end of a name that means one column.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace saucier::report {

struct Columns {
  std::vector<std::string> all;
  std::set<std::string> shown;  // where several could be meant, the one of these is
};

// The column that `name` means: itself, or what ends in ".name". Throws Error for none, with the nearest, and for several.
std::string find_column(const std::string& name, const Columns& columns);

// An SQL expression with its column names in quotes: "f1 > 0.9 and state = 'done'" → "\"bench.scenes-pope.f1\" > 0.9 and …".
// What is no column stays as it is. `used` are the columns it names.
struct Expression {
  std::string sql;
  std::set<std::string> used;
};
Expression quote_columns(const std::string& expression, const Columns& columns);

}  // namespace saucier::report
