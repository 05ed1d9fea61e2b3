#include <catch2/catch.hpp>

#include <cmath>

#include "modules/base/clock.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "store/database.h"
#include "store/manifest.h"
#include "store/migrate.h"
#include "store/sql.h"
#include "store/store.h"
#include "tests/store/made_store.h"
#include "tests/store/processes.h"
#include "tests/store/sample_store.h"
#include "tests/temp_folder.h"

using namespace saucier;
using store::Store;

namespace {

const std::string kKey(64, 'a');

void sql(const fs::path& file, const std::string& text) {
  store::Database database(file, store::Database::Mode::kWrite);
  database.execute(text);
}

Json value(const Store& store, const std::string& text) {
  const auto result = store.query(text);
  REQUIRE(result.rows.size() == 1);
  return result.rows[0][0];
}

void add_one_sweep(Store& store, const std::string& key) {
  store.add_sweep("quick", "q.toml", "align.pope.f1", "maximize",
                  {{.name = "quick-1", .parameters = Json::object(), .resolved = "{}", .stages = {{"align", key}}}});
}

}  // namespace

TEST_CASE("a fresh store has the newest layout, WAL and its marks") {
  TempFolder temp;
  const fs::path file = temp.path() / "results" / "s.db";
  const auto opened = Store::open(file);
  store::Database database(file, store::Database::Mode::kRead);
  CHECK(database.wal());
  CHECK(database.pragma("user_version") == static_cast<std::int64_t>(store::migrations().size()));
  CHECK(database.pragma("application_id") == store::kApplicationId);
  for (const store::SqlFile& view : store::views()) {
    const std::string name(view.name.substr(3));
    CHECK_NOTHROW(opened->query("SELECT * FROM " + name));
  }
}

TEST_CASE("every connection has a busy timeout, foreign keys and no checkpoint of its own") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  for (const auto mode : {store::Database::Mode::kWrite, store::Database::Mode::kRead}) {
    store::Database database(file, mode);
    CHECK(database.pragma("busy_timeout") == 30'000);
    CHECK(database.pragma("foreign_keys") == 1);
    CHECK(database.pragma("wal_autocheckpoint") == 0);
    CHECK(database.pragma("mmap_size") == 0);
    CHECK(database.pragma("trusted_schema") == 0);
  }
}

TEST_CASE("on a network file system the journal is no WAL, and back on a local one it is again") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  const auto journal = [&] {
    const store::Database database(file, store::Database::Mode::kRead);
    store::Statement statement(database.handle(), "PRAGMA journal_mode");
    return statement.step() ? statement.text(0) : std::string();
  };
  for (const bool network : {false, true, false}) {  // what was made on a local disk and copied there, too
    const auto opened = Store::open(file, {.on_network = network});
    CHECK((journal() == "wal") == !network);
    CHECK(opened->take_messages().size() == (network ? 1 : 0));
    const auto run = opened->claim(std::to_string(network), "s", "train", "{}");
    CHECK(opened->write_events(*run, sample_events()));
    CHECK(opened->release(*run, ""));
  }
  CHECK_FALSE(store::on_network_file_system("/proc"));
}

TEST_CASE("a newer database, another program's and a file that is none are refused") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  const std::size_t next = store::migrations().size() + 1;
  sql(file, fmt::format("PRAGMA user_version={}", next));
  CHECK_THROWS_WITH(Store::open(file), Catch::Contains(fmt::format("layout {}", next)) && Catch::Contains(fmt::format("up to {}", store::migrations().size())));
  CHECK_THROWS_WITH(Store::open_read_only(file), Catch::Contains(fmt::format("layout {}", next)));
  sql(temp.path() / "other.db", "CREATE TABLE t(a)");
  CHECK_THROWS_WITH(Store::open(temp.path() / "other.db"), Catch::Contains("another program"));
  write_file_atomic(temp.path() / "text.db", std::string(4096, 'x'));
  CHECK_THROWS_WITH(Store::open(temp.path() / "text.db"), Catch::Contains("not a database"));
  CHECK_THROWS_WITH(Store::open_read_only(temp.path() / "none.db"), Catch::Contains("there is no store"));
  CHECK(!fs::exists(temp.path() / "none.db"));
}

