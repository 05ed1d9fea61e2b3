// The trials of a sweep as one table that can be filtered and sorted by everything that is known of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner/report/columns.h"
#include "runner/report/table.h"
#include "store/store.h"

namespace saucier::report {

struct TrialQuery {
  std::string where;                 // SQL over all columns, shown or not
  std::string sort;                  // "COLUMN", "COLUMN:desc"
  std::int64_t top = 0;
  std::vector<std::string> columns;  // to show beside the usual ones
  bool all = false;                  // show every column
};

// One row a trial. Shown: trial, rank, the axes that differ (as AXIS, and for an axis of tables each entry as AXIS.ENTRY), main
// scores ("bench.scenes-pope.f1"), the last loss of each stage ("instruct.loss"), state, seconds; of scores and losses those
// that differ. Not shown, but there for where, sort and columns: the other axes and scores, "… blind", ".stderr", every metric's
// last value with ".min" and ".max", started, finished, stages, stages_done, trial_id.
Table trials(const store::Store& store, std::int64_t sweep, const TrialQuery& query);

// The column of that table which `name` means. Throws Error for none and for several.
std::string trial_column(const store::Store& store, std::int64_t sweep, const std::string& name);

// "conversation 0.4, detail 0.2" of {"conversation": 0.4, "detail": 0.2}; numbers with all their digits.
std::string show_parameter(const Json& value);

}  // namespace saucier::report
