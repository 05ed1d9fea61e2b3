#include "store/other_store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "modules/base/digest.h"
#include "modules/base/file.h"
#include "store/migrate.h"
#include "store/sql.h"

namespace saucier::store {

namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

bool reflink(const fs::path& from, const fs::path& to) {
  const Descriptor in{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
  if (in.fd < 0) return false;
  const Descriptor out{::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (out.fd < 0) return false;
  if (::ioctl(out.fd, FICLONE, in.fd) == 0) return true;
  ::unlink(to.c_str());
  return false;
}

void copy_file(const fs::path& from, const fs::path& to, bool link) {
  if (reflink(from, to)) return;
  if (link && ::link(from.c_str(), to.c_str()) == 0) return;
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) throw Error(fmt::format("cannot copy '{}' to '{}': {}", from.string(), to.string(), error.message()));
}

}  // namespace

std::string store_id(sqlite3* handle) {
  Statement statement(handle, "SELECT value FROM setting WHERE name = 'store'");
  return statement.step() ? statement.text(0) : "";
}

std::int64_t copy_tree(const fs::path& from, const fs::path& to, bool link) {
  std::int64_t bytes = 0;
  make_folders(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_symlink()) continue;
    if (entry.is_directory()) {
      bytes += copy_tree(entry.path(), target, link);
    } else if (entry.is_regular_file()) {
      copy_file(entry.path(), target, link);
      bytes += static_cast<std::int64_t>(entry.file_size());
    }
  }
  return bytes;
}

OtherStore::OtherStore(const fs::path& file, const fs::path& scratch)
    : scratch_(scratch / fmt::format("{}.tmp-{}-0", file.filename().string(), ::getpid())) {
  if (::access(fs::absolute(file).parent_path().c_str(), W_OK) == 0) {
    database_ = std::make_unique<Database>(file, Database::Mode::kRead);
    check_ours(*database_);
  }
  if (!database_ || database_->pragma("user_version") < static_cast<std::int64_t>(migrations().size())) copy(file);
  database_->execute("BEGIN");  // what is read is of one moment
}

void OtherStore::copy(const fs::path& file) {
  std::error_code ignored;
  fs::remove_all(scratch_, ignored);
  make_folders(scratch_);
  const fs::path here = scratch_ / "other.db";
  if (database_) {
    Database to(here, Database::Mode::kWrite);
    sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", database_->handle(), "main");
    if (backup == nullptr) throw_sqlite(to.handle(), here, "copy");
    sqlite3_backup_step(backup, -1);
    if (sqlite3_backup_finish(backup) != SQLITE_OK) throw_sqlite(to.handle(), here, "copy");
  } else {
    fs::copy_file(file, here);
    if (const fs::path log = file.string() + "-wal"; fs::exists(log)) fs::copy_file(log, here.string() + "-wal");
  }
  database_ = std::make_unique<Database>(here, Database::Mode::kWrite);
  check_ours(*database_);
  LockFile lock(here);
  const bool had_id = database_->pragma("user_version") > 0 && !store_id(database_->handle()).empty();
  migrate(*database_, lock);
  if (had_id) return;
  // The copy was given a random id, another one each time; the original is known by its place.
  Statement(database_->handle(), "UPDATE setting SET value = ? WHERE name = 'store'").run(sha256(fs::absolute(file).string()));
}

OtherStore::~OtherStore() {
  database_.reset();
  std::error_code ignored;
  fs::remove_all(scratch_, ignored);
}

}  // namespace saucier::store