TEST_CASE("a claim holds while its process lives, and is taken over when it is gone or silent") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  const auto opened = Store::open(file);
  const pid_t child = in_child([&] { return Store::open(file)->claim(kKey, "align", "train", "{}") ? (::pause(), 0) : 1; });
  while (!opened->state_of(kKey)) ::usleep(5'000);
  CHECK(!opened->claim(kKey, "align", "train", "{}"));
  ::kill(child, SIGKILL);
  wait_for(child);
  const auto mine = opened->claim(kKey, "align", "train", "{}");
  REQUIRE(mine);
  CHECK(mine->attempt == 2);
  CHECK(opened->take_messages().size() == 1);
  CHECK(!opened->claim(kKey, "align", "train", "{}"));  // this process lives

  sql(file, "UPDATE stage_run SET heartbeat_us = heartbeat_us - 61000000");
  const auto theirs = Store::open(file)->claim(kKey, "align", "train", "{}");
  REQUIRE(theirs);
  CHECK(theirs->attempt == 3);
  SECTION("and the late writes of the one before change nothing") {
    const fs::path folder = sample_artifact(*opened, kKey);
    CHECK(!opened->heartbeat(*mine));
    CHECK(!opened->write_events(*mine, sample_events()));
    CHECK(!opened->finish(*mine, folder, Json::object(), 1));
    CHECK(!opened->fail(*mine, "x", ""));
    CHECK(!opened->release(*mine, "x"));
    CHECK(opened->state_of(kKey) == "running");
    CHECK(value(*opened, "SELECT count(*) FROM metric") == 0);
    CHECK(opened->heartbeat(*theirs));
  }
}

TEST_CASE("events become rows, and a replay leaves the same rows") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  add_one_sweep(*opened, kKey);
  const auto run = opened->claim(kKey, "align", "train", "{}");
  REQUIRE(run);
  for (int round = 0; round < 2; ++round) {
    REQUIRE(opened->write_events(*run, sample_events()));
    CHECK(value(*opened, "SELECT count(*) FROM metric") == 5);
    CHECK(value(*opened, "SELECT count(*) FROM score") == 2);
    CHECK(value(*opened, "SELECT count(*) FROM prediction") == 1);
    CHECK(value(*opened, "SELECT count(*) FROM event WHERE source = 'worker'") == 1);
    CHECK(value(*opened, "SELECT value FROM environment WHERE name = 'torch'") == "2.13.0");
  }
  const auto last = opened->query("SELECT last, last_step, min, min_step, max, max_step, n FROM metric_last WHERE metric = 'loss'");
  CHECK(Json(last.rows.at(0)) == Json({1.0, 4, 0.5, 3, 2.0, 1, 4}));
  CHECK(value(*opened, "SELECT kind FROM curve WHERE metric = 'loss' AND step = 2") == "nan");
  CHECK(value(*opened, "SELECT kind FROM curve WHERE metric = 'rate'") == "-inf");
  CHECK(value(*opened, "SELECT count(*) FROM curve WHERE value IS NULL") == 2);

  REQUIRE(opened->finish(*run, sample_artifact(*opened, kKey), {{"loss", 1}}, 2.5));
  CHECK(value(*opened, "SELECT value FROM trial_score WHERE condition = 'seen' AND main") == 0.75);
  CHECK(value(*opened, "SELECT value FROM leaderboard WHERE rank = 1") == 0.75);
  CHECK(value(*opened, "SELECT state FROM trial_view") == "done");
  CHECK(value(*opened, "SELECT best_trial FROM sweep_progress") == "quick-1");
  CHECK(value(*opened, "SELECT correct FROM prediction_detail WHERE trial = 'quick-1'") == 0);
  CHECK(value(*opened, "SELECT seconds FROM stage_cost WHERE trial = 'quick-1'") == 2.5);
  CHECK_THROWS_AS(opened->write_events(*opened->claim("b", "x", "train", "{}"), {{{"event", "metric"}, {"step", "no"}}}), Error);
}

