// A run's events become rows: its metrics as they come, and in the end everything in one transaction, where the file of
// events has the last word. What an earlier attempt left goes first, so a replay is harmless.

#include <limits>

#include "modules/base/clock.h"
#include "modules/base/protocol.h"
#include "store/metrics.h"
#include "store/state.h"

namespace saucier::store {

Environment environment_of(const Json& event) {
  Environment values;
  const Json said = event.value("values", Json::object());
  for (const auto& [name, value] : said.items()) values[name] = value.is_string() ? value.get<std::string>() : value.dump();
  return values;
}

namespace {

class Replay {
 public:
  Replay(sqlite3* handle, const StageRunId& run) : handle_(handle), run_(run) {}

  void clear() {
    for (const char* table : {"score", "prediction", "drawn_source", "drawn_drop"}) {
      Statement(handle_, fmt::format("DELETE FROM {} WHERE stage_run_id = ?", table)).run(run_.id);
    }
    Statement(handle_, "DELETE FROM event WHERE stage_run_id = ? AND source = 'worker'").run(run_.id);
  }

  void add(const Json& event) {
    const std::string type = event.value("event", "");
    if (type == "metric") {
      if (!gather(curves_, event)) refuse(event);
    } else if (type == "score") {
      add_score(event);
    } else if (type == "prediction") {
      add_prediction(event);
    } else if (type == "drawn") {
      add_drawn(event);
    } else if (type == "log") {
      log_.run(run_.id, run_.attempt, system_clock().now_us(), event.value("level", "info"), event.value("text", ""));
    } else if (type == "environment") {
      for (const auto& [name, value] : environment_of(event)) environment_[name] = value;
    }
    // progress, done and error are for the runner
  }

  void write_curves() { CurveWriter(handle_, run_.id).replace(curves_); }
  const Environment& environment() const { return environment_; }

  [[noreturn]] static void refuse(const Json& event) {
    throw Error(fmt::format("the worker said something that is no event: {}", event.dump()));
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
    const bool correct = event.value("correct", false);
    const std::string picture = event.value("picture", "");
    prediction_.run(run_.id, event.at("benchmark").get<std::string>(), event.value("condition", "seen"),
                    event.at("sample").get<std::string>(), event.value("question", ""), event.value("answer", ""),
                    event.value("normalised", ""), event.value("truth", ""), correct, picture,
                    event.value("credit", correct ? 1.0 : 0.0), event.value("unit", picture));
  }

  // Sums of the steps that the event is of.
  void add_drawn(const Json& event) {
    for (const Json& one : event.at("sources")) {
      const auto count = [&](const char* name) { return one.at(name).get<std::int64_t>(); };
      const std::string source = one.at("source").get<std::string>();
      drawn_.run(run_.id, source, finite(number_from_json(one.at("share"))), count("size"), count("draws"), count("samples"), count("tokens"),
                 count("learned_tokens"), count("pictures"), count("cut_pairs"), count("cut_answers"));
      for (const auto& [reason, draws] : one.at("dropped").items()) drop_.run(run_.id, source, reason, draws.get<std::int64_t>());
    }
  }

  sqlite3* handle_;
  StageRunId run_;
  Curves curves_;
  Environment environment_;
  Statement score_{handle_, "INSERT OR REPLACE INTO score(stage_run_id, benchmark, condition, metric, value, stderr, n, "
                            "main, setting) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement prediction_{handle_, "INSERT OR REPLACE INTO prediction(stage_run_id, benchmark, condition, sample, question, "
                                 "answer, normalised, truth, correct, picture, credit, unit) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement drawn_{handle_, "INSERT INTO drawn_source(stage_run_id, source, share, size, draws, samples, tokens, learned_tokens, "
                            "pictures, cut_pairs, cut_answers) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET draws = draws + excluded.draws, "
                            "samples = samples + excluded.samples, tokens = tokens + excluded.tokens, "
                            "learned_tokens = learned_tokens + excluded.learned_tokens, pictures = pictures + excluded.pictures, "
                            "cut_pairs = cut_pairs + excluded.cut_pairs, cut_answers = cut_answers + excluded.cut_answers"};
  Statement drop_{handle_, "INSERT INTO drawn_drop(stage_run_id, source, reason, draws) VALUES(?, ?, ?, ?) "
                           "ON CONFLICT DO UPDATE SET draws = draws + excluded.draws"};
  Statement log_{handle_, "INSERT INTO event(stage_run_id, attempt, time_us, source, kind, text) "
                          "VALUES(?, ?, ?, 'worker', ?, ?)"};
};

// The first step that the attempt has said anything about (null: nothing yet); none when it is fenced.
std::optional<std::optional<std::int64_t>> first_step(sqlite3* handle, const StageRunId& run) {
  Statement fence(handle, "SELECT a.first_step FROM stage_run r "
                          "JOIN attempt a ON a.stage_run_id = r.id AND a.number = r.attempt "
                          "WHERE r.id = ? AND r.attempt = ? AND r.state = 'running'");
  if (!fence.bind(run.id, run.attempt).step()) return std::nullopt;
  return std::optional(fence.is_null(0) ? std::nullopt : std::optional(fence.integer(0)));
}

}  // namespace

bool Store::add_metrics(const StageRunId& run, const std::vector<Json>& events) {
  Curves curves;
  for (const Json& event : events) gather(curves, event);  // one that is none is named by the replay
  if (curves.empty()) return true;
  sqlite3* handle = state_->database->handle();
  WriteTransaction transaction(*state_->database, state_->writing());
  const auto first = first_step(handle, run);
  if (!first) return false;
  CurveWriter writer(handle, run.id);
  if (!*first) {
    // An attempt says again what came after its training state: what an earlier one left of that goes at once, since on
    // a GPU it may end elsewhere.
    std::int64_t step = std::numeric_limits<std::int64_t>::max();
    for (const auto& [name, points] : curves) step = std::min(step, points.begin()->first);
    writer.cut(step);
    Statement(handle, "UPDATE attempt SET first_step = ? WHERE stage_run_id = ? AND number = ?").run(step, run.id, run.attempt);
  }
  writer.add(curves);
  transaction.commit();
  return true;
}

bool Store::write_events(const StageRunId& run, const std::vector<Json>& events) {
  sqlite3* handle = state_->database->handle();
  WriteTransaction transaction(*state_->database, state_->writing());
  if (!first_step(handle, run)) return false;
  Replay replay(handle, run);
  replay.clear();
  for (const Json& event : events) {
    try {
      replay.add(event);
    } catch (const Json::exception&) {
      Replay::refuse(event);
    }
  }
  replay.write_curves();
  state_->put_environment(run.id, replay.environment());
  transaction.commit();
  return true;
}

bool Store::add_environment(const StageRunId& run, const std::map<std::string, std::string>& values) {
  WriteTransaction transaction(*state_->database, state_->writing());
  if (!first_step(state_->database->handle(), run)) return false;
  state_->put_environment(run.id, values);
  transaction.commit();
  return true;
}

void Store::State::put_environment(std::int64_t run, const std::map<std::string, std::string>& values) {
  Statement put(database->handle(), "INSERT OR REPLACE INTO environment(stage_run_id, name, value) VALUES(?, ?, ?)");
  for (const auto& [name, value] : values) put.run(run, name, clean_utf8(value));
}

}  // namespace saucier::store
