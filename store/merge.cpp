// One store into another: sweeps first, then the stage runs that they refer to, each in one transaction with its artifact.
// What is here already is left alone, so that a merge that was cut off is done again and a second one changes nothing.

#include "modules/base/digest.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "store/other_store.h"
#include "store/row_copy.h"
#include "store/state.h"

namespace saucier::store {

namespace {

// Number, stage and key of each stage of a sweep's trials.
std::vector<std::string> keys_of(sqlite3* handle, std::int64_t sweep) {
  Statement statement(handle, "SELECT t.number || ' ' || s.position || ' ' || s.stage || ' ' || s.key FROM trial_stage s "
                              "JOIN trial t ON t.id = s.trial_id WHERE t.sweep_id = ? ORDER BY t.number, s.position");
  statement.bind(sweep);
  std::vector<std::string> out;
  while (statement.step()) out.push_back(statement.text(0));
  return out;
}

std::optional<std::pair<std::int64_t, std::string>> find_sweep(sqlite3* handle, const std::string& digest) {  // id, origin
  Statement statement(handle, "SELECT id, origin FROM sweep WHERE digest = ?");
  if (!statement.bind(digest).step()) return std::nullopt;
  return std::pair(statement.integer(0), statement.text(1));
}

class Merger {
 public:
  Merger(Store& store, Store::State& state, OtherStore& other, const fs::path& artifacts, const MergeOptions& options)
      : store_(store), state_(state), ours_(state.database->handle()), theirs_(other.handle()), their_artifacts_(artifacts),
        options_(options), copy_(theirs_, ours_), our_id_(store_id(ours_)), their_id_(store_id(theirs_)) {}

  MergeReport run() {
    Statement sweeps(theirs_, "SELECT id, digest, name, origin FROM sweep WHERE ?1 IS NULL OR id = ?1 ORDER BY id");
    sweeps.bind(options_.sweep);
    while (sweeps.step()) {
      with_context(fmt::format("in sweep '{}'", sweeps.text(2)),
                   [&] { merge_sweep(sweeps.integer(0), sweeps.text(1), sweeps.text(3)); });
    }
    Statement runs(theirs_, "SELECT id, key, name, state, attempt FROM stage_run r WHERE EXISTS (SELECT 1 FROM trial_stage s "
                            "JOIN trial t ON t.id = s.trial_id WHERE s.key = r.key AND (?1 IS NULL OR t.sweep_id = ?1)) ORDER BY id");
    runs.bind(options_.sweep);
    while (runs.step()) {
      const Theirs run{.id = runs.integer(0), .key = runs.text(1), .name = runs.text(2), .state = runs.text(3), .attempt = runs.integer(4)};
      with_context(fmt::format("in stage '{}'", run.name), [&] { merge_run(run); });
    }
    for (std::string& text : store_.take_messages()) report_.messages.push_back(std::move(text));
    return std::move(report_);
  }

 private:
  struct Theirs {
    std::int64_t id;
    std::string key, name, state;
    std::int64_t attempt;
  };

  void merge_sweep(std::int64_t id, const std::string& digest, const std::string& their_origin) {
    std::string origin = their_origin.empty() ? their_id_ : their_origin;
    if (origin == our_id_) origin.clear();  // it comes home
    const std::vector<std::string> keys = keys_of(theirs_, id);
    WriteTransaction transaction(*state_.database, state_.writing(), true);
    // The same recipe has other keys where data files or the program differ: then it is a sweep of its own.
    const std::string own = sha256(fmt::format("merged 1\n{}\n{}", origin, digest));
    for (const std::string& name : {digest, own}) {
      const auto known = find_sweep(ours_, name);
      if (!known) {
        copy_.below("sweep", id, copy_.insert("sweep", id, {{"digest", name}, {"origin", origin}}));
        ++report_.sweeps;
        break;
      }
      if (keys_of(ours_, known->first) == keys) {
        ++report_.known_sweeps;
        return;
      }
      if (!known->second.empty() && known->second == origin) {  // there its keys have changed since
        copy_.below("sweep", id, known->first);
        ++report_.known_sweeps;
        break;
      }
    }
    transaction.commit();
  }

