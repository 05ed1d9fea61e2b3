// Is all that the rows promise there, and is it what was written?

#include "modules/base/paths.h"
#include "store/state.h"

namespace saucier::store {

namespace {

class Verifier {
 public:
  Verifier(const fs::path& artifacts, sqlite3* handle, bool contents) : artifacts_(artifacts), handle_(handle), contents_(contents) {}

  std::vector<Finding> run(std::optional<std::int64_t> sweep) {
    if (!sweep) database();
    recorded(sweep);
    if (!sweep) unrecorded();
    return std::move(findings_);
  }

 private:
  void database() {
    Statement integrity(handle_, contents_ ? "PRAGMA integrity_check" : "PRAGMA quick_check");
    while (integrity.step()) {
      if (integrity.text(0) == "ok") continue;
      wrong("database", integrity.text(0), "copy the file away and save what can be read: sqlite3 FILE .recover");
    }
    Statement keys(handle_, "PRAGMA foreign_key_check");
    while (keys.step()) {
      wrong("database", fmt::format("row {} of table '{}' refers to a row of '{}' that is not there", keys.text(1), keys.text(0), keys.text(2)),
            "copy the file away; the row belongs to nothing and may be deleted");
    }
  }

  void recorded(std::optional<std::int64_t> sweep) {
    Statement rows(handle_, "SELECT a.folder, a.manifest_digest, r.name FROM artifact a JOIN stage_run r ON r.id = a.stage_run_id "
                            "WHERE ?1 IS NULL OR r.key IN (SELECT s.key FROM trial_stage s JOIN trial t ON t.id = s.trial_id "
                            "WHERE t.sweep_id = ?1) ORDER BY a.stage_run_id");
    rows.bind(sweep);
    while (rows.step()) {
      const std::string key = rows.text(0);
      const std::string what = fmt::format("artifact '{}' of stage '{}'", key.substr(0, 12), rows.text(2));
      std::error_code ignored;
      if (!fs::exists(artifacts_ / key, ignored)) {
        wrong(what, "its folder is gone", "run its recipe again: the stage runs anew");
        continue;
      }
      ManifestCheck check = check_manifest(artifacts_ / key, contents_);
      if (check.problem.empty() && check.digest != rows.text(1)) check.problem = "its manifest is not the one that was recorded";
      if (!check.problem.empty()) wrong(what, check.problem, "run its recipe again: it is set aside and the stage runs anew");
    }
  }

  void unrecorded() {
    Statement recorded(handle_, "SELECT 1 FROM artifact WHERE folder = ?");
    Statement used(handle_, "SELECT 1 FROM trial_stage WHERE key = ?");
    std::error_code error;
    for (fs::directory_iterator it(artifacts_, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (recorded.bind(name).step()) continue;
      const std::string what = fmt::format("folder '{}'", name.size() == 64 ? name.substr(0, 12) : name);
      if (name.find(".broken-") != std::string::npos) {
        note(what, "a broken artifact that was set aside", "saucier gc");
        continue;
      }
      const ManifestCheck check = check_manifest(it->path(), contents_);
      if (!is_key(name) && (!check.manifest.is_object() || check.manifest.value("key", "") != name)) {
        note(what, "it is no artifact of this store", "look at it, and remove it if it is not needed");
      } else if (run_row(handle_, name).live) {
        continue;  // its runner is about to record it
      } else if (!used.bind(name).step()) {
        note(what, "no trial of this store refers to it", "saucier gc");
      } else if (!check.problem.empty()) {
        wrong(what, check.problem, "run its recipe again: it is set aside and the stage runs anew");
      } else {
        note(what, "it is whole, but was not recorded yet", "run its recipe again: it is taken over");
      }
    }
  }

  void wrong(std::string what, std::string problem, std::string advice) {
    findings_.push_back({.wrong = true, .what = std::move(what), .problem = std::move(problem), .advice = std::move(advice)});
  }
  void note(std::string what, std::string problem, std::string advice) {
    wrong(std::move(what), std::move(problem), std::move(advice));
    findings_.back().wrong = false;
  }

  fs::path artifacts_;
  sqlite3* handle_;
  bool contents_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> Store::verify(bool contents, std::optional<std::int64_t> sweep) const {
  return Verifier(artifacts(), state_->database->handle(), contents).run(sweep);
}

}  // namespace saucier::store
