// Artifact folders against their rows: whole, adopted, or set aside.

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "store/manifest.h"
#include "store/state.h"

namespace saucier::store {

namespace {

struct Row {
  std::int64_t id = 0;
  std::int64_t attempt = 0;
  std::string state;
  std::string digest;
  bool live = false;  // running, and its owner may still finish it
};

Row row_of(sqlite3* handle, const std::string& key) {
  Statement statement(handle, "SELECT id, attempt, state, manifest_digest, owner_host, owner_boot, owner_pid, owner_start, "
                              "heartbeat_us FROM stage_run WHERE key = ?");
  Row row;
  if (!statement.bind(key).step()) return row;
  row.id = statement.integer(0);
  row.attempt = statement.integer(1);
  row.state = statement.text(2);
  row.digest = statement.text(3);
  const Owner owner{.host = statement.text(4), .boot = statement.text(5), .pid = statement.integer(6),
                    .start = statement.integer(7)};
  row.live = row.state == "running" && statement.integer(8) >= system_clock().now_us() - kLeaseUs && !gone(owner);
  return row;
}

ManifestCheck check_folder(const fs::path& folder, const Row& row) {
  // Without a finished row nothing vouches for the contents but their own hashes, so those are compared as well.
  ManifestCheck check = check_manifest(folder, row.state != "done");
  if (check.problem.empty() && row.state == "done" && check.digest != row.digest) {
    check.problem = "its manifest is not the one that was recorded";
  }
  return check;
}

fs::path free_name(const fs::path& folder) {
  for (int n = 1;; ++n) {
    fs::path name = folder.string() + fmt::format(".broken-{}", n);
    std::error_code ignored;
    if (!fs::exists(name, ignored)) return name;
  }
}

}  // namespace

std::optional<fs::path> Store::artifact(const std::string& key) {
  sqlite3* handle = state_->database->handle();
  const fs::path folder = artifacts() / key;
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return std::nullopt;
  const Row row = row_of(handle, key);
  if (row.live) return std::nullopt;
  const ManifestCheck check = check_folder(folder, row);
  if (check.problem.empty() && row.state == "done") return folder;
  if (state_->read_only) return std::nullopt;

  if (!check.problem.empty()) {
    WriteTransaction transaction(*state_->database, state_->writing());
    // Once more under the lock: another process may have set it aside, and made it anew, in between.
    const Row now = row_of(handle, key);
    if (now.live) return std::nullopt;
    const ManifestCheck again = check_folder(folder, now);
    if (again.problem.empty()) return now.state == "done" ? std::optional(folder) : std::nullopt;
    if (!fs::exists(folder, ignored)) return std::nullopt;
    const fs::path aside = free_name(folder);
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
