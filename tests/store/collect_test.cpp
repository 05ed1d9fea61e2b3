#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include "store/database.h"
#include "store/owner.h"
#include "tests/store/made_store.h"
#include "tests/store/processes.h"
#include "tests/temp_folder.h"

using namespace saucier;
using store::Garbage;
using store::Store;

namespace {

std::set<std::string> names(const std::vector<Garbage>& garbage, std::optional<Garbage::Kind> kind = {}) {
  std::set<std::string> out;
  for (const Garbage& one : garbage)
    if (!kind || one.kind == *kind) out.insert(one.name);
  return out;
}

std::string folder_of(const std::string& stage) { return "artifacts/" + made_key(stage); }

std::int64_t wrong_things(const Store& store) {
  const auto findings = store.verify(true);
  for (const auto& one : findings)
    if (one.wrong) UNSCOPED_INFO(one.what << ": " << one.problem);
  return std::count_if(findings.begin(), findings.end(), [](const store::Finding& one) { return one.wrong; });
}

}  // namespace

TEST_CASE("gc removes what no trial refers to, and nothing else") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto first = made_sweep(*opened, "first", {{"align", "a"}, {"align", "b"}});
  made_sweep(*opened, "second", {{"align", "c"}});
  for (const char* stage : {"align", "a", "b", "c"}) REQUIRE(finish_made(*opened, stage));
  CHECK(opened->garbage().empty());
  CHECK(opened->collect().empty());

  CHECK(names(opened->garbage(first), Garbage::Kind::kArtifact) == std::set{folder_of("a"), folder_of("b")});
  CHECK(opened->garbage().empty());  // asking changes nothing
  opened->drop_sweep(first);
  const auto gone = opened->collect();
  CHECK(names(gone, Garbage::Kind::kArtifact) == std::set{folder_of("a"), folder_of("b")});
  CHECK(names(gone, Garbage::Kind::kRows) == std::set<std::string>{"a", "b"});
  CHECK(std::all_of(gone.begin(), gone.end(), [](const Garbage& one) { return one.kind != Garbage::Kind::kArtifact || one.bytes > 100; }));
  CHECK(opened->artifact(made_key("align")));
  CHECK(opened->artifact(made_key("c")));
  CHECK(!opened->artifact(made_key("a")));
  CHECK(one_value(*opened, "SELECT count(*) FROM stage_run") == 2);
  CHECK(one_value(*opened, "SELECT count(*) FROM prediction") == 2);
  CHECK(wrong_things(*opened) == 0);
  CHECK(opened->garbage().empty());
  CHECK(finish_made(*opened, "a"));  // and is made again when it is wanted
}

TEST_CASE("prepared samples go once no stage has read them for long, or on demand") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto prepared = [&](const std::string& name, int days) {
    const fs::path folder = temp.path() / "cache" / made_key(name);
    make_folders(folder);
    write_file_atomic(folder / "000000.rows", std::string(1000, 'x'));
    write_file_atomic(folder / "key.json", "{}");
    fs::last_write_time(folder / "key.json", fs::file_time_type::clock::now() - std::chrono::hours(24 * days));
    return "cache/" + made_key(name);
  };
  const std::string old = prepared("old", 31), young = prepared("young", 8);
  make_folders(temp.path() / "cache" / "mine");  // nothing of ours
  CHECK(names(opened->garbage(), Garbage::Kind::kCache) == std::set{old});
  CHECK(opened->garbage()[0].bytes == 1002);
  CHECK(names(opened->garbage({}, 7)) == std::set{old, young});
  CHECK(names(opened->collect()) == std::set{old});
  CHECK_FALSE(fs::exists(temp.path() / old));
  CHECK(names(opened->collect(0)) == std::set{young});
  CHECK(fs::exists(temp.path() / "cache" / "mine"));
  CHECK(opened->garbage({}, 0).empty());
}

