#include "store/migrate.h"

#include "modules/base/digest.h"
#include "store/sql.h"

namespace saucier::store {

namespace {

std::int64_t newest() { return static_cast<std::int64_t>(migrations().size()); }

void refuse_foreign(Database& database) {
  const std::int64_t id = database.pragma("application_id");
  if (id == kApplicationId) return;
  Statement tables(database.handle(), "SELECT count(*) FROM sqlite_schema");
  tables.step();
  if (id != 0 || tables.integer(0) > 0) {
    throw Error(fmt::format("'{}' is a database of another program", database.file().string()),
                "name another file with --store");
  }
}

void refuse_newer(Database& database, std::int64_t version) {
  if (version <= newest()) return;
  throw Error(fmt::format("the store '{}' has layout {}, this program knows up to {}", database.file().string(), version,
                          newest()),
              "use the saucier that wrote it, or a newer one");
}

std::string views_digest() {
  std::string all;
  for (const SqlFile& view : views()) all += view.text;
  return sha256(all);
}

void make_views(Database& database) {
  std::vector<std::string> old;
  {
    Statement statement(database.handle(), "SELECT name FROM sqlite_schema WHERE type = 'view'");
    while (statement.step()) old.push_back(statement.text(0));
  }
  for (const std::string& name : old) database.execute("DROP VIEW \"" + name + "\"");
  for (const SqlFile& view : views()) database.execute(std::string(view.text));
  Statement(database.handle(), "INSERT INTO setting(name, value) VALUES('views', ?) "
                               "ON CONFLICT(name) DO UPDATE SET value = excluded.value")
      .run(views_digest());
}

}  // namespace

bool views_current(Database& database) {
  Statement statement(database.handle(), "SELECT value FROM setting WHERE name = 'views'");
  return statement.step() && statement.text(0) == views_digest();
}

void check_ours(Database& database) {
  refuse_foreign(database);
  refuse_newer(database, database.pragma("user_version"));
}

void check_layout(Database& database) {
  check_ours(database);
  const std::int64_t version = database.pragma("user_version");
  if (version < newest()) {
    throw Error(fmt::format("the store '{}' has layout {}, this program reads {}", database.file().string(), version,
                            newest()),
                "any command that writes, such as 'saucier run', brings it up to date");
  }
}

void migrate(Database& database, LockFile& lock) {
  for (std::int64_t version = database.pragma("user_version"); version < newest();) {
    WriteTransaction transaction(database, lock);
    version = database.pragma("user_version");  // another process may have done it meanwhile
    refuse_newer(database, version);
    if (version < newest()) {
      if (version == 0) refuse_foreign(database);
      const SqlFile& file = migrations()[static_cast<std::size_t>(version)];
      with_context(fmt::format("in migration '{}'", file.name), [&] { database.execute(std::string(file.text)); });
      ++version;
      database.execute(fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId, version));
    }
    transaction.commit();
  }
  if (!views_current(database)) {
    WriteTransaction transaction(database, lock, true);
    if (!views_current(database)) make_views(database);
    transaction.commit();
  }
}

}  // namespace saucier::store
