// The results database and the artifacts: one SQLite file, one folder beside it. Only runner processes write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "modules/base/json.h"
#include "store/upkeep.h"

namespace saucier::store {

namespace fs = std::filesystem;

struct TrialStage {
  std::string stage;  // name: "write-2"
  std::string key;
  std::string cycle = {};  // name of the cycle that it is a part of, or ""
  std::int64_t round = 0;  // from 1
  std::string part = {};   // its name in the recipe: "write"
};

struct TrialRow {
  std::string name;
  Json parameters;
  std::string resolved;                      // canonical text of the resolved recipe
  std::vector<TrialStage> stages;            // in order
};

struct StageRunId {
  std::int64_t id = 0;
  std::int64_t attempt = 0;  // every write says it: a lost attempt's late write changes nothing
};

using Environment = std::map<std::string, std::string>;  // where a stage ran, by name
Environment environment_of(const Json& event);  // an environment event's values

struct ScoreRow {
  std::string benchmark, condition, metric;  // condition: seen | blind | chance | majority
  double value = 0;
  double stderr_value = 0;
  std::int64_t n = 0;
  bool main = false;
  Json setting;
};

// What was decided when a round of a cycle had run.
struct RoundVerdict {
  std::int64_t sweep = 0, number = 0;  // the trial: its place in the sweep, from 1
  std::string cycle;
  std::int64_t round = 0;
  bool goes_on = true;
  std::string reason;
  std::optional<double> difference, p_value;  // of the paired test with the round before
};

// Rows of a query, as text and typed JSON.
struct Result {
  std::vector<std::string> columns;
  std::vector<std::vector<Json>> rows;
  bool cut = false;  // there were more rows than asked for
};

struct QueryLimits {
  double seconds = 60;
  std::int64_t rows = 0;  // 0: all
};

struct StoreOptions {  // what tests set
  std::int64_t lease_us = 60'000'000;  // a heartbeat older than this loses the claim
  std::optional<bool> on_network;      // is the file on a network file system; unset: the kernel is asked
};

class Store {
 public:
  // Makes the file and its folder when missing, migrates, WAL, busy timeout, foreign keys. Throws Error (newer database:
  // both versions; no space; not a database).
  static std::unique_ptr<Store> open(const fs::path& file, const StoreOptions& options = {});
  static std::unique_ptr<Store> open_read_only(const fs::path& file);  // Error with a hint when there is none
  ~Store();

  const fs::path& file() const;
  fs::path artifacts() const;
  fs::path work() const;

  // The sweep and all its trials, in one transaction, before anything runs. The same recipe (equal resolved trials)
  // gives the same sweep again, which keeps the `recipe_text` (the file as it was) that it was first submitted with.
  std::int64_t add_sweep(const std::string& name, const std::string& recipe_file, const std::string& metric,
                         const std::string& direction, const std::vector<TrialRow>& trials,
                         const std::string& recipe_text = {});

  void add_verdict(const RoundVerdict& verdict);  // in the place of an earlier one of that round

  // Claims the stage run of `key` for this process: nothing when another live process has it. A dead owner's claim
  // (heartbeat over, or its process gone) is taken over with the next attempt.
  std::optional<StageRunId> claim(const std::string& key, const std::string& name, const std::string& kind,
                                  const std::string& key_text);
  double lease_seconds() const;  // a claim without a heartbeat for that long may be taken over
  bool heartbeat(const StageRunId& run);  // false when fenced: another process has taken the run over; so below
  bool add_environment(const StageRunId& run, const Environment& values);
  // The metric events of a batch while the stage runs; said twice they are the same rows. Other events are left out.
  bool add_metrics(const StageRunId& run, const std::vector<Json>& events);
  // All events of a run, once it is over: replaces what stands there, live metrics and an earlier attempt's rows included.
  bool write_events(const StageRunId& run, const std::vector<Json>& events);
  bool finish(const StageRunId& run, const fs::path& artifact, const Json& summary, double seconds);
  bool fail(const StageRunId& run, const std::string& message, const std::string& log_tail,
            const std::string& exit_status = {});
  bool release(const StageRunId& run, const std::string& reason, const std::string& exit_status = {});  // to be run again

  // A finished artifact that is there and whole: the size of each file and the digest of the manifest agree. A row
  // without folder is a miss. A whole folder without a finished row (its runner was killed in between) is adopted: its
  // events are replayed and the row is finished. A broken folder is renamed to KEY.broken-N.
  std::optional<fs::path> artifact(const std::string& key);
  std::optional<std::string> state_of(const std::string& key);  // running | done | failed | released; none: never claimed
  std::vector<std::string> take_messages();  // what people should know of the calls since: adopted, set aside, taken over
  // Nearest earlier key texts of the same kind and name, newest first: for reasons.
  std::vector<std::string> key_texts(const std::string& name, const std::string& kind, int limit);
  std::optional<std::string> first_trial_of(const std::string& key);

  // Keeping it sound and small, and moving it: see upkeep.h.
  std::vector<Finding> verify(bool contents, std::optional<std::int64_t> sweep = {}) const;
  // What no trial refers to, and prepared samples unused for `cache_days`, in an order for people. `without`: as if this
  // sweep were gone. collect() removes just that,
  // looking at each thing again under the lock, and returns what it removed.
  std::vector<Garbage> garbage(std::optional<std::int64_t> without = {}, double cache_days = kCacheDays) const;
  std::vector<Garbage> collect(double cache_days = kCacheDays);
  void drop_sweep(std::int64_t sweep);  // its rows, so that what it alone refers to is garbage. Error: pinned, or running
  void pin_sweep(std::int64_t sweep, bool pinned);
  void pin_trial(std::int64_t trial, bool pinned);
  std::vector<Usage> usage() const;
  MergeReport merge(const fs::path& other, const MergeOptions& options = {});

  // One read-only statement (by authorizer, on a connection that cannot write). Throws Error with SQLite's message, the
  // place in the statement and the nearest names. A name in double quotes is never taken for a text.
  Result query(const std::string& sql, const std::vector<Json>& parameters = {}, const QueryLimits& limits = {}) const;

  struct State;  // state.h, for the .cpp files of this folder

 private:
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One sweep of the store `from` as a store of its own, whole in the one file `to` and, if asked for, artifacts beside it.
void export_store(const fs::path& from, std::int64_t sweep, const fs::path& to, bool artifacts);

}  // namespace saucier::store
