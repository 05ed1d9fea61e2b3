// Artifact folders against their rows: whole, adopted, or set aside.

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "store/manifest.h"
#include "store/state.h"

namespace saucier::store {

namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

struct Recorded {
  std::string digest;  // of its manifest; empty: no artifact was recorded
  bool counted = false;
  std::int64_t used_us = 0;
};

Recorded recorded(sqlite3* handle, const RunRow& run) {
  Statement statement(handle, "SELECT manifest_digest, bytes IS NOT NULL, used_us FROM artifact WHERE stage_run_id = ?");
  if (run.state != "done" || !statement.bind(run.id).step()) return {};
  return {.digest = statement.text(0), .counted = statement.integer(1) != 0, .used_us = statement.integer(2)};
}

ManifestCheck check_folder(const fs::path& folder, const Recorded& known) {
  // Without a record nothing vouches for the contents but their own hashes, so those are compared as well.
  ManifestCheck check = check_manifest(folder, known.digest.empty());
  if (check.problem.empty() && !known.digest.empty() && check.digest != known.digest) {
    check.problem = "its manifest is not the one that was recorded";
  }
  if (check.problem.empty() && known.digest.empty() && check.manifest.value("key", "") != folder.filename()) {
    check.problem = "its manifest is of another stage key";
  }
  return check;
}

}  // namespace

RunRow run_row(sqlite3* handle, const std::string& key, std::int64_t lease_us) {
  Statement statement(handle, "SELECT id, attempt, name, state, owner_host, owner_boot, owner_pid, owner_start, heartbeat_us "
                              "FROM stage_run WHERE key = ?");
  RunRow row;
  if (!statement.bind(key).step()) return row;
  row.id = statement.integer(0);
  row.attempt = statement.integer(1);
  row.name = statement.text(2);
  row.state = statement.text(3);
  const Owner owner{.host = statement.text(4), .boot = statement.text(5), .pid = statement.integer(6),
                    .start = statement.integer(7)};
  row.live = row.state == "running" && !gone(owner);
  row.silent = row.live && statement.integer(8) < system_clock().now_us() - lease_us;
  return row;
}

bool is_key(const std::string& name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

fs::path free_name(const fs::path& path, std::string_view mark) {
  for (int n = 1;; ++n) {
    fs::path name = fmt::format("{}.{}-{}", path.string(), mark, n);
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(name, ignored))) return name;
  }
}

void Store::State::record_artifact(std::int64_t run, const std::string& folder, const ManifestCheck& check) {
  const std::int64_t now = system_clock().now_us();
  Statement(database->handle(), "INSERT OR REPLACE INTO artifact(stage_run_id, folder, manifest_digest, bytes, files, "
                                "created_us, used_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6)")
      .run(run, folder, check.digest, check.bytes, check.files, now);
}

std::optional<fs::path> Store::artifact(const std::string& key) {
  sqlite3* handle = state_->database->handle();
  const fs::path folder = artifacts() / key;
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return std::nullopt;
  const RunRow row = run_row(handle, key, state_->lease_us);
  if (row.live && !row.silent) return std::nullopt;
  const Recorded known = recorded(handle, row);
  const ManifestCheck check = check_folder(folder, known);
  if (check.problem.empty() && !known.digest.empty()) {
    const std::int64_t now = system_clock().now_us();
    if (!state_->read_only && (!known.counted || known.used_us < now - kDayUs)) {
      WriteTransaction transaction(*state_->database, state_->writing());
      Statement(handle, "UPDATE artifact SET used_us = ?, bytes = ?, files = ? WHERE stage_run_id = ?")
          .run(now, check.bytes, check.files, row.id);
      transaction.commit();
    }
    return folder;
  }
  if (state_->read_only) return std::nullopt;

  if (!check.problem.empty()) {
    WriteTransaction transaction(*state_->database, state_->writing());
    // Once more under the lock: another process may have set it aside, and made it anew, in between.
    const RunRow now = run_row(handle, key, state_->lease_us);
    if (now.live && !now.silent) return std::nullopt;
    const Recorded known_now = recorded(handle, now);
    const ManifestCheck again = check_folder(folder, known_now);
    if (again.problem.empty()) return known_now.digest.empty() ? std::nullopt : std::optional(folder);
    if (!fs::exists(folder, ignored)) return std::nullopt;
    const fs::path aside = free_name(folder, "broken");
    std::error_code error;
    fs::rename(folder, aside, error);
    if (error) throw Error(fmt::format("cannot set the broken artifact '{}' aside: {}", folder.string(), error.message()));
    const std::string text = fmt::format("{}; set aside as '{}'", again.problem, aside.filename().string());
    if (now.id != 0) state_->note(now.id, now.attempt, "broken", text);
    transaction.commit();
    state_->messages.push_back(fmt::format("artifact '{}' is broken: {}", key.substr(0, 12), text));
    return std::nullopt;
  }

  const std::string name = check.manifest.value("name", "");
  const auto run = state_->claim_row(key, name, check.manifest.value("kind", ""), check.manifest.value("key_text", ""), {});
  if (!run) return std::nullopt;
  if (!write_events(*run, read_events(folder / paths::kEvents)) ||
      !finish(*run, folder, check.manifest.value("summary", Json::object()), check.manifest.value("seconds", 0.0))) {
    return std::nullopt;
  }
  state_->messages.push_back(fmt::format("stage '{}' had finished but was not recorded yet; its artifact is taken over", name));
  return folder;
}

}  // namespace saucier::store