TEST_CASE("what is pinned or runs is not dropped") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto sweep = made_sweep(*opened, "kept", {{"align"}, {"other"}});
  opened->pin_sweep(sweep, true);
  CHECK_THROWS_WITH(opened->drop_sweep(sweep), "sweep 'kept' is pinned");
  opened->pin_sweep(sweep, false);
  const auto trial = one_value(*opened, "SELECT id FROM trial WHERE name = 'kept-2'").get<std::int64_t>();
  opened->pin_trial(trial, true);
  CHECK_THROWS_WITH(opened->drop_sweep(sweep), "trial 'kept-2' of sweep 'kept' is pinned");
  opened->pin_trial(trial, false);
  const auto run = opened->claim(made_key("align"), "align", "train", "{}");
  CHECK_THROWS_WITH(opened->drop_sweep(sweep), "stage 'align' of sweep 'kept' is running");
  const auto other = made_sweep(*opened, "other", {{"align"}});
  opened->drop_sweep(other);  // another sweep's stage, too: that one still wants it
  REQUIRE(opened->release(*run, "enough"));
  opened->drop_sweep(sweep);
  CHECK(one_value(*opened, "SELECT count(*) FROM trial_stage") == 0);
  CHECK_THROWS_WITH(opened->drop_sweep(sweep), Catch::Contains("there is no sweep"));
}

TEST_CASE("work folders stay for stages that go on, and go with those that are done or gone") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  made_sweep(*opened, "one", {{"done", "failed", "running", "lost"}});
  REQUIRE(finish_made(*opened, "done"));
  REQUIRE(opened->fail(*opened->claim(made_key("failed"), "failed", "train", "{}"), "no", ""));
  REQUIRE(opened->claim(made_key("running"), "running", "train", "{}"));
  CHECK(wait_for(in_child([&] { return Store::open(opened->file())->claim(made_key("lost"), "lost", "train", "{}") ? 0 : 1; })) == 0);
  for (const char* stage : {"done", "failed", "running", "lost", "unknown", "worked on"}) make_folders(opened->work() / made_key(stage) / "resume");
  make_folders(opened->work() / "something else");
  const auto self = store::this_process();
  write_file_atomic(opened->work() / made_key("worked on") / paths::kWorker,
                    Json{{"host", self.host}, {"boot", self.boot}, {"pid", self.pid}, {"start", self.start}}.dump());
  CHECK(names(opened->collect(), Garbage::Kind::kWork) == std::set{"work/" + made_key("done"), "work/" + made_key("unknown")});
  for (const char* stage : {"failed", "running", "lost", "worked on"}) CHECK(fs::exists(opened->work() / made_key(stage)));
  CHECK(fs::exists(opened->work() / "something else"));
}

TEST_CASE("what was set aside or left over goes; what is nobody's stays") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const pid_t ended = in_child([] { return 0; });
  wait_for(ended);
  const auto make = [&](const fs::path& path, int hours) {
    make_folders(path.parent_path());
    write_file_atomic(path, "x");
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  make_folders(opened->artifacts() / (made_key("a") + ".broken-1"));
  make_folders(opened->artifacts() / (made_key("a") + ".trash-2"));
  make_folders(opened->artifacts() / "mine");
  const std::string old = fmt::format("x.html.tmp-{}-0", ended), young = fmt::format("y.html.tmp-{}-0", ended),
                    ours = fmt::format("z.html.tmp-{}-0", ::getpid());
  make(temp.path() / old, 2);
  make(temp.path() / young, 0);
  make(temp.path() / ours, 2);
  const auto gone = opened->collect();
  CHECK(names(gone) == std::set{"artifacts/" + made_key("a") + ".broken-1", "artifacts/" + made_key("a") + ".trash-2", old});
  for (const fs::path& kept : {temp.path() / young, temp.path() / ours, opened->artifacts() / "mine"}) CHECK(fs::exists(kept));
}

TEST_CASE("stores in one folder share its artifacts: what another one refers to stays") {
  TempFolder temp;
  const auto one = Store::open(temp.path() / "one.db"), two = Store::open(temp.path() / "two.db");
  const auto sweep = made_sweep(*one, "s", {{"shared", "own"}});
  made_sweep(*two, "s", {{"shared"}});
  write_file_atomic(temp.path() / "text.db", "no database");
  for (const char* stage : {"shared", "own"}) REQUIRE(finish_made(*one, stage));
  REQUIRE(two->artifact(made_key("shared")));
  CHECK(two->garbage().empty());  // one.db refers to the other
  one->drop_sweep(sweep);
  CHECK(names(one->collect(), Garbage::Kind::kArtifact) == std::set{folder_of("own")});
  CHECK(two->artifact(made_key("shared")));
  store::Database(temp.path() / "two.db", store::Database::Mode::kWrite).execute("PRAGMA user_version=99");
  CHECK_THROWS_WITH(one->collect(), Catch::Contains("layout 99"));
}

