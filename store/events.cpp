// A run's events become rows, all in one transaction: what an earlier attempt left goes first, so a replay is harmless.

#include <cmath>
#include <map>

#include "modules/base/clock.h"
#include "modules/base/protocol.h"
#include "store/state.h"

namespace saucier::store {

namespace {

enum Kind : int { kFinite = 0, kNan = 1, kInfinite = 2, kMinusInfinite = 3 };

int kind_of(double value) {
  if (std::isnan(value)) return kNan;
  if (std::isinf(value)) return value > 0 ? kInfinite : kMinusInfinite;
  return kFinite;
}

std::optional<double> finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

using Curves = std::map<std::string, std::map<std::int64_t, double>>;  // metric -> step -> value; the last one said counts

class Replay {
 public:
  Replay(sqlite3* handle, const StageRunId& run) : handle_(handle), run_(run) {}

  void clear() {
    for (const char* table : {"metric", "metric_summary", "score", "prediction", "environment"}) {
      Statement(handle_, fmt::format("DELETE FROM {} WHERE stage_run_id = ?", table)).run(run_.id);
    }
    Statement(handle_, "DELETE FROM event WHERE stage_run_id = ? AND source = 'worker'").run(run_.id);
  }

  void add(const Json& event) {
    const std::string type = event.value("event", "");
    if (type == "metric") {
      const auto step = event.at("step").get<std::int64_t>();
      for (const auto& [name, value] : event.at("values").items()) curves_[name][step] = number_from_json(value);
    } else if (type == "score") {
      add_score(event);
    } else if (type == "prediction") {
      add_prediction(event);
    } else if (type == "log") {
      log_.run(run_.id, run_.attempt, system_clock().now_us(), event.value("level", "info"), event.value("text", ""));
    } else if (type == "environment") {
      for (const auto& [name, value] : event.at("values").items()) {
        environment_.run(run_.id, name, value.is_string() ? value.get<std::string>() : value.dump());
      }
    }
    // progress, done and error are for the runner
  }

  void write_curves() {
    for (const auto& [name, points] : curves_) write_curve(name, points);
  }

 private:
  void add_score(const Json& event) {
    const Json setting = event.value("setting", Json::object());
    ScoreRow row;
    row.benchmark = event.at("benchmark").get<std::string>();
    // The condition and the main mark stand in the event, or in the setting that the score was made with.
    row.condition = event.value("condition", setting.value("condition", "seen"));
    row.main = event.value("main", setting.value("main", false));
    row.metric = event.at("metric").get<std::string>();
    row.value = number_from_json(event.at("value"));
    row.stderr_value = number_from_json(event.value("stderr", Json(0.0)));
    row.n = event.value("n", std::int64_t{0});
    score_.run(run_.id, row.benchmark, row.condition, row.metric, finite(row.value), finite(row.stderr_value), row.n,
               row.main, setting.dump());
  }

  void add_prediction(const Json& event) {
    prediction_.run(run_.id, event.at("benchmark").get<std::string>(), event.value("condition", "seen"),
                    event.at("sample").get<std::string>(), event.value("question", ""), event.value("answer", ""),
                    event.value("normalised", ""), event.value("truth", ""), event.value("correct", false),
                    event.value("picture", ""));
  }

  void write_curve(const std::string& name, const std::map<std::int64_t, double>& points) {
    key_.bind(name).step();
    const std::int64_t key = key_.integer(0);
    key_.reset();
    std::optional<double> min, max;
    std::optional<std::int64_t> min_step, max_step;
    for (const auto& [step, value] : points) {
      metric_.run(run_.id, key, step, finite(value), kind_of(value));
      if (!std::isfinite(value)) continue;
      if (!min || value < *min) min = value, min_step = step;
      if (!max || value > *max) max = value, max_step = step;
    }
    const auto& [last_step, last] = *points.rbegin();
    summary_.run(run_.id, key, static_cast<std::int64_t>(points.size()), last_step, finite(last), kind_of(last), min,
                 min_step, max, max_step);
  }

  sqlite3* handle_;
  StageRunId run_;
  Curves curves_;
  Statement key_{handle_, "INSERT INTO metric_key(name) VALUES(?) ON CONFLICT(name) DO UPDATE SET name = excluded.name "
                          "RETURNING id"};
  Statement metric_{handle_, "INSERT INTO metric(stage_run_id, metric_key_id, step, value, kind) VALUES(?, ?, ?, ?, ?)"};
  Statement summary_{handle_, "INSERT INTO metric_summary(stage_run_id, metric_key_id, n, last_step, last, last_kind, min, "
                              "min_step, max, max_step) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement score_{handle_, "INSERT OR REPLACE INTO score(stage_run_id, benchmark, condition, metric, value, stderr, n, "
                            "main, setting) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement prediction_{handle_, "INSERT OR REPLACE INTO prediction(stage_run_id, benchmark, condition, sample, question, "
                                 "answer, normalised, truth, correct, picture) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement environment_{handle_, "INSERT OR REPLACE INTO environment(stage_run_id, name, value) VALUES(?, ?, ?)"};
  Statement log_{handle_, "INSERT INTO event(stage_run_id, attempt, time_us, source, kind, text) "
                          "VALUES(?, ?, ?, 'worker', ?, ?)"};
};

}  // namespace

bool Store::write_events(const StageRunId& run, const std::vector<Json>& events) {
  sqlite3* handle = state_->database->handle();
  WriteTransaction transaction(*state_->database, state_->writing());
  {
    Statement fence(handle, "SELECT 1 FROM stage_run WHERE id = ? AND attempt = ? AND state = 'running'");
    if (!fence.bind(run.id, run.attempt).step()) return false;
  }
  {
    Replay replay(handle, run);
    replay.clear();
    for (const Json& event : events) {
      try {
        replay.add(event);
      } catch (const Json::exception&) {
        throw Error(fmt::format("the worker said something that is no event: {}", event.dump()));
      }
    }
    replay.write_curves();
  }
  transaction.commit();
  return true;
}

}  // namespace saucier::store
