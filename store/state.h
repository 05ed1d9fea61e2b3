// What a Store holds, shared by the .cpp files of this folder.
#pragma once

#include <memory>

#include "store/database.h"
#include "store/manifest.h"
#include "store/owner.h"
#include "store/store.h"

namespace saucier::store {

inline constexpr std::int64_t kLeaseUs = StoreOptions().lease_us;

struct Ending {  // of an attempt
  std::string state;
  std::string message = {}, log_tail = {};
  std::string folder = {};  // its artifact
  std::optional<ManifestCheck> manifest = {};
  Json summary = Json::object();
  std::optional<double> seconds = {};
  std::string exit_status = {};
  Environment environment = {};
};

struct Store::State {
  fs::path file;
  bool read_only = false;
  std::int64_t lease_us = kLeaseUs;
  Owner self;
  std::unique_ptr<LockFile> lock;         // none when read only
  std::unique_ptr<Database> database;
  mutable std::unique_ptr<Database> reader;  // of query(), made when first asked
  std::vector<std::string> messages;

  LockFile& writing() {  // throws Error on a store that was opened to read
    if (!lock) throw Error(fmt::format("the store '{}' was opened to read only", file.string()));
    return *lock;
  }
  // The claim itself; refused also when the file `unless_there` exists (empty: not looked at).
  std::optional<StageRunId> claim_row(const std::string& key, const std::string& name, const std::string& kind,
                                      const std::string& key_text, const fs::path& unless_there);
  // The row of a finished run's folder, inside a transaction that is open.
  void record_artifact(std::int64_t run, const std::string& folder, const ManifestCheck& check);
  // Ends a running attempt, durably; false when it is fenced.
  bool end(const StageRunId& run, const Ending& ending);
  void put_environment(std::int64_t run, const Environment& values);  // inside a transaction that is open
  // A row of the event table by the runner, inside a transaction that is open.
  void note(std::int64_t run, std::int64_t attempt, const std::string& kind, const std::string& text);
};

// What stands about a key: who has it, and the artifact that was recorded.
struct RunRow {
  std::int64_t id = 0;  // 0: no row
  std::int64_t attempt = 0;
  std::string name, state;
  bool live = false;    // running, and its owner may still finish it
  bool silent = false;  // live for all that is known, but not heard of for longer than a lease
};
RunRow run_row(sqlite3* handle, const std::string& key, std::int64_t lease_us = kLeaseUs);

bool is_key(const std::string& name);  // looks like a stage key
fs::path free_name(const fs::path& path, std::string_view mark);  // PATH.MARK-N that is not there

std::string clean_utf8(const std::string& text);  // invalid bytes become U+FFFD, so that every row prints as JSON

}  // namespace saucier::store
