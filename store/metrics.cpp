#include "store/metrics.h"

#include <cmath>
#include <limits>
#include <vector>

#include "modules/base/protocol.h"

namespace saucier::store {

namespace {

enum Kind : int { kFinite = 0, kNan = 1, kInfinite = 2, kMinusInfinite = 3 };

int kind_of(double value) {
  if (std::isnan(value)) return kNan;
  if (std::isinf(value)) return value > 0 ? kInfinite : kMinusInfinite;
  return kFinite;
}

double number_of(const Statement& row, int column) {  // the value there, its kind in the next column
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (row.integer(column + 1)) {
    case kNan: return std::numeric_limits<double>::quiet_NaN();
    case kInfinite: return infinity;
    case kMinusInfinite: return -infinity;
    default: return row.real(column);
  }
}

}  // namespace

std::optional<double> finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool gather(Curves& curves, const Json& event) {
  try {
    const auto step = event.at("step").get<std::int64_t>();
    for (const auto& [name, value] : event.at("values").items()) curves[name][step] = number_from_json(value);
    return true;
  } catch (const Json::exception&) {
  } catch (const Error&) {
  }
  return false;
}

void CurveWriter::Summary::take(std::int64_t step, double value) {
  if (n++ == 0 || step >= last_step) last_step = step, last = value;
  if (!std::isfinite(value)) return;
  if (!min || value < *min || (value == *min && step < *min_step)) min = value, min_step = step;
  if (!max || value > *max || (value == *max && step < *max_step)) max = value, max_step = step;
}

void CurveWriter::add(const Curves& curves) {
  for (const auto& [name, points] : curves) {
    const std::int64_t key = key_of(name);
    Summary summary = read_summary(key);
    bool changed = false;
    for (const auto& [step, value] : points) {
      if (put(key, step, value, changed)) summary.take(step, value);
    }
    write_summary(key, changed ? summary_of_rows(key) : summary);
  }
}

void CurveWriter::replace(const Curves& curves) {
  std::map<std::int64_t, const Curve*> wanted;
  for (const auto& [name, points] : curves) wanted[key_of(name)] = &points;
  for (const std::int64_t key : keys()) {
    if (!wanted.contains(key)) remove(key);
  }
  for (const auto& [key, points] : wanted) {
    bool changed = false;
    for (const auto& [step, value] : *points) put(key, step, value, changed);
    Summary summary = summary_of_rows(key);
    if (summary.n != static_cast<std::int64_t>(points->size())) {  // steps that the file does not have
      remove(key);
      for (const auto& [step, value] : *points) put(key, step, value, changed);
      summary = summary_of_rows(key);
    }
    write_summary(key, summary);
  }
}

void CurveWriter::cut(std::int64_t step) {
  Statement drop(handle_, "DELETE FROM metric WHERE stage_run_id = ? AND metric_key_id = ? AND step >= ?");
  for (const std::int64_t key : keys()) {
    drop.run(run_, key, step);
    if (sqlite3_changes64(handle_) == 0) continue;
    const Summary summary = summary_of_rows(key);
    if (summary.n == 0) remove(key);
    else write_summary(key, summary);
  }
}

std::int64_t CurveWriter::key_of(const std::string& name) {
  key_.bind(name).step();
  const std::int64_t key = key_.integer(0);
  key_.reset();
  return key;
}

bool CurveWriter::put(std::int64_t key, std::int64_t step, double value, bool& changed) {
  insert_.run(run_, key, step, finite(value), kind_of(value));
  if (sqlite3_changes64(handle_) == 1) return true;
  update_.run(run_, key, step, finite(value), kind_of(value));
  changed |= sqlite3_changes64(handle_) == 1;
  return false;
}

CurveWriter::Summary CurveWriter::read_summary(std::int64_t key) {
  Summary summary;
  if (read_.bind(run_, key).step()) {
    summary.n = read_.integer(0);
    summary.last_step = read_.integer(1);
    summary.last = number_of(read_, 2);
    if (!read_.is_null(4)) summary.min = read_.real(4), summary.min_step = read_.integer(5);
    if (!read_.is_null(6)) summary.max = read_.real(6), summary.max_step = read_.integer(7);
  }
  read_.reset();
  return summary;
}

CurveWriter::Summary CurveWriter::summary_of_rows(std::int64_t key) {
  Summary summary;
  Statement rows(handle_, "SELECT step, value, kind FROM metric WHERE stage_run_id = ? AND metric_key_id = ? ORDER BY step");
  for (rows.bind(run_, key); rows.step();) summary.take(rows.integer(0), number_of(rows, 1));
  return summary;
}

void CurveWriter::write_summary(std::int64_t key, const Summary& summary) {
  write_.run(run_, key, summary.n, summary.last_step, finite(summary.last), kind_of(summary.last), summary.min,
             summary.min_step, summary.max, summary.max_step);
}

void CurveWriter::remove(std::int64_t key) {
  for (const char* table : {"metric", "metric_summary"}) {
    Statement(handle_, fmt::format("DELETE FROM {} WHERE stage_run_id = ? AND metric_key_id = ?", table)).run(run_, key);
  }
}

std::vector<std::int64_t> CurveWriter::keys() {
  std::vector<std::int64_t> out;
  Statement statement(handle_, "SELECT metric_key_id FROM metric_summary WHERE stage_run_id = ?");
  for (statement.bind(run_); statement.step();) out.push_back(statement.integer(0));
  return out;
}

}  // namespace saucier::store
