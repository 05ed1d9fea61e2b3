// SQL by people: one statement, read-only three times over (the connection, query_only, the authorizer), with an end.

#include <algorithm>
#include <chrono>

#include "modules/base/diagnostic.h"
#include "modules/base/suggest.h"
#include "store/json_bind.h"
#include "store/migrate.h"
#include "store/sql.h"
#include "store/state.h"

namespace saucier::store {

namespace {

constexpr int kStepsBetweenLooks = 20'000;  // virtual machine steps, well under a millisecond

using Deadline = std::chrono::steady_clock::time_point;

int only_reads(void*, int action, const char* first, const char* second, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_FUNCTION: return second != nullptr && std::string_view(second) == "load_extension" ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA: {
      const std::string_view name = first != nullptr ? first : "";
      return name == "table_info" || name == "table_xinfo" || name == "table_list" ? SQLITE_OK : SQLITE_DENY;
    }
    default: return SQLITE_DENY;
  }
}

int out_of_time(void* deadline) { return std::chrono::steady_clock::now() > *static_cast<const Deadline*>(deadline); }

Json cell(sqlite3_stmt* statement, int column) {
  const auto bytes = [&](const void* data) {
    return std::string(static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      std::string text = bytes(sqlite3_column_text(statement, column));
      const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
      return plain ? text : clean_utf8(text);  // cleaning costs much more than looking
    }
    case SQLITE_BLOB: {
      std::string hex;
      const void* data = sqlite3_column_blob(statement, column);
      for (const unsigned char byte : data != nullptr ? bytes(data) : std::string()) hex += fmt::format("{:02x}", byte);
      return hex;
    }
    default: return nullptr;
  }
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// The line with a caret, where SQLite says which place it means.
std::string place_in(const std::string& sql, int offset) {
  const std::size_t at = static_cast<std::size_t>(std::max(0, offset));
  if (offset < 0 || at > sql.size()) return "in the query: " + sql;
  const auto source = std::make_shared<const SourceText>(SourceText{"query", sql});
  const std::size_t begin = at == 0 ? 0 : sql.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  std::size_t end = at;
  while (end < sql.size() && is_word(sql[end])) ++end;
  const auto points = [&](std::size_t from, std::size_t to) {
    return static_cast<int>(std::count_if(sql.begin() + static_cast<std::ptrdiff_t>(from), sql.begin() + static_cast<std::ptrdiff_t>(to),
                                          [](char c) { return (c & 0xC0) != 0x80; }));
  };
  const Position position{.source = source, .line = 1 + static_cast<int>(std::count(sql.begin(), sql.begin() + offset, '\n')),
                          .column = points(begin, at) + 1, .end_column = points(begin, end) + 1};
  std::string text = snippet(position);
  text.pop_back();
  return fmt::format("in the query, line {}, column {}\n{}", position.line, position.column, text);
}

// The names that a statement could have meant: views and tables, or the columns of those it names.
std::vector<std::string> known_names(sqlite3* handle, const std::string& sql, bool columns) {
  std::vector<std::string> out;
  Statement names(handle, columns ? "SELECT DISTINCT c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type IN ('view', 'table') "
                                    "AND instr(lower(?1), m.name) ORDER BY c.name"
                                  : "SELECT name FROM sqlite_schema WHERE ?1 <> '' AND type IN ('view', 'table') ORDER BY type = 'table', name");
  names.bind(sql);
  while (names.step()) out.push_back(names.text(0));
  return out;
}

// What an error that a missing name has made means: the name, and what was meant.
struct MissingName {
  std::string name, hint;
};

MissingName missing_name(sqlite3* handle, const std::string& sql, std::string_view message) {
  const auto behind = [&](std::string_view head) {
    return message.starts_with(head) ? std::string(message.substr(head.size())) : std::string();
  };
  if (const std::string name = behind("no such table: "); !name.empty()) return {name, suggestion(name, known_names(handle, sql, false))};
  std::string name = behind("no such column: ");
  name = name.substr(name.rfind('.') + 1);  // npos + 1 is 0
  if (name.empty()) return {};
  if (sql.find('"' + name + '"') != std::string::npos) return {name, fmt::format("a text stands in single quotes: '{}'", name)};
  return {name, suggestion(name, known_names(handle, sql, true))};
}

[[noreturn]] void refuse(sqlite3* handle, const std::string& sql, const QueryLimits& limits) {
  const int code = sqlite3_errcode(handle);
  int offset = sqlite3_error_offset(handle);
  const std::string message = sqlite3_errmsg(handle);
  // Inside a virtual table the refusal arrives as a plain error with this text.
  if (code == SQLITE_AUTH || message == "not authorized")
    throw Error("a query may only read", "write one SELECT statement over the views");
  if (code == SQLITE_INTERRUPT) {
    throw Error(fmt::format("the query took over {} s", limits.seconds), "ask for less, or give it more time with --timeout");
  }
  sqlite3_set_authorizer(handle, nullptr, nullptr);  // our own question about the names
  const MissingName missing = missing_name(handle, sql, message);
  sqlite3_set_authorizer(handle, only_reads, nullptr);
  if (offset < 0 && !missing.name.empty() && sql.find(missing.name) != std::string::npos) offset = static_cast<int>(sql.find(missing.name));
  throw Error(message, missing.hint).add_context(place_in(sql, offset));
}

// A store that another version of the program wrote has other views; this connection then sees its own.
void make_own_views(Database& reader) {
  constexpr std::string_view kCreate = "CREATE VIEW ";
  for (const SqlFile& view : views())
    reader.execute("CREATE TEMP VIEW " + std::string(view.text.substr(view.text.find(kCreate) + kCreate.size())));
}

}  // namespace

void bind_json(sqlite3_stmt* statement, int index, const Json& value) {
  if (value.is_null()) {
    sqlite3_bind_null(statement, index);
  } else if (value.is_boolean()) {
    sqlite3_bind_int(statement, index, value.get<bool>() ? 1 : 0);
  } else if (value.is_number_integer()) {
    sqlite3_bind_int64(statement, index, value.get<std::int64_t>());
  } else if (value.is_number_float()) {
    sqlite3_bind_double(statement, index, value.get<double>());
  } else {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
}

Result Store::query(const std::string& sql, const std::vector<Json>& parameters, const QueryLimits& limits) const {
  if (!state_->reader) {
    state_->reader = std::make_unique<Database>(state_->file, Database::Mode::kRead);
    if (!views_current(*state_->reader)) make_own_views(*state_->reader);
    state_->reader->execute("PRAGMA query_only=ON");
    // A table-valued function is set up when first named, which the authorizer takes for a CREATE TABLE.
    Statement(state_->reader->handle(), "SELECT 1 FROM json_each('[]'), json_tree('[]'), pragma_table_info('x'), pragma_table_xinfo('x'), pragma_table_list");
    sqlite3_set_authorizer(state_->reader->handle(), only_reads, nullptr);
    sqlite3_db_config(state_->reader->handle(), SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  }
  sqlite3* handle = state_->reader->handle();
  Deadline deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(limits.seconds * 1e3));
  sqlite3_progress_handler(handle, kStepsBetweenLooks, out_of_time, &deadline);
  struct NoHandler {
    sqlite3* handle;
    ~NoHandler() { sqlite3_progress_handler(handle, 0, nullptr, nullptr); }
  } no_handler{handle};

  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v2(handle, sql.c_str(), static_cast<int>(sql.size()), &raw, &tail);
  const std::unique_ptr<sqlite3_stmt, Finalize> statement(raw);
  if (code != SQLITE_OK) refuse(handle, sql, limits);
  if (statement == nullptr) throw Error("the query is empty", "write one SELECT statement over the views");
  if (std::string_view(tail).find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    throw Error("a query is one statement", "run the second one on its own");
  }
  const int wanted = sqlite3_bind_parameter_count(raw);
  if (wanted != static_cast<int>(parameters.size())) {
    throw Error(fmt::format("the query has {} parameters (got {})", wanted, parameters.size()));
  }
  for (int i = 0; i < wanted; ++i) bind_json(raw, i + 1, parameters[static_cast<std::size_t>(i)]);

  Result result;
  const int columns = sqlite3_column_count(raw);
  for (int i = 0; i < columns; ++i) result.columns.emplace_back(sqlite3_column_name(raw, i));
  for (;;) {
    const int step = sqlite3_step(raw);
    if (step == SQLITE_DONE) return result;
    if (step != SQLITE_ROW) refuse(handle, sql, limits);
    if (limits.rows > 0 && static_cast<std::int64_t>(result.rows.size()) == limits.rows) {
      result.cut = true;
      return result;
    }
    std::vector<Json>& row = result.rows.emplace_back();
    for (int i = 0; i < columns; ++i) row.push_back(cell(raw, i));
  }
}

}  // namespace saucier::store
