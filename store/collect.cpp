// What no trial refers to any more, and its end.
//
// A thing is judged twice: when the list is made, and under the lock before it goes. There it is renamed to NAME.trash-N
// together with its rows; the contents are removed afterwards. So a killed gc leaves a sound store and some trash for the
// next one, and a runner that adds a sweep at the same time either comes first, and its artifacts stay, or finds them
// gone and runs their stages.

#include <signal.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "modules/base/clock.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "store/migrate.h"
#include "store/state.h"

namespace saucier::store {

namespace {

constexpr auto kLeftOver = std::chrono::hours(1);  // how old a temporary file of a process that is gone must be

std::int64_t size_of(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(fs::symlink_status(path, error))) return static_cast<std::int64_t>(fs::file_size(path, error));
  std::int64_t bytes = 0;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (it->is_regular_file(gone) && !it->is_symlink(gone)) bytes += static_cast<std::int64_t>(it->file_size(gone));
  }
  return bytes;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) out.push_back(it->path());
  std::sort(out.begin(), out.end());
  return out;
}

bool marked(const std::string& name, const char* mark) {  // "NAME.MARK-3"
  return std::regex_search(name, std::regex(fmt::format("\\.{}-[0-9]+$", mark)));
}

// "NAME.tmp-PID-3", and nobody is left to finish it. A store may be shared with machines whose processes cannot be seen.
bool left_over(const fs::path& path) {
  std::smatch parts;
  const std::string name = path.filename().string();
  if (!std::regex_search(name, parts, std::regex("\\.tmp-([0-9]{1,9})-[0-9]+$"))) return false;
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  const bool gone_process = ::kill(static_cast<pid_t>(std::stol(parts[1])), 0) != 0 && errno == ESRCH;
  return !error && gone_process && written < fs::file_time_type::clock::now() - kLeftOver;
}

bool refers(sqlite3* handle, const std::string& key, std::int64_t without) {
  Statement statement(handle, "SELECT 1 FROM trial_stage s JOIN trial t ON t.id = s.trial_id WHERE s.key = ? AND t.sweep_id <> ?");
  return statement.bind(key, without).step();
}

// The process that a work folder's worker.json names, as far as it is one of this machine, still lives.
bool has_worker(const fs::path& work) {
  std::error_code ignored;
  if (!fs::exists(work / paths::kWorker, ignored)) return false;
  const Json said = Json::parse(read_file(work / paths::kWorker), nullptr, false);
  if (!said.is_object()) return false;
  const Owner worker{.host = said.value("host", ""), .boot = said.value("boot", ""), .pid = said.value("pid", std::int64_t{0}),
                     .start = said.value("start", std::int64_t{0})};
  return worker.host == this_process().host && worker.start != 0 && !gone(worker);
}

bool is_database(const fs::path& file) {
  std::array<char, 15> head{};
  return std::ifstream(file).read(head.data(), head.size()) && std::string_view(head.data(), head.size()) == "SQLite format 3";
}

// Other stores in the same folder have their artifacts in the same place. Each is looked at read-only, under its lock
// while something goes.
struct Neighbour {
  std::unique_ptr<Database> database;
  std::unique_ptr<LockFile> lock;
};

std::vector<Neighbour> neighbours_of(const fs::path& store) {
  std::vector<Neighbour> out;
  for (const fs::path& file : entries(store.parent_path())) {
    std::error_code ignored;
    if (file == store || file.extension() != ".db" || !fs::is_regular_file(file, ignored)) continue;
    if (!is_database(file)) continue;
    Neighbour one{.database = std::make_unique<Database>(file, Database::Mode::kRead), .lock = nullptr};
    if (one.database->pragma("application_id") != kApplicationId) continue;
    check_ours(*one.database);  // a newer one may refer to artifacts in a way that this program cannot see
    out.push_back(std::move(one));
  }
  return out;
}

class Collector {
 public:
  Collector(const fs::path& store, sqlite3* handle, std::int64_t without, double cache_days)
      : folder_(store.parent_path()), store_(store), handle_(handle), without_(without), cache_age_(cache_days * 86400),
        neighbours_(neighbours_of(store)) {}

  std::vector<Garbage> find() {
    std::vector<Garbage> out = artifacts();
    const auto add = [&](std::vector<Garbage> more) { out.insert(out.end(), more.begin(), more.end()); };
    add(rows());
    add(work());
    add(caches());
    add(left_behind());
    return out;
  }