  // A folder and a row of this store that both say it is done.
  bool whole(const std::string& key) {
    Statement recorded(ours_, "SELECT 1 FROM artifact WHERE folder = ?");
    std::error_code ignored;
    return recorded.bind(key).step() && fs::exists(store_.artifacts() / key, ignored);
  }

  void merge_run(const Theirs& run) {
    if (fs::path(run.key).filename() != run.key || run.key.starts_with('.')) return leave_out(run, "its key is no name of a folder");
    // A folder that is not recorded yet is taken over first, a broken one set aside; but not what a killed merge left.
    if (!came_before(run)) store_.artifact(run.key);
    const RunRow here = run_row(ours_, run.key);
    if (here.live && run.state == "done") return leave_out(run, "it runs here just now");
    if (here.id != 0 && (run.state != "done" || here.live)) {
      ++report_.known_runs;
      return;
    }
    const std::optional<Copied> copied = run.state == "done" && !(here.state == "done" && whole(run.key)) ? copy_artifact(run) : std::nullopt;
    if (here.state == "done" && !copied) {
      ++report_.known_runs;
      return;
    }
    WriteTransaction transaction(*state_.database, state_.writing(), true);
    const RunRow now = run_row(ours_, run.key);
    if (now.attempt != here.attempt || now.state != here.state) return leave_out(run, "it was run here meanwhile");
    write_rows(run, now);
    if (copied) {
      if (!copied->folder.empty()) commit_folder(copied->folder, store_.artifacts() / run.key);
      state_.record_artifact(run_row(ours_, run.key).id, run.key, copied->check);
      ++report_.artifacts;
      report_.bytes += copied->check.bytes;
    }
    transaction.commit();
    ++report_.runs;
  }

  void write_rows(const Theirs& run, const RunRow& now) {
    RowCopy::Texts instead;
    if (run.state == "running" || run.state == "lost") {  // nobody here can go on with it
      instead = {{"state", "released"}, {"message", "it ran on another machine when it was merged"}};
    }
    std::int64_t id = now.id;
    if (now.id == 0) {
      id = copy_.insert("stage_run", run.id, instead);
      copy_.below("stage_run", run.id, id, {"artifact"});
      Statement(ours_, "UPDATE attempt SET state = 'released' WHERE stage_run_id = ? AND state = 'running'").run(id);
    } else {
      // It becomes the next attempt here: those before it stay, and a late write of one changes nothing.
      const std::string number = std::to_string(now.attempt + 1);
      Statement(ours_, "UPDATE attempt SET state = 'lost' WHERE stage_run_id = ? AND state = 'running'").run(id);
      Statement(ours_, "UPDATE stage_run SET state = 'running', attempt = attempt + 1 WHERE id = ?").run(id);
      Statement(ours_, "DELETE FROM event WHERE stage_run_id = ? AND source = 'worker'").run(id);
      copy_.overwrite("stage_run", run.id, id, {{"attempt", number}});
      copy_.below("stage_run", run.id, id, {"artifact", "attempt", "event"});
      copy_.rows("attempt", fmt::format("stage_run_id = ?1 AND number = {}", run.attempt), run.id, {{"number", number}});
      copy_.rows("event", fmt::format("stage_run_id = ?1 AND attempt = {}", run.attempt), run.id, {{"attempt", number}});
    }
    state_.note(id, run_row(ours_, run.key).attempt, "merged", "from store " + their_id_);
  }

  // A copy beside the artifacts, compared with its manifest; removed again unless it is committed.
  struct Copied {
    explicit Copied(fs::path path = {}) : folder(std::move(path)) {}
    ~Copied() {
      std::error_code ignored;
      if (!folder.empty()) fs::remove_all(folder, ignored);
    }
    Copied(Copied&& other) noexcept : folder(std::exchange(other.folder, {})), check(std::move(other.check)) {}
    fs::path folder;  // empty: it is in its place already
    ManifestCheck check;
  };

