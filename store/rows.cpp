#include "store/rows.h"

#include "modules/base/error.h"
#include "store/database.h"
#include "store/json_bind.h"

namespace saucier::store {

namespace {

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

int only_reads(void*, int action, const char*, const char*, const char*, const char*) {
  return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION || action == SQLITE_RECURSIVE ? SQLITE_OK : SQLITE_DENY;
}

void must(sqlite3* handle, int code, const std::string& where) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  throw Error(sqlite3_errmsg(handle)).add_context("in --where: " + where);
}

}  // namespace

std::vector<std::size_t> select_rows(const Result& rows, const Selection& selection) {
  sqlite3* handle = nullptr;
  sqlite3_open(":memory:", &handle);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close_v2)> database(handle, sqlite3_close_v2);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  std::string names, marks;
  for (const std::string& column : rows.columns) {
    names += ", " + quoted(column);
    marks += ", ?";
  }
  sqlite3_exec(handle, fmt::format("CREATE TABLE rows(place INTEGER PRIMARY KEY{}); BEGIN", names).c_str(), nullptr, nullptr, nullptr);
  Statement insert(handle, fmt::format("INSERT INTO rows VALUES(?{})", marks));
  for (std::size_t r = 0; r < rows.rows.size(); ++r) {
    insert.reset();
    sqlite3_bind_int64(insert.handle(), 1, static_cast<std::int64_t>(r));
    for (std::size_t c = 0; c < rows.columns.size(); ++c) bind_json(insert.handle(), static_cast<int>(c) + 2, rows.rows[r][c]);
    insert.step();
  }
  insert.reset();
  sqlite3_set_authorizer(handle, only_reads, nullptr);
  std::string sql = "SELECT place FROM rows";
  if (!selection.where.empty()) sql += fmt::format(" WHERE ({}\n)", selection.where);  // the line end closes a comment
  if (!selection.sort.empty())
    sql += fmt::format(" ORDER BY {0} IS NULL, {0}{1}, place", quoted(selection.sort), selection.descending ? " DESC" : "");
  else sql += " ORDER BY place";
  if (selection.top > 0) sql += fmt::format(" LIMIT {}", selection.top);
  sqlite3_stmt* raw = nullptr;
  must(handle, sqlite3_prepare_v2(handle, sql.c_str(), -1, &raw, nullptr), selection.where);
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, sqlite3_finalize);
  std::vector<std::size_t> out;
  for (int code = SQLITE_ROW; code == SQLITE_ROW;) {
    code = sqlite3_step(raw);
    must(handle, code, selection.where);
    if (code == SQLITE_ROW) out.push_back(static_cast<std::size_t>(sqlite3_column_int64(raw, 0)));
  }
  return out;
}

}  // namespace saucier::store