TEST_CASE("the same sweep is the same row, with its newest keys") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  std::vector<store::TrialRow> trials{{.name = "q-1", .parameters = {{"a", 1}}, .resolved = "{\"a\":1}", .stages = {{"align", "k1"}}},
                                      {.name = "q-2", .parameters = {{"a", 2}}, .resolved = "{\"a\":2}", .stages = {{"align", "k2"}}}};
  const auto first = opened->add_sweep("q", "q.toml", "", "maximize", trials);
  CHECK(opened->add_sweep("q", "q.toml", "", "maximize", trials) == first);
  trials[1].stages[0].key = "k3";
  CHECK(opened->add_sweep("q", "q.toml", "", "maximize", trials, "name = 'q'") == first);
  CHECK(opened->add_sweep("q", "q.toml", "", "maximize", trials, "name = 'q'  # edited") == first);
  CHECK(value(*opened, "SELECT recipe_text FROM sweep") == "name = 'q'");  // as it was when it was submitted
  CHECK(opened->first_trial_of("k3") == "q-2");
  CHECK(!opened->first_trial_of("k2"));
  CHECK(value(*opened, "SELECT count(*) FROM trial") == 2);
  trials[1].resolved = "{\"a\":3}";
  CHECK(opened->add_sweep("q", "q.toml", "", "maximize", trials) != first);
}

TEST_CASE("artifacts: found, gone, broken, adopted") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  add_one_sweep(*opened, kKey);
  CHECK(!opened->artifact(kKey));

  SECTION("a whole folder without a row is adopted with its events") {
    const fs::path folder = sample_artifact(*opened, kKey);
    CHECK(!opened->claim(kKey, "align", "train", "{}"));  // finished, whatever the rows say
    CHECK(opened->artifact(kKey) == folder);
    CHECK(opened->state_of(kKey) == "done");
    CHECK(value(*opened, "SELECT count(*) FROM curve") == 5);
    CHECK(value(*opened, "SELECT seconds FROM stage_cost") == 2.5);
    CHECK(opened->take_messages().size() == 1);
  }
  SECTION("but not when a file differs from its hash") {
    const fs::path folder = sample_artifact(*opened, kKey);
    write_file_atomic(folder / "model" / "w", "Weights");  // as long as before
    CHECK(!opened->artifact(kKey));
    CHECK(fs::exists(folder.string() + ".broken-1"));
    CHECK(!fs::exists(folder));
  }
  SECTION("finished, then broken, then made again") {
    auto run = opened->claim(kKey, "align", "train", "{}");
    const fs::path folder = sample_artifact(*opened, kKey);
    CHECK(!opened->artifact(kKey));  // its owner lives and has not finished it
    REQUIRE(opened->finish(*run, folder, Json::object(), 1));
    CHECK(opened->artifact(kKey) == folder);
    CHECK(!opened->claim(kKey, "align", "train", "{}"));
    fs::remove(folder / "model" / "w");
    CHECK(Store::open_read_only(opened->file())->artifact(kKey) == std::nullopt);
    CHECK(fs::exists(folder));  // a reader changes nothing
    CHECK(!opened->artifact(kKey));
    CHECK(opened->take_messages().at(0).find("missing") != std::string::npos);
    CHECK(fs::exists(folder.string() + ".broken-1"));
    run = opened->claim(kKey, "align", "train", "{}");
    REQUIRE(run);
    CHECK(run->attempt == 2);
    REQUIRE(opened->finish(*run, sample_artifact(*opened, kKey, "other"), Json::object(), 1));
    CHECK(opened->artifact(kKey) == folder);
    fs::remove_all(folder);
    CHECK(!opened->artifact(kKey));  // a row without folder is a miss
    CHECK(opened->claim(kKey, "align", "train", "{}"));
  }
}

TEST_CASE("queries read, one statement at a time") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  add_one_sweep(*opened, kKey);
  CHECK(opened->query("SELECT ?1 + 1 AS a, 'x' AS b, NULL, 0.5", {41}).rows.at(0) == std::vector<Json>{42, "x", nullptr, 0.5});
  CHECK(opened->query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5) SELECT sum(i) FROM n").rows[0][0] == 15);
  for (const char* text : {"DELETE FROM trial", "CREATE TABLE t(a)", "ATTACH 'x.db' AS x", "PRAGMA journal_mode=DELETE",
                           "BEGIN", "SELECT 1; DELETE FROM trial", "", "SELECT absent", "SELECT ?", "INSERT INTO setting VALUES('a','b')"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(opened->query(text), Error);
  }
  CHECK(value(*opened, "SELECT count(*) FROM trial") == 1);
  CHECK_THROWS_WITH(opened->query("SELECT absent"), Catch::Contains("no such column"));
  CHECK_THROWS_AS(Store::open_read_only(opened->file())->add_sweep("x", "", "", "maximize", {}), std::exception);
}