  // All locks, so that no runner of any store in this folder is between looking and taking.
  void lock(LockFile& ours) {
    for (Neighbour& one : neighbours_) {
      if (!one.lock) one.lock = std::make_unique<LockFile>(one.database->file());
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    // Never one while waiting for another: two gcs of two stores would wait for each other.
    for (;;) {
      std::size_t got = 0;
      if (ours.try_lock()) {
        while (got < neighbours_.size() && neighbours_[got].lock->try_lock()) ++got;
        if (got == neighbours_.size()) return;
        ours.unlock();
      }
      unlock(got);
      if (std::chrono::steady_clock::now() > end) {
        throw Error(fmt::format("another process has held a lock in '{}' for a minute", folder_.string()),
                    fmt::format("see who has it with: fuser '{}'/*.lock", folder_.string()));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  void unlock(std::size_t how_many) {
    for (std::size_t i = 0; i < how_many; ++i) neighbours_[i].lock->unlock();
  }
  void unlock() { unlock(neighbours_.size()); }

  // Under the lock: is it still garbage?
  bool still(const Garbage& one) {
    switch (one.kind) {
      case Garbage::Kind::kArtifact: return free(one.key);
      case Garbage::Kind::kRows: return free_here(one.key);
      case Garbage::Kind::kWork: return work_is_over(one.key);
      case Garbage::Kind::kCache: return unused(paths::cache(store_) / one.key);
      default: return true;  // nobody takes up what was set aside or left over
    }
  }

 private:
  bool free_here(const std::string& key) { return !refers(handle_, key, without_) && !run_row(handle_, key).live; }

  bool free(const std::string& key) {
    return free_here(key) && std::none_of(neighbours_.begin(), neighbours_.end(), [&](const Neighbour& one) {
             sqlite3* other = one.database->handle();
             return refers(other, key, 0) || run_row(other, key).live;
           });
  }

  // A folder of work is kept for a stage that is not done: the next run goes on from it.
  bool work_is_over(const std::string& key) {
    if (has_worker(folder_ / "work" / key)) return false;
    if (free(key)) return true;
    if (run_row(handle_, key).state != "done") return false;
    return std::none_of(neighbours_.begin(), neighbours_.end(),
                        [&](const Neighbour& one) { return run_row(one.database->handle(), key).live; });
  }

  std::vector<Garbage> artifacts() {
    std::vector<Garbage> out;
    Statement recorded(handle_, "SELECT r.name FROM artifact a JOIN stage_run r ON r.id = a.stage_run_id WHERE a.folder = ?");
    for (const fs::path& path : entries(paths::artifacts(store_))) {
      const std::string key = path.filename().string();
      std::string name;
      if (recorded.bind(key).step()) name = recorded.text(0);
      else if (!is_key(key)) continue;  // nothing of ours
      if (!free(key)) continue;
      out.push_back({.kind = Garbage::Kind::kArtifact, .name = relative(path), .key = key,
                     .why = name.empty() ? "no trial refers to it" : fmt::format("no trial refers to stage '{}'", name),
                     .bytes = size_of(path)});
    }
    return out;
  }

  std::vector<Garbage> rows() {
    std::vector<Garbage> out;
    // The newest run keeps its row: its number must not be given to another one while a late writer may still name it.
    Statement runs(handle_, "SELECT key, name FROM stage_run WHERE id < (SELECT max(id) FROM stage_run) ORDER BY id");
    while (runs.step()) {
      const std::string key = runs.text(0);
      if (!free_here(key)) continue;
      out.push_back({.kind = Garbage::Kind::kRows, .name = runs.text(1), .key = key, .why = "no trial refers to this stage run"});
    }
    return out;
  }

  std::vector<Garbage> work() {
    std::vector<Garbage> out;
    for (const fs::path& path : entries(paths::work(store_))) {
      const std::string key = path.filename().string();
      const bool ours = run_row(handle_, key).id != 0 || is_key(key);
      if (!ours || !work_is_over(key)) continue;
      out.push_back({.kind = Garbage::Kind::kWork, .name = relative(path), .key = key,
                     .why = free(key) ? "no trial refers to it" : "its stage is done", .bytes = size_of(path)});
    }
    return out;
  }

  // Whoever begins to use prepared samples writes the time of that. One who has them keeps what it has mapped, and goes on
  // without the rest.
  bool unused(const fs::path& cache) const {
    std::error_code error;
    const auto used = fs::last_write_time(cache / paths::kCacheKey, error);
    return !error && std::chrono::duration<double>(fs::file_time_type::clock::now() - used) >= cache_age_;
  }

  std::vector<Garbage> caches() {
    std::vector<Garbage> out;
    for (const fs::path& path : entries(paths::cache(store_))) {
      const std::string key = path.filename().string();
      if (!is_key(key) || !unused(path)) continue;
      const double days = cache_age_.count() / 86400;
      out.push_back({.kind = Garbage::Kind::kCache, .name = relative(path), .key = key,
                     .why = days == 0 ? "prepared samples; a stage that reads them makes them again"
                                      : fmt::format("no stage has read it for {:g} day{}", days, days == 1 ? "" : "s"),
                     .bytes = size_of(path)});
    }
    return out;
  }

  std::vector<Garbage> left_behind() {
    std::vector<Garbage> out;
    for (const fs::path& folder : {paths::artifacts(store_), paths::work(store_), paths::cache(store_), folder_}) {
      for (const fs::path& path : entries(folder)) {
        const std::string name = path.filename().string();
        const bool in_parts = folder != folder_;
        if (in_parts && marked(name, "broken")) {
          out.push_back({.kind = Garbage::Kind::kBroken, .name = relative(path), .key = {}, .why = "it was set aside", .bytes = size_of(path)});
        } else if ((in_parts && marked(name, "trash")) || left_over(path)) {
          out.push_back({.kind = Garbage::Kind::kTemporary, .name = relative(path), .key = {},
                         .why = "a process was ended before it could remove it", .bytes = size_of(path)});
        }
      }
    }
    return out;
  }

  std::string relative(const fs::path& path) const { return path.lexically_relative(folder_).generic_string(); }

  fs::path folder_, store_;
  sqlite3* handle_;
  std::int64_t without_;
  std::chrono::duration<double> cache_age_;
  std::vector<Neighbour> neighbours_;
};

// Throws Error where a sweep has to stay.
void refuse_to_drop(sqlite3* handle, std::int64_t sweep) {
  Statement find(handle, "SELECT name, pinned FROM sweep WHERE id = ?");
  if (!find.bind(sweep).step()) throw Error(fmt::format("there is no sweep {}", sweep));
  const std::string name = find.text(0);
  if (find.integer(1) != 0) throw Error(fmt::format("sweep '{}' is pinned", name), fmt::format("saucier unpin {}", name));
  Statement pinned(handle, "SELECT name FROM trial WHERE sweep_id = ? AND pinned ORDER BY number");
  if (pinned.bind(sweep).step()) {
    const std::string trial = pinned.text(0);
    throw Error(fmt::format("trial '{}' of sweep '{}' is pinned", trial, name), fmt::format("saucier unpin {}", trial));
  }
  Statement keys(handle, "SELECT DISTINCT s.key FROM trial_stage s JOIN trial t ON t.id = s.trial_id WHERE t.sweep_id = ?");
  keys.bind(sweep);
  while (keys.step()) {
    const RunRow run = run_row(handle, keys.text(0));
    if (run.live && !refers(handle, keys.text(0), sweep)) {
      throw Error(fmt::format("stage '{}' of sweep '{}' is running", run.name, name), "stop its run first (Ctrl-C there)");
    }
  }
}

}  // namespace

std::string to_string(Garbage::Kind kind) {
  switch (kind) {
    case Garbage::Kind::kArtifact: return "artifact";
    case Garbage::Kind::kRows: return "rows";
    case Garbage::Kind::kBroken: return "broken artifact";
    case Garbage::Kind::kWork: return "work folder";
    case Garbage::Kind::kCache: return "prepared samples";
    default: return "temporary";
  }
}

std::vector<Garbage> Store::garbage(std::optional<std::int64_t> without, double cache_days) const {
  if (without) refuse_to_drop(state_->database->handle(), *without);
  return Collector(state_->file, state_->database->handle(), without.value_or(0), cache_days).find();
}

std::vector<Garbage> Store::collect(double cache_days) {
  sqlite3* handle = state_->database->handle();
  Collector collector(state_->file, handle, 0, cache_days);
  std::vector<Garbage> out;
  for (const Garbage& one : collector.find()) {
    const fs::path path = one.kind == Garbage::Kind::kRows ? fs::path() : state_->file.parent_path() / one.name;
    const bool in_the_way = one.kind == Garbage::Kind::kBroken || one.kind == Garbage::Kind::kTemporary;
    fs::path trash = path;
    if (!in_the_way) {
      collector.lock(state_->writing());
      struct Unlock {
        Collector& collector;
        ~Unlock() { collector.unlock(); }
      } unlock{collector};
      WriteTransaction transaction(*state_->database, state_->writing());
      if (!collector.still(one)) continue;
      if (one.kind == Garbage::Kind::kArtifact) Statement(handle, "DELETE FROM artifact WHERE folder = ?").run(one.key);
      if (one.kind == Garbage::Kind::kRows) Statement(handle, "DELETE FROM stage_run WHERE key = ?").run(one.key);
      if (!path.empty()) {
        trash = free_name(path, "trash");
        std::error_code error;
        fs::rename(path, trash, error);
        if (error == std::errc::no_such_file_or_directory) continue;  // another gc was faster
        if (error) throw Error(fmt::format("cannot move '{}': {}", path.string(), error.message()));
      }
      transaction.commit();
    }
    std::error_code error;
    if (!trash.empty()) fs::remove_all(trash, error);
    if (error) throw Error(fmt::format("cannot remove '{}': {}", trash.string(), error.message()));
    out.push_back(one);
  }
  return out;
}

void Store::drop_sweep(std::int64_t sweep) {
  WriteTransaction transaction(*state_->database, state_->writing(), true);
  refuse_to_drop(state_->database->handle(), sweep);
  Statement(state_->database->handle(), "DELETE FROM sweep WHERE id = ?").run(sweep);
  transaction.commit();
}

namespace {

void pin(Database& database, LockFile& lock, const char* table, std::int64_t id, bool pinned) {
  WriteTransaction transaction(database, lock, true);
  Statement(database.handle(), fmt::format("UPDATE {} SET pinned = ? WHERE id = ?", table)).run(pinned, id);
  transaction.commit();
}

}  // namespace

void Store::pin_sweep(std::int64_t sweep, bool pinned) { pin(*state_->database, state_->writing(), "sweep", sweep, pinned); }
void Store::pin_trial(std::int64_t trial, bool pinned) { pin(*state_->database, state_->writing(), "trial", trial, pinned); }

std::vector<Usage> Store::usage() const {
  sqlite3* handle = state_->database->handle();
  std::map<std::string, std::int64_t> bytes;
  Statement sizes(handle, "SELECT folder, bytes FROM artifact");
  while (sizes.step()) {
    const std::string key = sizes.text(0);
    std::error_code ignored;
    if (!fs::exists(artifacts() / key, ignored)) continue;
    bytes[key] = sizes.is_null(1) ? size_of(artifacts() / key) : sizes.integer(1);
  }
  std::map<std::string, int> sweeps_of;
  std::set<std::string> free;
  Statement count(handle, "SELECT s.key, count(DISTINCT t.sweep_id) FROM trial_stage s JOIN trial t ON t.id = s.trial_id GROUP BY s.key");
  while (count.step()) sweeps_of[count.text(0)] = static_cast<int>(count.integer(1));

  std::vector<Usage> out;
  Statement sweeps(handle, "SELECT id, name, pinned OR EXISTS(SELECT 1 FROM trial t WHERE t.sweep_id = sweep.id AND t.pinned) "
                           "FROM sweep ORDER BY id DESC");
  Statement keys(handle, "SELECT DISTINCT s.key FROM trial_stage s JOIN trial t ON t.id = s.trial_id WHERE t.sweep_id = ?");
  const auto add = [&](Usage& usage, const std::string& key) {
    const auto it = bytes.find(key);
    if (it == bytes.end()) return;
    ++usage.artifacts;
    usage.bytes += it->second;
    if (sweeps_of[key] <= 1) usage.alone += it->second;
  };
  while (sweeps.step()) {
    Usage& usage = out.emplace_back();
    usage.sweep_id = sweeps.integer(0);
    usage.sweep = sweeps.text(1);
    usage.pinned = sweeps.integer(2) != 0;
    keys.bind(usage.sweep_id);
    while (keys.step()) add(usage, keys.text(0));
  }
  Usage none;
  for (const auto& [key, unused] : bytes) {
    if (!sweeps_of.contains(key)) add(none, key);
  }
  if (none.artifacts > 0) out.push_back(none);
  return out;
}

}  // namespace saucier::store
