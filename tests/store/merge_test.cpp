#include <catch2/catch.hpp>

#include <set>

#include "store/database.h"
#include "store/sql.h"
#include "tests/store/made_store.h"
#include "tests/store/processes.h"
#include "tests/temp_folder.h"

using namespace saucier;
using store::MergeOptions;
using store::Store;

namespace {

// Every row of every view, without the ids that a store gives.
std::set<std::string> shown(const Store& store) {
  std::set<std::string> out;
  for (const store::SqlFile& view : store::views()) {
    const std::string name(view.name.substr(3));
    const auto result = store.query("SELECT * FROM " + name);
    for (const auto& row : result.rows) {
      Json one = {{"view", name}};
      for (std::size_t c = 0; c < row.size(); ++c)
        if (!result.columns[c].ends_with("_id")) one[result.columns[c]] = row[c];
      out.insert(one.dump());
    }
  }
  return out;
}

std::int64_t rows(const Store& store) {
  std::int64_t count = 0;
  for (const char* table : {"sweep", "trial", "trial_stage", "stage_run", "attempt", "metric", "metric_summary", "score", "prediction", "event", "environment", "artifact"})
    count += one_value(store, fmt::format("SELECT count(*) FROM {}", table)).get<std::int64_t>();
  return count;
}

std::int64_t wrong_things(const Store& store) {
  std::int64_t wrong = 0;
  for (const auto& one : store.verify(true)) wrong += one.wrong;
  return wrong;
}

std::string bytes_of(const fs::path& folder) {
  std::string all;
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && !entry.path().filename().string().ends_with("-shm")) files.insert(entry.path());
  for (const fs::path& file : files) all += file.filename().string() + sha256(read_file(file)) + "\n";
  return all;
}

}  // namespace

TEST_CASE("a store that is merged into an empty one is there whole, twice as once, and unchanged itself") {
  TempFolder temp;
  std::set<std::string> expected;
  {
    const auto theirs = Store::open(temp.path() / "theirs" / "s.db");
    made_sweep(*theirs, "first", {{"align", "a"}, {"align", "b"}});
    made_sweep(*theirs, "second", {{"align", "failed", "queued"}});
    for (const char* stage : {"unused", "align", "a", "b"}) REQUIRE(finish_made(*theirs, stage));
    REQUIRE(theirs->fail(*theirs->claim(made_key("failed"), "failed", "train", "{}"), "no memory", "log"));
    expected = shown(*theirs);
  }
  const std::string before = bytes_of(temp.path() / "theirs");
  const auto ours = Store::open(temp.path() / "ours" / "s.db");
  auto report = ours->merge(temp.path() / "theirs" / "s.db");
  CHECK(report.messages.empty());
  CHECK((report.sweeps == 2 && report.runs == 4 && report.artifacts == 3 && report.known_sweeps == 0 && report.known_runs == 0));
  CHECK(shown(*ours) == expected);
  CHECK(wrong_things(*ours) == 0);
  for (const char* stage : {"align", "a", "b"}) CHECK(ours->artifact(made_key(stage)));
  CHECK(!ours->state_of(made_key("unused")));  // no trial refers to it
  CHECK(ours->garbage().empty());

  const std::int64_t count = rows(*ours);
  report = ours->merge(temp.path() / "theirs" / "s.db");
  CHECK((report.sweeps == 0 && report.runs == 0 && report.artifacts == 0 && report.known_sweeps == 2 && report.known_runs == 4));
  CHECK(rows(*ours) == count);
  CHECK(bytes_of(temp.path() / "theirs") == before);
  CHECK_THROWS_WITH(ours->merge(ours->file()), "a store cannot be merged into itself");
  CHECK_THROWS_WITH(ours->merge(temp.path() / "none.db"), Catch::Contains("there is no store at"));
}

