// A thin layer over SQLite: handles that close themselves, statements with typed bind and read, and the one way to write.
//
// SQLite before 3.51.3 can corrupt a WAL database when two connections write and checkpoint at the same instant ("WAL
// reset bug", sqlite.org/wal.html). Here that cannot happen: every write transaction and every checkpoint holds the lock
// file FILE.lock, automatic checkpoints are off on every connection, and closing does not checkpoint.
//
// How long the WAL gets: a commit that finds over 4 MB in it copies back what no reader still needs, and the next one
// begins the WAL anew if no reader looks at it. Readers that follow one another so closely that one always does are waited
// for: 2 s at 64 MB, then twice as long after each further 16 MB, up to 16 s (those that come meanwhile read the database
// itself and are not in the way). So single queries of up to 16 s leave a WAL of under 150 MB, and a transaction that is
// held longer leaves what is written meanwhile. A WAL that begins anew is cut to 16 MB.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "modules/base/error.h"

namespace saucier::store {

namespace fs = std::filesystem;

// An exclusive lock between processes (flock on FILE.lock). Held by the process that writes, for milliseconds.
class LockFile {
 public:
  explicit LockFile(const fs::path& store_file);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  void lock();      // waits up to a minute, then throws Error
  bool try_lock();
  void unlock();

 private:
  fs::path path_;
  int fd_ = -1;
};

class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds all parameters, in order, and starts anew.
  template <class... Values>
  Statement& bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  bool step();  // true: a row is there
  template <class... Values>
  void run(const Values&... values) {
    bind(values...);
    while (step()) {
    }
    reset();
  }

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;
  int columns() const;
  sqlite3_stmt* handle() const { return statement_; }
  void reset();

 private:
  void bind_one(int index, std::int64_t value);
  void bind_one(int index, int value) { bind_one(index, static_cast<std::int64_t>(value)); }
  void bind_one(int index, bool value) { bind_one(index, static_cast<std::int64_t>(value)); }
  void bind_one(int index, double value);
  void bind_one(int index, std::string_view value);
  void bind_one(int index, const std::string& value) { bind_one(index, std::string_view(value)); }
  void bind_one(int index, const char* value) { bind_one(index, std::string_view(value)); }
  void bind_one(int index, std::nullptr_t);
  template <class T>
  void bind_one(int index, const std::optional<T>& value) {
    if (value) bind_one(index, *value);
    else bind_one(index, nullptr);
  }
  void check(int code) const;

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  enum class Mode { kWrite, kRead };
  Database(const fs::path& file, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3* handle() const { return handle_; }
  const fs::path& file() const { return file_; }
  void execute(const std::string& sql);  // one or more statements without parameters
  std::int64_t pragma(const std::string& name);
  std::int64_t changes() const { return sqlite3_changes64(handle_); }
  bool wal() const { return wal_; }
  // WAL where the file system allows it; TRUNCATE where it does not, and on a network file system, where processes of two
  // machines share no memory. Only under the lock.
  void choose_journal(bool network);
  // Copies a WAL that has become long back into the database. Only under the lock.
  void copy_back();

 private:
  std::string set_journal(const char* mode);

  sqlite3* handle_ = nullptr;
  fs::path file_;
  bool wal_ = false;
  int wal_pages_ = 0;      // in the WAL at the last commit
  int next_patience_ = 0, patience_ms_ = 0;  // pages in the WAL from which on readers are waited for, and how long
};

// Takes the lock, then BEGIN IMMEDIATE; rolls back unless commit() was reached. `durable`: fsynced at commit.
class WriteTransaction {
 public:
  WriteTransaction(Database& database, LockFile& lock, bool durable = false);
  ~WriteTransaction();
  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;
  void commit();  // and copies a long WAL back into the database, still under the lock

 private:
  Database& database_;
  LockFile& lock_;
  bool durable_;
  bool open_ = true;
};

bool on_network_file_system(const fs::path& folder);  // also FUSE, behind which anything may be

// Error with SQLite's message, and a hint for a full disk or a file that is no database.
[[noreturn]] void throw_sqlite(sqlite3* database, const fs::path& file, std::string_view doing);

}  // namespace saucier::store
