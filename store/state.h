// What a Store holds, shared by the .cpp files of this folder.
#pragma once

#include <memory>

#include "store/database.h"
#include "store/owner.h"
#include "store/store.h"

namespace saucier::store {

inline constexpr std::int64_t kLeaseUs = StoreOptions().lease_us;

struct Ending {  // of an attempt
  std::string state;
  std::string message = {}, log_tail = {};
  std::string artifact = {}, manifest_digest = {};
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
  // Ends a running attempt, durably; false when it is fenced.
  bool end(const StageRunId& run, const Ending& ending);
  void put_environment(std::int64_t run, const Environment& values);  // inside a transaction that is open
  // A row of the event table by the runner, inside a transaction that is open.
  void note(std::int64_t run, std::int64_t attempt, const std::string& kind, const std::string& text);
};

std::string clean_utf8(const std::string& text);  // invalid bytes become U+FFFD, so that every row prints as JSON

}  // namespace saucier::store
