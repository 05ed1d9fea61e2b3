#include "store/database.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace saucier::store {

namespace {

constexpr auto kLockPatience = std::chrono::seconds(60);
constexpr int kBusyTimeoutMs = 30'000;
// Pages (of 4 KB) in the WAL:
constexpr int kCopyBack = 1'000;     // that are copied back after a commit
constexpr int kPatience = 16'000;    // at which readers are waited for, and
constexpr int kPatienceAgain = 4'000;  // how many more until they are again, for twice as long
constexpr int kFirstPatienceMs = 2'000, kLastPatienceMs = 16'000;  // twice that is well within a lease
constexpr std::int64_t kWalKept = 16 << 20;  // bytes of a WAL that begins anew

int remember_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

void throw_sqlite(sqlite3* database, const fs::path& file, std::string_view doing) {
  const int code = database != nullptr ? sqlite3_extended_errcode(database) : SQLITE_NOMEM;
  std::string message = database != nullptr ? sqlite3_errmsg(database) : "out of memory";
  std::string hint;
  switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (const int reason = sqlite3_system_errno(database); reason != 0) message += fmt::format(" ({})", std::strerror(reason));
      break;
    case SQLITE_CORRUPT:  // also what SQLite makes of a read that the disk refuses
      hint = fmt::format("look for disk errors (dmesg), then check it: sqlite3 '{}' 'pragma integrity_check'", file.string());
      break;
    case SQLITE_FULL: hint = fmt::format("free some space for '{}'", file.parent_path().string()); break;
    case SQLITE_NOTADB: hint = "name another file with --store"; break;
    case SQLITE_BUSY: hint = "another program holds the database; close it"; break;
    case SQLITE_READONLY: hint = fmt::format("make '{}' writable", file.string()); break;
    default: break;
  }
  throw Error(fmt::format("cannot {} the store '{}': {}", doing, file.string(), message), hint);
}

bool on_network_file_system(const fs::path& folder) {
  constexpr std::array<std::uint32_t, 15> kinds{
      0x6969 /* NFS */, 0x517B /* SMB */, 0xFF534D42 /* CIFS */, 0xFE534D42 /* SMB 2 */, 0x5346414F /* AFS */,
      0x6B414653 /* AFS of the kernel */, 0x73757245 /* Coda */, 0x01021997 /* 9P */, 0x65735546 /* FUSE */,
      0x0BD00BD0 /* Lustre */, 0x47504653 /* GPFS */, 0x19830326 /* BeeGFS */, 0x00C36400 /* Ceph */,
      0x01161970 /* GFS2 */, 0x7461636F /* OCFS2 */};
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return false;
  return std::find(kinds.begin(), kinds.end(), static_cast<std::uint32_t>(status.f_type)) != kinds.end();
}

LockFile::LockFile(const fs::path& store_file) : path_(store_file.string() + ".lock") {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) throw Error(fmt::format("cannot open '{}': {}", path_.string(), std::strerror(errno)));
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool LockFile::try_lock() {
  while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw Error(fmt::format("cannot lock '{}': {}", path_.string(), std::strerror(errno)));
  }
  return true;
}