TEST_CASE("usage: what a sweep takes, and what is its own") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto first = made_sweep(*opened, "first", {{"align", "a"}, {"align", "b"}});
  const auto second = made_sweep(*opened, "second", {{"align", "c"}});
  made_sweep(*opened, "queued", {{"d"}});
  for (const char* stage : {"align", "a", "b", "c", "x"}) REQUIRE(finish_made(*opened, stage));
  opened->pin_sweep(second, true);
  const auto bytes = [&](const std::string& stage) {
    return one_value(*opened, "SELECT bytes FROM artifact WHERE folder = '" + made_key(stage) + "'").get<std::int64_t>();
  };
  const auto usage = opened->usage();
  REQUIRE(usage.size() == 4);
  CHECK(usage[0].sweep == "queued");
  CHECK(usage[0].bytes == 0);
  CHECK((usage[1].sweep == "second" && usage[1].pinned && usage[1].artifacts == 2));
  CHECK(usage[1].alone == bytes("c"));
  CHECK((usage[2].sweep_id == first && !usage[2].pinned && usage[2].artifacts == 3));
  CHECK(usage[2].bytes == bytes("align") + bytes("a") + bytes("b"));
  CHECK(usage[2].alone == bytes("a") + bytes("b"));
  CHECK((usage[3].sweep == "" && usage[3].alone == bytes("x")));
  std::uintmax_t counted = 0;
  for (const auto& entry : fs::recursive_directory_iterator(opened->artifacts() / made_key("a")))
    if (entry.is_regular_file()) counted += entry.file_size();
  CHECK(bytes("a") == static_cast<std::int64_t>(counted));
}

TEST_CASE("verify says what is wrong with which artifact, and what to do") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  made_sweep(*opened, "one", {{"whole", "gone", "short", "changed", "manifest", "late", "torn"}});
  for (const char* stage : {"whole", "gone", "short", "changed", "manifest", "unused"}) REQUIRE(finish_made(*opened, stage));
  CHECK(wrong_things(*opened) == 0);
  const auto path = [&](const char* stage) { return opened->artifacts() / made_key(stage); };
  fs::remove_all(path("gone"));
  write_file_atomic(path("short") / "model" / "w", "x");
  write_file_atomic(path("changed") / "model" / "w", "Weights of changed");
  write_file_atomic(path("manifest") / paths::kManifest, read_file(path("manifest") / paths::kManifest) + "\n");
  made_artifact(*opened, "late");
  make_folders(path("torn") / "model");
  make_folders(opened->artifacts() / (made_key("whole") + ".broken-1"));

  const auto said = [&](bool contents) {
    std::vector<std::string> out;
    for (const auto& one : opened->verify(contents)) out.push_back((one.wrong ? "" : "note: ") + one.problem);
    std::sort(out.begin(), out.end());
    return out;
  };
  std::vector<std::string> expected{"'model/w' has 1 bytes, the manifest says 16", "'model/w' has other contents than the manifest says",
                                    "it has no manifest", "its folder is gone", "its manifest is not the one that was recorded",
                                    "note: a broken artifact that was set aside", "note: it is whole, but was not recorded yet"};
  CHECK(said(true) == expected);
  std::erase(expected, "'model/w' has other contents than the manifest says");
  CHECK(said(false) == expected);
  CHECK(opened->verify(true, 1).size() == 4);
  CHECK(opened->verify(true).front().what == fmt::format("artifact '{}' of stage 'gone'", made_key("gone").substr(0, 12)));

  store::Database(opened->file(), store::Database::Mode::kWrite).execute("PRAGMA foreign_keys=OFF; DELETE FROM trial");
  const auto findings = opened->verify(true);
  CHECK(std::count_if(findings.begin(), findings.end(), [](const store::Finding& one) { return one.what == "database"; }) == 7);
}

