// Metric rows and their summaries, always changed together inside a transaction that is open.
#pragma once

#include <map>
#include <string>

#include "modules/base/json.h"
#include "store/database.h"

namespace saucier::store {

using Curve = std::map<std::int64_t, double>;     // step -> value
using Curves = std::map<std::string, Curve>;      // by metric; of a step that was said twice the last value counts

// Adds a metric event's values; false where it has not the shape of one (what could be read is added).
bool gather(Curves& curves, const Json& event);

std::optional<double> finite(double value);  // none for NaN and infinities, which SQLite has no value for

class CurveWriter {
 public:
  CurveWriter(sqlite3* handle, std::int64_t run) : handle_(handle), run_(run) {}

  void add(const Curves& curves);      // new rows, and other values where a row is there already
  void replace(const Curves& curves);  // afterwards the run has these rows and no others; equal rows are not touched
  void cut(std::int64_t step);         // rows at or after `step` go

 private:
  struct Summary {
    std::int64_t n = 0, last_step = 0;
    double last = 0;
    std::optional<double> min, max;
    std::optional<std::int64_t> min_step, max_step;
    void take(std::int64_t step, double value);
  };
  std::int64_t key_of(const std::string& name);
  bool put(std::int64_t key, std::int64_t step, double value, bool& changed);  // true: a new row
  Summary read_summary(std::int64_t key);
  Summary summary_of_rows(std::int64_t key);
  void write_summary(std::int64_t key, const Summary& summary);
  void remove(std::int64_t key);
  std::vector<std::int64_t> keys();  // that the run has rows of

  sqlite3* handle_;
  std::int64_t run_;
  Statement key_{handle_, "INSERT INTO metric_key(name) VALUES(?) ON CONFLICT(name) DO UPDATE SET name = excluded.name "
                          "RETURNING id"};
  Statement insert_{handle_, "INSERT INTO metric(stage_run_id, metric_key_id, step, value, kind) VALUES(?, ?, ?, ?, ?) "
                             "ON CONFLICT DO NOTHING"};
  Statement update_{handle_, "UPDATE metric SET value = ?4, kind = ?5 WHERE stage_run_id = ?1 AND metric_key_id = ?2 AND "
                             "step = ?3 AND (value IS NOT ?4 OR kind <> ?5)"};
  Statement read_{handle_, "SELECT n, last_step, last, last_kind, min, min_step, max, max_step FROM metric_summary "
                           "WHERE stage_run_id = ? AND metric_key_id = ?"};
  Statement write_{handle_, "INSERT OR REPLACE INTO metric_summary(stage_run_id, metric_key_id, n, last_step, last, "
                            "last_kind, min, min_step, max, max_step) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
};

}  // namespace saucier::store