TEST_CASE("an acknowledged write is there after kill -9, and the file stays sound") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  std::uint32_t seed = 12345;
  for (int round = 0; round < 20; ++round) {
    const fs::path acknowledged = temp.path() / ("ack" + std::to_string(round));
    const pid_t child = in_child([&] {
      const auto opened = Store::open(file);
      for (int i = 0;; ++i) {
        const std::string key = std::to_string(round) + "-" + std::to_string(i);
        const auto run = opened->claim(key, "s", "train", "{}");
        if (!opened->add_metrics(*run, sample_events())) return 1;
        if (i % 2 == 0 && !opened->write_events(*run, sample_events())) return 1;
        if (!opened->fail(*run, "x", "")) return 1;
        LineAppender(acknowledged).append(key);
      }
    });
    seed = seed * 1664525 + 1013904223;
    ::usleep(20'000 + seed % 60'000);
    ::kill(child, SIGKILL);
    wait_for(child);
    const auto opened = Store::open(file);
    if (!fs::exists(acknowledged)) continue;
    const std::string lines = read_file(acknowledged);
    const auto count = std::count(lines.begin(), lines.end(), '\n');
    CHECK(value(*opened, "SELECT count(*) FROM stage_run r WHERE state = 'failed' AND key LIKE '" + std::to_string(round) +
                             "-%' AND (SELECT count(*) FROM metric WHERE stage_run_id = r.id) = 5") >= count);
  }
  store::Database database(file, store::Database::Mode::kRead);
  store::Statement check(database.handle(), "PRAGMA integrity_check");
  REQUIRE(check.step());
  CHECK(check.text(0) == "ok");
}

TEST_CASE("what was drawn is summed over a run's events, and said again it replaces what stood there") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  made_sweep(*opened, "one", {{"align"}});
  const auto event = [](int from, int step, int draws, const Json& dropped) {
    return Json{{"event", "drawn"}, {"from", from}, {"step", step},
                {"sources", {{{"source", "a"}, {"share", 0.75}, {"size", 30}, {"draws", draws}, {"samples", draws - 1}, {"tokens", 100 * draws},
                              {"learned_tokens", draws}, {"pictures", 2}, {"cut_pairs", 1}, {"cut_answers", 2}, {"dropped", dropped}},
                             {{"source", "b"}, {"share", 0.25}, {"size", 10}, {"draws", 0}, {"samples", 0}, {"tokens", 0},
                              {"learned_tokens", 0}, {"pictures", 0}, {"cut_pairs", 0}, {"cut_answers", 0}, {"dropped", Json::object()}}}}};
  };
  const auto run = opened->claim(made_key("align"), "align", "train", "{}").value();
  for (int again = 0; again < 2; ++again)
    REQUIRE(opened->write_events(run, {event(0, 4, 20, {{"empty-turn", 1}}), event(4, 9, 40, {{"empty-turn", 2}, {"no-turns", 1}})}));
  const auto rows = opened->query("SELECT source, asked, share, draws, passes, samples, dropped, reasons, tokens, learned_tokens, pictures, cut_pairs, cut_answers "
                                  "FROM drawn WHERE trial = 'one-1' ORDER BY source").rows;
  CHECK(Json(rows) == Json::parse(R"([["a",0.75,1.0,60,2.0,58,4,"3 x empty-turn, 1 x no-turns",6000,60,4,2,4],
                                      ["b",0.25,0.0,0,0.0,0,0,null,0,0,0,0,0]])"));
  CHECK_THROWS_WITH(opened->write_events(run, {{{"event", "drawn"}, {"sources", {{{"source", "a"}}}}}}), Catch::Contains("said something that is no event"));
}