TEST_CASE("gc beside runners that submit, run and drop: nothing goes from under them", "[fault]") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  std::vector<pid_t> children;
  for (int c = 0; c < 3; ++c) {
    children.push_back(in_child([&] {
      const auto opened = Store::open(file);
      std::mt19937 random(static_cast<unsigned>(c));
      for (int i = 0; i < 40; ++i) {
        const std::string stage = "s" + std::to_string(random() % 3);
        const auto sweep = made_sweep(*opened, fmt::format("sweep-{}-{}", c, i), {{stage}});
        while (!opened->artifact(made_key(stage)) && !finish_made(*opened, stage)) ::usleep(500);
        ::usleep(static_cast<useconds_t>(random() % 3000));
        if (!opened->artifact(made_key(stage))) return 1;
        opened->drop_sweep(sweep);
      }
      return 0;
    }));
  }
  const auto opened = Store::open(file);
  std::size_t removed = 0;
  for (std::size_t over = 0; over < children.size();) {
    removed += opened->collect().size();
    int raw = 0;
    if (::waitpid(children[over], &raw, WNOHANG) == 0) continue;
    CHECK(raw == 0);
    ++over;
  }
  opened->collect();
  CHECK(removed > 10);
  CHECK(fs::is_empty(opened->artifacts()));
  CHECK(wrong_things(*opened) == 0);
}

// What the store should hold, kept beside it in memory while random things happen to both.
TEST_CASE("whatever happens, gc keeps what a trial refers to and removes the rest", "[fault]") {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    TempFolder temp;
    auto opened = Store::open(temp.path() / "s.db");
    std::map<std::int64_t, std::set<std::string>> sweeps;  // id -> stages
    std::set<std::string> finished, running;
    std::map<std::string, store::StageRunId> runs;
    int number = 0;
    const auto wanted = [&](const std::string& stage) {
      return std::any_of(sweeps.begin(), sweeps.end(), [&](const auto& sweep) { return sweep.second.contains(stage); });
    };
    for (int step = 0; step < 150; ++step) {
      const std::string stage = "s" + std::to_string(below(12));
      switch (below(7)) {
        case 0: {
          std::vector<std::string> stages{stage, "s" + std::to_string(below(12))};
          if (stages[0] == stages[1]) stages.pop_back();
          sweeps[made_sweep(*opened, "sweep" + std::to_string(number++), {stages})] = {stages.begin(), stages.end()};
          break;
        }
        case 1:
        case 2:
          if (!running.contains(stage) && !finished.contains(stage)) {
            REQUIRE(finish_made(*opened, stage));
            finished.insert(stage);
          }
          break;
        case 3:
          if (finished.contains(stage) || running.contains(stage)) break;
          runs[stage] = opened->claim(made_key(stage), stage, "train", "{}").value();
          running.insert(stage);
          break;
        case 4:
          if (!running.erase(stage)) break;
          REQUIRE(opened->finish(runs[stage], made_artifact(*opened, stage), Json::object(), 1));
          finished.insert(stage);
          break;
        case 5: {
          if (sweeps.empty()) break;
          const auto [id, stages] = *std::next(sweeps.begin(), static_cast<std::ptrdiff_t>(below(sweeps.size())));
          sweeps.erase(id);
          const bool in_use = std::any_of(stages.begin(), stages.end(), [&](const std::string& one) { return running.contains(one) && !wanted(one); });
          if (in_use) {
            CHECK_THROWS_AS(opened->drop_sweep(id), Error);
            sweeps[id] = stages;
          } else {
            opened->drop_sweep(id);
          }
          break;
        }
        default: {  // a gc, killed at any time in half of the cases
          if (below(2) == 0) {
            const fs::path file = opened->file();
            const pid_t child = in_child([&] { return Store::open(file)->collect().empty() ? 0 : 1; });
            ::usleep(static_cast<useconds_t>(below(8000)));
            ::kill(child, SIGKILL);
            wait_for(child);
          }
          const auto gone = opened->collect();
          std::erase_if(finished, [&](const std::string& one) { return !wanted(one); });
          CHECK(opened->garbage().empty());
          for (const Garbage& one : gone)
            if (!one.key.empty()) CHECK(std::none_of(finished.begin(), finished.end(), [&](const std::string& kept) { return made_key(kept) == one.key; }));
          break;
        }
      }
      for (const std::string& one : finished)
        if (wanted(one)) REQUIRE(opened->artifact(made_key(one)));
      for (const std::string& one : running) REQUIRE(opened->heartbeat(runs[one]));
    }
    opened->collect();
    std::erase_if(finished, [&](const std::string& one) { return !wanted(one); });
    std::set<std::string> there, expected;
    for (const auto& entry : fs::directory_iterator(opened->artifacts())) there.insert(entry.path().filename());
    for (const std::string& one : finished) expected.insert(made_key(one));
    CHECK(there == expected);
    CHECK(wrong_things(*opened) == 0);
  }
}