TEST_CASE("what both stores have: the done one counts, ours where both are") {
  TempFolder temp;
  const auto ours = Store::open(temp.path() / "ours" / "s.db"), theirs = Store::open(temp.path() / "theirs" / "s.db");
  const std::vector<std::vector<std::string>> trials{{"both", "theirs failed", "ours failed", "ours runs", "theirs runs", "ours lost it", "new"}};
  made_sweep(*theirs, "other", {{"x"}});  // so that ids differ
  REQUIRE(finish_made(*theirs, "x"));
  for (const auto& store : {ours.get(), theirs.get()}) made_sweep(*store, "one", trials);
  const auto fail = [](Store& store, const std::string& stage) {
    return store.fail(store.claim(made_key(stage), stage, "train", "{}").value(), "no", "");
  };
  for (const char* stage : {"both", "theirs failed", "ours lost it"}) REQUIRE(finish_made(*ours, stage, "here"));
  REQUIRE(fail(*ours, "ours failed"));
  fs::remove_all(ours->artifacts() / made_key("ours lost it"));
  const auto running = ours->claim(made_key("ours runs"), "ours runs", "train", "{}");
  for (const char* stage : {"both", "ours failed", "ours runs", "ours lost it", "new"}) REQUIRE(finish_made(*theirs, stage, "there"));
  REQUIRE(fail(*theirs, "theirs failed"));
  REQUIRE(theirs->claim(made_key("theirs runs"), "theirs runs", "train", "{}"));

  const auto report = ours->merge(theirs->file());
  CHECK(report.messages == std::vector<std::string>{"stage 'ours runs' was left out: it runs here just now"});
  CHECK((report.sweeps == 1 && report.known_sweeps == 1));
  const auto made = [&](const char* stage) {
    return one_value(*ours, fmt::format("SELECT state || ' ' || coalesce(json_extract(summary, '$.from'), '') FROM stage_run WHERE key = '{}'", made_key(stage)));
  };
  CHECK(made("both") == "done here");
  CHECK(made("theirs failed") == "done here");
  CHECK(made("ours failed") == "done there");
  CHECK(made("ours lost it") == "done there");
  CHECK(made("ours runs") == "running ");
  CHECK(made("theirs runs") == "released ");
  CHECK(made("new") == "done there");
  for (const char* stage : {"both", "ours failed", "ours lost it", "new", "x"}) CHECK(ours->artifact(made_key(stage)));
  CHECK(one_value(*ours, fmt::format("SELECT attempt FROM stage_run WHERE key = '{}'", made_key("ours failed"))) == 2);
  CHECK(one_value(*ours, "SELECT group_concat(number || ' ' || a.state, ', ') FROM attempt a JOIN stage_run r ON r.id = stage_run_id WHERE name = 'ours failed'") ==
        "1 failed, 2 done");
  CHECK(one_value(*ours, "SELECT count(*) FROM event WHERE source = 'worker' AND attempt = 2") == 2);
  CHECK(one_value(*ours, "SELECT count(*) FROM attempt WHERE state = 'running'") == 1);  // 'ours runs'
  CHECK(one_value(*ours, "SELECT count(*) FROM curve WHERE stage = 'new'") == 3);
  CHECK(wrong_things(*ours) == 0);
  CHECK(ours->heartbeat(*running));
  CHECK(finish_made(*ours, "theirs runs"));  // nobody has it
  REQUIRE(ours->release(*running, ""));
  CHECK(ours->merge(theirs->file()).runs == 1);
  CHECK(made("ours runs") == "done there");
}

TEST_CASE("the same recipe with other keys is a sweep of its own, and follows its store") {
  TempFolder temp;
  const auto ours = Store::open(temp.path() / "ours" / "s.db"), theirs = Store::open(temp.path() / "theirs" / "s.db");
  const auto submit = [](Store& store, const char* key) {
    return store.add_sweep("q", "q.toml", "", "maximize", {{.name = "q-1", .parameters = Json::object(), .resolved = "{}", .stages = {{"align", made_key(key)}}}});
  };
  submit(*ours, "here");
  submit(*theirs, "there");
  REQUIRE(finish_made(*theirs, "there"));
  for (int round = 0; round < 2; ++round) {
    ours->merge(theirs->file());
    CHECK(one_value(*ours, "SELECT group_concat(key) FROM (SELECT key FROM trial_stage ORDER BY trial_id)") == made_key("here") + "," + made_key("there"));
  }
  submit(*theirs, "there later");  // their data has changed
  REQUIRE(finish_made(*theirs, "there later"));
  ours->merge(theirs->file());
  CHECK(one_value(*ours, "SELECT group_concat(key) FROM (SELECT key FROM trial_stage ORDER BY trial_id)") == made_key("here") + "," + made_key("there later"));
  CHECK(one_value(*ours, "SELECT count(*) FROM sweep WHERE origin <> ''") == 1);
  CHECK(wrong_things(*ours) == 0);
}

TEST_CASE("an artifact that is gone or broken over there is left out, its rows are not") {
  TempFolder temp;
  const auto ours = Store::open(temp.path() / "ours" / "s.db"), theirs = Store::open(temp.path() / "theirs" / "s.db");
  made_sweep(*theirs, "one", {{"whole", "gone", "broken", "led astray"}});
  for (const char* stage : {"whole", "gone", "broken"}) REQUIRE(finish_made(*theirs, stage));
  fs::remove_all(theirs->artifacts() / made_key("gone"));
  write_file_atomic(theirs->artifacts() / made_key("broken") / "model" / "w", "Weights of broken");
  write_file_atomic(temp.path() / "secret", "secret");
  fs::create_symlink(temp.path() / "secret", theirs->artifacts() / made_key("whole") / "link");
  make_folders(temp.path() / "victim");
  store::Database(theirs->file(), store::Database::Mode::kWrite).execute(
      "UPDATE trial_stage SET key = '../../victim' WHERE stage = 'led astray';"
      "INSERT INTO stage_run(key, name, kind, key_text, attempt, state, owner_host, owner_boot, owner_pid, owner_start, heartbeat_us, started_us)"
      " VALUES('../../victim', 'led astray', 'train', '{}', 1, 'done', '', '', 0, 0, 0, 0)");
  auto report = ours->merge(theirs->file());
  CHECK(fs::exists(temp.path() / "victim"));
  REQUIRE(report.messages.size() == 3);
  CHECK(report.messages[2] == "stage 'led astray' was left out: its key is no name of a folder");
  CHECK(report.messages[0].ends_with("is not there; its rows are taken over"));
  CHECK(report.messages[1].find("is broken ('model/w' has other contents than the manifest says)") != std::string::npos);
  CHECK((report.runs == 3 && report.artifacts == 1));
  CHECK(one_value(*ours, "SELECT count(*) FROM trial_score") == 3);
  CHECK(!ours->artifact(made_key("gone")));
  CHECK(!fs::exists(ours->artifacts() / made_key("whole") / "link"));
  std::set<std::string> there;
  for (const auto& entry : fs::directory_iterator(ours->artifacts())) there.insert(entry.path().filename());
  CHECK(there == std::set{made_key("whole")});
  CHECK(wrong_things(*ours) == 0);
  REQUIRE(finish_made(*theirs, "gone"));  // made again there
  CHECK(ours->merge(theirs->file()).artifacts == 1);
  CHECK(ours->artifact(made_key("gone")));

  const auto light = Store::open(temp.path() / "light" / "s.db");
  report = light->merge(theirs->file(), {.artifacts = false, .sweep = {}});
  CHECK((report.runs == 3 && report.artifacts == 0 && report.messages.size() == 1));
  CHECK(!fs::exists(light->artifacts()));
  CHECK(wrong_things(*light) == 0);
  CHECK(light->merge(theirs->file()).artifacts == 2);  // and they can follow
}

