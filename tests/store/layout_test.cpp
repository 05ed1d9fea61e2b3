// The layout of the database: kept files of earlier ones are migrated and keep every row, whoever opens them; and what
// the database itself refuses.
#include <catch2/catch.hpp>

#include <map>
#include <set>

#include "store/sql.h"
#include "tests/store/processes.h"
#include "tests/store/sample_store.h"
#include "tests/temp_folder.h"

using namespace saucier;
using store::Database;
using store::Statement;
using store::Store;

namespace {

fs::path asset(std::size_t layout) {
  return fs::path(SAUCIER_SOURCE_DIR) / "tests/data/store" / fmt::format("layout-{}.db", layout);
}

std::vector<std::string> texts(const Database& database, const std::string& sql) {
  Statement statement(database.handle(), sql);
  std::vector<std::string> out;
  while (statement.step()) out.push_back(statement.text(0));
  return out;
}

using Columns = std::map<std::string, std::string>;  // by table, as a list to select

Columns columns_of(const fs::path& file) {
  const Database database(file, Database::Mode::kRead);
  Columns columns;
  for (const std::string& table : texts(database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'setting'")) {
    // Not the two that moved to the table artifact in layout 3.
    for (const std::string& column : texts(database, "SELECT name FROM pragma_table_info('" + table + "') WHERE name NOT IN ('artifact', 'manifest_digest')"))
      columns[table] += (columns[table].empty() ? "" : ", ") + column;
  }
  return columns;
}

std::string rows_of(const fs::path& file, const Columns& columns) {
  const Database database(file, Database::Mode::kRead);
  std::string out;
  for (const auto& [table, list] : columns) {
    Statement statement(database.handle(), fmt::format("SELECT {0} FROM {1} ORDER BY {0}", list, table));
    while (statement.step()) {
      out += table;
      for (int i = 0; i < statement.columns(); ++i) out += "|" + (statement.is_null(i) ? "NULL" : statement.text(i));
      out += "\n";
    }
  }
  return out;
}

// A store whose only stage run and attempt have that state.
void run_in_state(Database& database, const std::string& state) {
  database.execute(fmt::format(
      "DELETE FROM stage_run; "
      "INSERT INTO stage_run(id, key, name, kind, key_text, attempt, state, owner_host, owner_boot, owner_pid, owner_start, "
      "heartbeat_us, started_us) VALUES(1, 'k', 's', 'train', '', 4, '{0}', '', '', 0, 0, 0, 0); "
      "INSERT INTO attempt(stage_run_id, number, state, owner_host, owner_boot, owner_pid, owner_start, started_us) "
      "VALUES(1, 4, '{0}', '', '', 0, 0, 0)", state));
}

bool accepts(Database& database, const std::string& sql) {
  try {
    database.execute(sql);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

TEST_CASE("a store of every layout so far is migrated and keeps every row") {
  for (std::size_t layout = 1; layout <= store::migrations().size(); ++layout) {
    CAPTURE(layout);
    TempFolder temp;
    const fs::path file = temp.path() / "s.db";
    REQUIRE_NOTHROW(fs::copy_file(asset(layout), file));
    const Columns columns = columns_of(file);
    const std::string before = rows_of(file, columns);
    CHECK(std::count(before.begin(), before.end(), '\n') > 20);
    const auto opened = Store::open(file);
    CHECK(rows_of(file, columns) == before);
    CHECK(opened->query("SELECT trial, state FROM trial_view ORDER BY number").rows.size() == 2);
    const auto attempts = opened->query("SELECT stage_run_id, number, state, message FROM attempt ORDER BY 1, 2").rows;
    CHECK(Json(attempts) == Json::parse(R"([[1,1,"lost","by process 7 on 'host'"],[1,2,"failed","out of memory"],[1,3,"done",""],
                                            [2,1,"failed","no data"],[3,1,"released","interrupted"],[4,1,"running",""]])"));
    CHECK(opened->query("SELECT folder, length(manifest_digest) FROM artifact").rows == std::vector<std::vector<Json>>{{std::string(64, 'a'), 64}});
    CHECK(opened->claim(std::string(64, 'b'), "align", "train", "{}")->attempt == 2);
    CHECK(opened->query("PRAGMA table_list").rows.size() > columns.size());
  }
}

TEST_CASE("sixteen processes open a fresh store, and an old one, at once") {
  for (int round = 0; round < 4; ++round) {
    TempFolder temp;
    const fs::path file = temp.path() / "s.db";
    if (round % 2 == 1) fs::copy_file(asset(1), file);
    std::vector<pid_t> children;
    for (int i = 0; i < 16; ++i) {
      children.push_back(in_child([&] {
        const auto opened = Store::open(file);
        return opened->query("SELECT count(*) FROM sweep_progress").rows.size() == 1 ? 0 : 1;
      }));
    }
    for (const pid_t child : children) CHECK(wait_for(child) == 0);
    const Database database(file, Database::Mode::kRead);
    CHECK(texts(database, "PRAGMA user_version").at(0) == std::to_string(store::migrations().size()));
    CHECK(texts(database, "SELECT name FROM sqlite_schema WHERE type = 'view'").size() == store::views().size());
    CHECK(texts(database, "PRAGMA integrity_check").at(0) == "ok");
  }
}

TEST_CASE("a stage run changes its state only as the table of transitions says") {
  const std::set<std::string> same_attempt{"running done", "running failed", "running released", "running lost"};
  const std::set<std::string> next_attempt{"running running", "done running", "failed running", "released running", "lost running"};
  const std::vector<std::string> states{"running", "done", "failed", "released", "lost"};
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  Database database(file, Database::Mode::kWrite);
  for (const std::string& from : states) {
    for (const std::string& to : states) {
      for (const int step : {-1, 0, 1, 2}) {
        CAPTURE(from, to, step);
        const bool unchanged = from == to && step == 0;
        const auto& allowed = step == 0 ? same_attempt : next_attempt;
        const bool expected = unchanged || ((step == 0 || step == 1) && allowed.contains(from + " " + to));
        run_in_state(database, from);
        CHECK(accepts(database, fmt::format("UPDATE stage_run SET state = '{}', attempt = attempt + {}", to, step)) == expected);
      }
      CAPTURE(from, to);
      run_in_state(database, from);
      CHECK(accepts(database, fmt::format("UPDATE attempt SET state = '{}'", to)) == (from == "running"));
    }
    run_in_state(database, from);
    CHECK_FALSE(accepts(database, "UPDATE stage_run SET state = 'stopped'"));  // no state at all
  }
}

// Run once when a layout is new: test_store "keep a store of this layout".
TEST_CASE("keep a store of this layout", "[.][asset]") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  fill_sample_store(file);
  Database(file, Database::Mode::kWrite).execute("VACUUM");
  Store::open(file).reset();  // a clean end copies the WAL back
  fs::copy_file(file, asset(store::migrations().size()), fs::copy_options::overwrite_existing);
}
