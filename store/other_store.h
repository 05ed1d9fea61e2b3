// Another store's file, as a merge reads it.
#pragma once

#include <memory>

#include "store/database.h"

namespace saucier::store {

// Opened read-only, and never changed: where its layout is an older one, or its folder cannot be written (SQLite keeps the
// WAL's index there), it is a copy below `scratch` that is opened, brought to this program's layout, and removed at the end.
class OtherStore {
 public:
  OtherStore(const fs::path& file, const fs::path& scratch);
  ~OtherStore();
  OtherStore(const OtherStore&) = delete;
  OtherStore& operator=(const OtherStore&) = delete;
  sqlite3* handle() const { return database_->handle(); }

 private:
  void copy(const fs::path& file);
  fs::path scratch_;
  std::unique_ptr<Database> database_;
};

std::string store_id(sqlite3* handle);  // random, made with the store; empty in a layout that has none

// `from` and all below it to `to`, which must not be there: by reflink where the file system can, else by hard link where
// `link` allows it, else byte by byte. Links and special files are left out. Returns the bytes.
std::int64_t copy_tree(const fs::path& from, const fs::path& to, bool link);

}  // namespace saucier::store
