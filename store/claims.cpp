// Who runs a stage: claims, heartbeats and their ends, each fenced by (id, attempt).

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/process.h"
#include "store/manifest.h"
#include "store/state.h"

namespace saucier::store {

std::optional<StageRunId> Store::State::claim_row(const std::string& key, const std::string& name,
                                                  const std::string& kind, const std::string& key_text,
                                                  const fs::path& unless_there) {
  sqlite3* handle = database->handle();
  const std::int64_t now = system_clock().now_us();
  WriteTransaction transaction(*database, writing());
  std::error_code ignored;
  // A folder with a manifest is finished, whatever the row says yet: artifact() adopts it or sets it aside. Looked at
  // under the lock, since a runner commits its folder before it finishes its row.
  if (!unless_there.empty() && fs::exists(unless_there, ignored)) return std::nullopt;
  std::string lost_by;
  {
    Statement before(handle, "SELECT owner_pid, owner_host FROM stage_run WHERE key = ? AND state = 'running'");
    if (before.bind(key).step()) lost_by = fmt::format("process {} on '{}'", before.integer(0), before.text(1));
  }
  Statement statement(
      handle,
      "INSERT INTO stage_run(key, name, kind, key_text, attempt, state, owner_host, owner_boot, owner_pid, owner_start, "
      "                      heartbeat_us, started_us) "
      "VALUES(?1, ?2, ?3, ?4, 1, 'running', ?5, ?6, ?7, ?8, ?9, ?9) "
      "ON CONFLICT(key) DO UPDATE SET name = ?2, kind = ?3, key_text = ?4, attempt = attempt + 1, state = 'running', "
      "  owner_host = ?5, owner_boot = ?6, owner_pid = ?7, owner_start = ?8, heartbeat_us = ?9, started_us = ?9, "
      "  finished_us = NULL, seconds = NULL, message = '', log_tail = '' "
      "WHERE state <> 'running' OR heartbeat_us < ?10 OR owner_gone(owner_host, owner_boot, owner_pid, owner_start) "
      "RETURNING id, attempt");
  statement.bind(key, name, kind, key_text, self.host, self.boot, self.pid, self.start, now, now - lease_us);
  if (!statement.step()) return std::nullopt;
  const StageRunId run{.id = statement.integer(0), .attempt = statement.integer(1)};
  statement.reset();
  Statement(handle, "DELETE FROM artifact WHERE stage_run_id = ?").run(run.id);
  Statement(handle, "DELETE FROM environment WHERE stage_run_id = ?").run(run.id);  // the new attempt's may differ
  if (!lost_by.empty()) {
    Statement(handle, "UPDATE attempt SET state = 'lost', finished_us = ?, message = ? "
                      "WHERE stage_run_id = ? AND number = ?")
        .run(now, "by " + lost_by, run.id, run.attempt - 1);
    note(run.id, run.attempt - 1, "lost", "by " + lost_by);
    messages.push_back(fmt::format("stage '{}' was left unfinished by {}; taken over", name, lost_by));
  }
  Statement(handle, "INSERT INTO attempt(stage_run_id, number, state, owner_host, owner_boot, owner_pid, owner_start, "
                    "started_us) VALUES(?, ?, 'running', ?, ?, ?, ?, ?)")
      .run(run.id, run.attempt, self.host, self.boot, self.pid, self.start, now);
  note(run.id, run.attempt, "claimed", fmt::format("process {} on '{}'", self.pid, self.host));
  transaction.commit();
  return run;
}

std::optional<StageRunId> Store::claim(const std::string& key, const std::string& name, const std::string& kind,
                                       const std::string& key_text) {
  return state_->claim_row(key, name, kind, key_text, artifacts() / key / paths::kManifest);
}

bool Store::heartbeat(const StageRunId& run) {
  WriteTransaction transaction(*state_->database, state_->writing());
  Statement(state_->database->handle(),
            "UPDATE stage_run SET heartbeat_us = ? WHERE id = ? AND attempt = ? AND state = 'running'")
      .run(system_clock().now_us(), run.id, run.attempt);
  const bool ours = state_->database->changes() == 1;
  transaction.commit();
  return ours;
}

bool Store::State::end(const StageRunId& run, const Ending& ending) {
  const std::int64_t now = system_clock().now_us();
  const std::string message = clean_utf8(ending.message), log_tail = clean_utf8(ending.log_tail);
  WriteTransaction transaction(*database, writing(), true);
  Statement(database->handle(),
            "UPDATE stage_run SET state = ?, message = ?, log_tail = ?, summary = ?, seconds = ?, finished_us = ? "
            "WHERE id = ? AND attempt = ? AND state = 'running'")
      .run(ending.state, message, log_tail, ending.summary.dump(), ending.seconds, now, run.id, run.attempt);
  if (database->changes() == 0) return false;
  Statement(database->handle(), "UPDATE attempt SET state = ?, message = ?, log_tail = ?, exit_status = ?, finished_us = ? "
                                "WHERE stage_run_id = ? AND number = ?")
      .run(ending.state, message, log_tail, ending.exit_status, now, run.id, run.attempt);
  if (ending.manifest) record_artifact(run.id, ending.folder, *ending.manifest);
  put_environment(run.id, ending.environment);
  note(run.id, run.attempt, ending.state, message);
  transaction.commit();
  return true;
}

bool Store::finish(const StageRunId& run, const fs::path& artifact, const Json& summary, double seconds) {
  const ManifestCheck check = check_manifest(artifact, false);
  if (!check.problem.empty()) {
    throw Error(fmt::format("the artifact '{}' is not whole: {}", artifact.string(), check.problem));
  }
  return state_->end(run, {.state = "done", .folder = artifact.filename().string(), .manifest = check, .summary = summary,
                           .seconds = seconds, .exit_status = ExitStatus().to_string(),
                           .environment = check.manifest.value("environment", Environment())});
}

bool Store::fail(const StageRunId& run, const std::string& message, const std::string& log_tail,
                 const std::string& exit_status) {
  return state_->end(run, {.state = "failed", .message = message, .log_tail = log_tail, .exit_status = exit_status});
}

bool Store::release(const StageRunId& run, const std::string& reason, const std::string& exit_status) {
  return state_->end(run, {.state = "released", .message = reason, .exit_status = exit_status});
}

}  // namespace saucier::store