  // Their very artifact lies here without a row: a merge was killed between the two.
  std::optional<ManifestCheck> came_before(const Theirs& run) {
    const fs::path folder = store_.artifacts() / run.key;
    std::error_code ignored;
    Statement recorded(theirs_, "SELECT manifest_digest FROM artifact WHERE stage_run_id = ?");
    if (whole(run.key) || !fs::exists(folder, ignored) || run.state != "done" || !recorded.bind(run.id).step()) return std::nullopt;
    ManifestCheck check = check_manifest(folder, true);
    return check.problem.empty() && check.digest == recorded.text(0) ? std::optional(std::move(check)) : std::nullopt;
  }

  std::optional<Copied> copy_artifact(const Theirs& run) {
    if (auto check = came_before(run)) {
      Copied here;
      here.check = std::move(*check);
      return here;
    }
    if (!options_.artifacts) return std::nullopt;
    Statement recorded(theirs_, "SELECT folder, manifest_digest FROM artifact WHERE stage_run_id = ?");
    if (!recorded.bind(run.id).step()) return std::nullopt;
    const fs::path from = their_artifacts_ / run.key;
    std::error_code ignored;
    if (recorded.text(0) != run.key || !fs::is_directory(from, ignored)) {
      report_.messages.push_back(fmt::format("stage '{}': its artifact '{}' is not there; its rows are taken over", run.name, from.string()));
      return std::nullopt;
    }
    make_folders(store_.artifacts());
    Copied copied(store_.artifacts() / fmt::format("{}.tmp-{}-0", run.key, state_.self.pid));
    fs::remove_all(copied.folder);
    copy_tree(from, copied.folder, options_.link);
    copied.check = check_manifest(copied.folder, true);
    if (copied.check.problem.empty() && copied.check.digest != recorded.text(1)) copied.check.problem = "its manifest is not the one that was recorded";
    if (!copied.check.problem.empty()) {
      report_.messages.push_back(fmt::format("stage '{}': its artifact '{}' is broken ({}); its rows are taken over", run.name,
                                             from.string(), copied.check.problem));
      return std::nullopt;
    }
    fsync_tree(copied.folder);  // not under the lock, where others wait
    return copied;
  }

  void leave_out(const Theirs& run, const char* why) {
    report_.messages.push_back(fmt::format("stage '{}' was left out: {}", run.name, why));
  }

  Store& store_;
  Store::State& state_;
  sqlite3 *ours_, *theirs_;
  fs::path their_artifacts_;
  MergeOptions options_;
  RowCopy copy_;
  std::string our_id_, their_id_;
  MergeReport report_;
};

}  // namespace

MergeReport Store::merge(const fs::path& other, const MergeOptions& options) {
  std::error_code ignored;
  if (!fs::exists(other, ignored)) throw Error(fmt::format("there is no store at '{}'", other.string()));
  if (fs::equivalent(other, state_->file, ignored)) throw Error("a store cannot be merged into itself");
  OtherStore theirs(other, state_->file.parent_path());
  return Merger(*this, *state_, theirs, paths::artifacts(fs::absolute(other)), options).run();
}

void export_store(const fs::path& from, std::int64_t sweep, const fs::path& to, bool artifacts) {
  {
    const auto store = Store::open(to);
    store->merge(from, {.artifacts = artifacts, .link = false, .sweep = sweep});  // not by link: people may edit what they get
  }
  Database database(to, Database::Mode::kWrite);
  Database source(from, Database::Mode::kRead);
  // It is a part of that store, not one of its own: what comes from either is known by the same name.
  Statement(database.handle(), "UPDATE setting SET value = ? WHERE name = 'store'").run(store_id(source.handle()));
  Statement(database.handle(), "UPDATE sweep SET origin = '' WHERE origin = ?").run(store_id(source.handle()));
  database.execute("VACUUM; PRAGMA journal_mode=DELETE");
  fs::remove(to.string() + ".lock");
}

}  // namespace saucier::store
