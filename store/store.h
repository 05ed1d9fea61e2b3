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

namespace saucier::store {

namespace fs = std::filesystem;

struct TrialRow {
  std::string name;
  Json parameters;
  std::string resolved;                      // canonical text of the resolved recipe
  std::vector<std::pair<std::string, std::string>> stages;  // stage name, stage key, in order
};

struct StageRunId {
  std::int64_t id = 0;
  std::int64_t attempt = 0;  // every write says it: a lost attempt's late write changes nothing
};

struct ScoreRow {
  std::string benchmark, condition, metric;  // condition: seen | blind | chance | majority
  double value = 0;
  double stderr_value = 0;
  std::int64_t n = 0;
  bool main = false;
  Json setting;
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

class Store {
 public:
  // Makes the file and its folder when missing, migrates, WAL, busy timeout, foreign keys. Throws Error (newer database:
  // both versions; no space; not a database).
  static std::unique_ptr<Store> open(const fs::path& file);
  static std::unique_ptr<Store> open_read_only(const fs::path& file);  // Error with a hint when there is none
  ~Store();

  const fs::path& file() const;
  fs::path artifacts() const;
  fs::path work() const;

  // The sweep and all its trials, in one transaction, before anything runs. The same recipe (equal resolved trials)
  // gives the same sweep again.
  std::int64_t add_sweep(const std::string& name, const std::string& recipe_file, const std::string& metric,
                         const std::string& direction, const std::vector<TrialRow>& trials);

  // Claims the stage run of `key` for this process: nothing when another live process has it. A dead owner's claim
  // (heartbeat over, or its process gone) is taken over with the next attempt.
  std::optional<StageRunId> claim(const std::string& key, const std::string& name, const std::string& kind,
                                  const std::string& key_text);
  bool heartbeat(const StageRunId& run);  // false when fenced: another process has taken the run over
  // All events of a run, once: replaces what an earlier attempt of the same key left. Batched; false when fenced.
  bool write_events(const StageRunId& run, const std::vector<Json>& events);
  bool finish(const StageRunId& run, const fs::path& artifact, const Json& summary, double seconds);
  bool fail(const StageRunId& run, const std::string& message, const std::string& log_tail);
  bool release(const StageRunId& run, const std::string& reason);  // put back, to be run again

  // A finished artifact that is there and whole: the size of each file and the digest of the manifest agree. A row
  // without folder is a miss. A whole folder without a finished row (its runner was killed in between) is adopted: its
  // events are replayed and the row is finished. A broken folder is renamed to KEY.broken-N.
  std::optional<fs::path> artifact(const std::string& key);
  std::optional<std::string> state_of(const std::string& key);  // running | done | failed | released; none: never claimed
  std::vector<std::string> take_messages();  // what people should know of the calls since: adopted, set aside, taken over
  // Nearest earlier key texts of the same kind and name, newest first: for reasons.
  std::vector<std::string> key_texts(const std::string& name, const std::string& kind, int limit);
  std::optional<std::string> first_trial_of(const std::string& key);

  // One read-only statement (by authorizer, on a connection that cannot write). Throws Error with SQLite's message, the
  // place in the statement and the nearest names. A name in double quotes is never taken for a text.
  Result query(const std::string& sql, const std::vector<Json>& parameters = {}, const QueryLimits& limits = {}) const;

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace saucier::store