void LockFile::lock() {
  // Not a blocking flock: a holder that was stopped (SIGSTOP) must end in an error, not in a hang.
  const auto end = std::chrono::steady_clock::now() + kLockPatience;
  auto pause = std::chrono::microseconds(100);
  while (!try_lock()) {
    if (std::chrono::steady_clock::now() > end) {
      throw Error(fmt::format("another process has held '{}' for a minute", path_.string()),
                  fmt::format("see who has it with: fuser '{}'", path_.string()));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(10'000));
  }
}

void LockFile::unlock() { ::flock(fd_, LOCK_UN); }

Statement::Statement(sqlite3* database, std::string_view sql) : database_(database) {
  check(sqlite3_prepare_v2(database_, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr));
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::check(int code) const {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  const char* name = sqlite3_db_filename(database_, "main");
  throw_sqlite(database_, name != nullptr ? name : "", "use");
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) check(code);
  return code == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(statement_);  // returns the last step's error again, which was thrown already
  sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }
bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
int Statement::columns() const { return sqlite3_column_count(statement_); }

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::bind_one(int index, std::int64_t value) { check(sqlite3_bind_int64(statement_, index, value)); }
void Statement::bind_one(int index, double value) { check(sqlite3_bind_double(statement_, index, value)); }
void Statement::bind_one(int index, std::nullptr_t) { check(sqlite3_bind_null(statement_, index)); }
void Statement::bind_one(int index, std::string_view value) {
  // A view of nothing has a null pointer, which SQLite would bind as NULL.
  check(sqlite3_bind_text64(statement_, index, value.data() != nullptr ? value.data() : "", value.size(),
                            SQLITE_TRANSIENT, SQLITE_UTF8));
}

Database::Database(const fs::path& file, Mode mode) : file_(file) {
  const int flags = mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  if (sqlite3_open_v2(file.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    try {
      throw_sqlite(handle_, file, "open");
    } catch (...) {
      sqlite3_close_v2(handle_);
      throw;
    }
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  try {
    execute("PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=ON; PRAGMA mmap_size=0; PRAGMA trusted_schema=OFF;");
    execute(fmt::format("PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit={};", kWalKept));
    sqlite3_wal_hook(handle_, remember_pages, &wal_pages_);
    Statement journal(handle_, "PRAGMA journal_mode");
    wal_ = journal.step() && journal.text(0) == "wal";
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

Database::~Database() { sqlite3_close_v2(handle_); }

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) throw_sqlite(handle_, file_, "use");
}

std::int64_t Database::pragma(const std::string& name) {
  Statement statement(handle_, "PRAGMA " + name);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Database::set_journal(const char* mode) {
  Statement statement(handle_, fmt::format("PRAGMA journal_mode={}", mode));
  return statement.step() ? statement.text(0) : std::string();
}

void Database::choose_journal(bool network) {
  if (!network) {
    // On some file systems (no shared memory) the mode stays as it was; only the returned value says so.
    wal_ = wal_ || set_journal("WAL") == "wal";
    if (wal_) return;
  }
  const std::string journal = set_journal("TRUNCATE");  // SQLITE_BUSY while another process has it open in WAL mode
  SAUCIER_CHECK(journal == "truncate", "the journal mode is '{}'", journal);
  wal_ = false;
  execute("PRAGMA synchronous=FULL");
}

void Database::copy_back() {
  if (wal_pages_ < kPatience) {
    next_patience_ = kPatience;
    patience_ms_ = kFirstPatienceMs;
  }
  if (!wal_ || wal_pages_ < kCopyBack) return;
  // A passive checkpoint never waits; with a reader in the way it copies what it can. A failure loses nothing: the WAL is
  // part of the database, and the next commit tries again.
  sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (wal_pages_ < next_patience_) return;
  sqlite3_busy_timeout(handle_, patience_ms_);
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  if (code == SQLITE_OK) return;
  next_patience_ = wal_pages_ + kPatienceAgain;
  patience_ms_ = std::min(patience_ms_ * 2, kLastPatienceMs);
}

WriteTransaction::WriteTransaction(Database& database, LockFile& lock, bool durable)
    : database_(database), lock_(lock), durable_(durable && database.wal()) {
  lock_.lock();
  try {
    if (durable_) database_.execute("PRAGMA synchronous=FULL");
    database_.execute("BEGIN IMMEDIATE");
  } catch (...) {
    lock_.unlock();
    throw;
  }
}

WriteTransaction::~WriteTransaction() {
  if (!open_) return;
  sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  if (durable_) sqlite3_exec(database_.handle(), "PRAGMA synchronous=NORMAL", nullptr, nullptr, nullptr);
  lock_.unlock();
}

void WriteTransaction::commit() {
  database_.execute("COMMIT");
  if (durable_) database_.execute("PRAGMA synchronous=NORMAL");
  open_ = false;
  database_.copy_back();
  lock_.unlock();
}

}  // namespace saucier::store