TEST_CASE("a merge that was killed is done again") {
  TempFolder temp;
  std::set<std::string> expected;
  {
    const auto theirs = Store::open(temp.path() / "theirs" / "s.db");
    std::vector<std::string> stages;
    for (int i = 0; i < 12; ++i) stages.push_back("s" + std::to_string(i));
    made_sweep(*theirs, "one", {stages});
    for (const std::string& stage : stages) REQUIRE(finish_made(*theirs, stage));
    expected = shown(*theirs);
  }
  int killed = 0;
  for (int round = 0; round < 12; ++round) {
    const fs::path file = temp.path() / ("ours" + std::to_string(round)) / "s.db";
    Store::open(file).reset();
    const pid_t child = in_child([&] { return Store::open(file)->merge(temp.path() / "theirs" / "s.db").runs > 0 ? 0 : 1; });
    ::usleep(static_cast<useconds_t>(3000 * (round + 1)));
    ::kill(child, SIGKILL);
    killed += wait_for(child) == -SIGKILL;
    const auto ours = Store::open(file);
    CHECK(wrong_things(*ours) == 0);
    ours->merge(temp.path() / "theirs" / "s.db");
    CHECK(shown(*ours) == expected);
    CHECK(wrong_things(*ours) == 0);
  }
  CHECK(killed > 0);
}

TEST_CASE("a store of an older layout is merged from a copy; a newer one and another program's are refused") {
  TempFolder temp;
  const auto ours = Store::open(temp.path() / "ours" / "s.db");
  make_folders(temp.path() / "old");
  const fs::path old = temp.path() / "old" / "s.db";
  {
    store::Database database(old, store::Database::Mode::kWrite);
    database.execute(std::string(store::migrations().front().text));
    database.execute(fmt::format(
        "PRAGMA application_id=0x53415543; PRAGMA user_version=1;"
        "INSERT INTO sweep VALUES(1, 'd', 'old', 'o.toml', '', 'maximize', 1);"
        "INSERT INTO trial VALUES(1, 1, 1, 'old-1', '{{}}', '{{}}');"
        "INSERT INTO trial_stage VALUES(1, 1, 'align', '{0}');"
        "INSERT INTO stage_run(id, key, name, kind, key_text, attempt, state, owner_host, owner_boot, owner_pid, owner_start, heartbeat_us, started_us, finished_us)"
        " VALUES(1, '{0}', 'align', 'train', '{{}}', 1, 'done', 'h', 'b', 1, 1, 1, 1, 2);"
        "INSERT INTO environment VALUES(1, 'torch', '2.13.0');", made_key("align")));
  }
  const std::string before = bytes_of(old.parent_path());
  const auto report = ours->merge(old);
  CHECK((report.sweeps == 1 && report.runs == 1));
  CHECK(one_value(*ours, "SELECT state FROM stage_cost WHERE trial = 'old-1'") == "done");
  CHECK(one_value(*ours, "SELECT value FROM environment") == "2.13.0");
  CHECK(bytes_of(old.parent_path()) == before);
  for (const auto& entry : fs::directory_iterator(temp.path() / "ours")) CHECK(entry.path().filename().string().find(".tmp-") == std::string::npos);
  CHECK(ours->merge(old).known_runs == 1);

  store::Database(old, store::Database::Mode::kWrite).execute("PRAGMA user_version=99");
  CHECK_THROWS_WITH(ours->merge(old), Catch::Contains("layout 99") && Catch::Contains(fmt::format("up to {}", store::migrations().size())));
  store::Database(temp.path() / "other.db", store::Database::Mode::kWrite).execute("CREATE TABLE t(a)");
  CHECK_THROWS_WITH(ours->merge(temp.path() / "other.db"), Catch::Contains("another program"));
}
