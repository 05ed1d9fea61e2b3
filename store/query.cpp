// SQL by people: one statement, read-only three times over (the connection, query_only, the authorizer), with an end.

#include <chrono>

#include "store/state.h"

namespace saucier::store {

namespace {

constexpr auto kTimeLimit = std::chrono::seconds(60);
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

void bind(sqlite3_stmt* statement, int index, const Json& value) {
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

Json cell(sqlite3_stmt* statement, int column) {
  const auto bytes = [&](const void* data) {
    return std::string(static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: return clean_utf8(bytes(sqlite3_column_text(statement, column)));
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

[[noreturn]] void refuse(sqlite3* handle, const std::string& sql) {
  const int code = sqlite3_errcode(handle);
  // Inside a virtual table the refusal arrives as a plain error with this text.
  if (code == SQLITE_AUTH || std::string_view(sqlite3_errmsg(handle)) == "not authorized")
    throw Error("a query may only read", "write one SELECT statement over the views");
  if (code == SQLITE_INTERRUPT) {
    throw Error(fmt::format("the query took over {} s", std::chrono::seconds(kTimeLimit).count()),
                "ask for less, or copy the database and ask the copy");
  }
  throw Error(sqlite3_errmsg(handle)).add_context("in the query: " + sql);
}

}  // namespace

Result Store::query(const std::string& sql, const std::vector<Json>& parameters) const {
  if (!state_->reader) {
    state_->reader = std::make_unique<Database>(state_->file, Database::Mode::kRead);
    state_->reader->execute("PRAGMA query_only=ON");
    sqlite3_set_authorizer(state_->reader->handle(), only_reads, nullptr);
  }
  sqlite3* handle = state_->reader->handle();
  Deadline deadline = std::chrono::steady_clock::now() + kTimeLimit;
  sqlite3_progress_handler(handle, kStepsBetweenLooks, out_of_time, &deadline);
  struct NoHandler {
    sqlite3* handle;
    ~NoHandler() { sqlite3_progress_handler(handle, 0, nullptr, nullptr); }
  } no_handler{handle};

  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v2(handle, sql.c_str(), static_cast<int>(sql.size()), &raw, &tail);
  const std::unique_ptr<sqlite3_stmt, Finalize> statement(raw);
  if (code != SQLITE_OK) refuse(handle, sql);
  if (statement == nullptr) throw Error("the query is empty", "write one SELECT statement over the views");
  if (std::string_view(tail).find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    throw Error("a query is one statement", "run the second one on its own");
  }
  const int wanted = sqlite3_bind_parameter_count(raw);
  if (wanted != static_cast<int>(parameters.size())) {
    throw Error(fmt::format("the query has {} parameters (got {})", wanted, parameters.size()));
  }
  for (int i = 0; i < wanted; ++i) bind(raw, i + 1, parameters[static_cast<std::size_t>(i)]);

  Result result;
  const int columns = sqlite3_column_count(raw);
  for (int i = 0; i < columns; ++i) result.columns.emplace_back(sqlite3_column_name(raw, i));
  for (;;) {
    const int step = sqlite3_step(raw);
    if (step == SQLITE_DONE) return result;
    if (step != SQLITE_ROW) refuse(handle, sql);
    std::vector<Json>& row = result.rows.emplace_back();
    for (int i = 0; i < columns; ++i) row.push_back(cell(raw, i));
  }
}

}  // namespace saucier::store
