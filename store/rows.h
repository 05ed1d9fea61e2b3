// Rows in memory, filtered and sorted by SQL that people write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.h"

namespace saucier::store {

struct Selection {
  std::string where;   // an SQL expression over the columns; "" for all
  std::string sort;    // a column; "" leaves the order as it is. What has no value comes last
  bool descending = false;
  std::int64_t top = 0;  // most rows; 0 for all
};

// Which rows are selected, in order. An expression can only read them. Throws Error with SQLite's message.
std::vector<std::size_t> select_rows(const Result& rows, const Selection& selection);

}  // namespace saucier::store
