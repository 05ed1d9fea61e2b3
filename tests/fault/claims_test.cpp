// Who may write: claims of many processes at once, and a process that was stopped for longer than its lease.
#include <catch2/catch.hpp>

#include <csignal>

#include "modules/base/paths.h"
#include "store/database.h"
#include "tests/runner/exec/made_run.h"
#include "tests/store/sample_store.h"

using namespace saucier;
using store::Store;

namespace {

// Every row of every table.
std::string everything(const fs::path& file) {
  const store::Database database(file, store::Database::Mode::kRead);
  std::vector<std::string> tables;
  store::Statement names(database.handle(), "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1");
  while (names.step()) tables.push_back(names.text(0));
  std::string out;
  for (const std::string& table : tables) {
    store::Statement rows(database.handle(), "SELECT * FROM " + table);
    while (rows.step()) {
      out += table;
      for (int i = 0; i < rows.columns(); ++i) out += "|" + rows.text(i);
      out += "\n";
    }
  }
  return out;
}

int count_lines(const fs::path& file) {
  const std::string text = read_file(file);
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

void wait_until(const std::function<bool()>& true_now) {
  bool now = true_now();
  for (int i = 0; i < 60'000 && !now; ++i, now = true_now()) ::usleep(2'000);
  REQUIRE(now);
}

}  // namespace

TEST_CASE("sixteen processes claim 2,000 stage runs: none twice") {
  constexpr int kProcesses = 16, kRuns = 2'000;
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(in_child([&, i] {
      const auto opened = Store::open(file);
      LineAppender claims(temp.path() / "claims");
      for (int k = 0; k < kRuns; ++k) {
        const std::string key = std::to_string((k + i % 2 * kRuns / 2) % kRuns);
        if (opened->claim(key, "s", "train", "{}")) claims.append(key);
      }
      LineAppender(temp.path() / "ready").append(std::to_string(i));
      ::pause();  // a process that ends would lose its claims
      return 0;
    }));
  }
  wait_until([&] { return fs::exists(temp.path() / "ready") && count_lines(temp.path() / "ready") == kProcesses; });
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) wait_for(child);
  CHECK(count_lines(temp.path() / "claims") == kRuns);
  const auto rows = Store::open_read_only(file)->query("SELECT count(*), max(attempt), count(DISTINCT owner_pid) FROM stage_run").rows;
  CHECK(rows[0][0] == kRuns);
  CHECK(rows[0][1] == 1);
  CHECK(rows[0][2] > 1);
}

TEST_CASE("a process that was stopped for longer than its lease changes no row after it wakes") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  const std::string key(64, 'a');
  const store::StoreOptions short_lease{.lease_us = 50'000, .on_network = false};
  const pid_t child = in_child([&] {
    const auto opened = Store::open(file, short_lease);
    const auto run = opened->claim(key, "align", "train", "{}");
    if (!opened->add_metrics(*run, sample_events())) return 1;
    const fs::path artifact = sample_artifact(*opened, "mine");
    ::raise(SIGSTOP);
    if (opened->heartbeat(*run) || opened->add_metrics(*run, sample_events()) || opened->write_events(*run, sample_events()) ||
        opened->add_environment(*run, {{"host", "late"}}) || opened->finish(*run, artifact, Json::object(), 1) ||
        opened->fail(*run, "late", "late") || opened->release(*run, "late")) {
      return 2;
    }
    return opened->claim(key, "align", "train", "{}") ? 3 : 0;
  });
  int raw = 0;
  REQUIRE(::waitpid(child, &raw, WUNTRACED) == child);
  REQUIRE(WIFSTOPPED(raw));
  const auto opened = Store::open(file, short_lease);
  std::optional<store::StageRunId> mine;
  wait_until([&] { return (mine = opened->claim(key, "align", "train", "{}")).has_value(); });
  CHECK(mine->attempt == 2);
  SECTION("while the other one goes on") {
    opened->heartbeat(*mine);
    store::Database(file, store::Database::Mode::kWrite).execute("UPDATE stage_run SET heartbeat_us = heartbeat_us + 3600000000");
  }
  SECTION("once the other one has finished") {
    REQUIRE(opened->write_events(*mine, sample_events()));
    REQUIRE(opened->finish(*mine, sample_artifact(*opened, key), Json::object(), 1));
  }
  const std::string before = everything(file);
  ::kill(child, SIGCONT);
  CHECK(wait_for(child) == 0);
  CHECK(everything(file) == before);
}

TEST_CASE("a runner that was stopped for longer than its lease says so and takes the other's result") {
  Place place;
  place.order("align", "slow 60000");
  const auto recipe = recipe_of({{train_stage("align")}});
  const store::StoreOptions short_lease{.lease_us = 300'000, .on_network = false};
  const pid_t child = in_child([&] {
    Heard heard;
    const auto outcome = run(place.file, recipe, heard, {}, short_lease);
    const bool said = std::any_of(heard.messages.begin(), heard.messages.end(),
                                  [](const auto& text) { return text.find("taken over by another process") != std::string::npos; });
    return outcome.failed == 0 && outcome.ran == 0 && outcome.cached == 1 && said && heard.failure.empty() ? 0 : 1;
  });
  wait_until([&] { return place.count("runs.log", "align") == 1; });
  {
    store::LockFile lock(place.file);  // so that it is stopped outside of a transaction
    lock.lock();
    ::kill(child, SIGSTOP);
  }
  ::usleep(350'000);
  place.order("align", "");
  Heard heard;
  CHECK(run(place.file, recipe, heard, {}, short_lease).ran == 1);  // and ends the worker that the other one left
  const std::string before = everything(place.file);
  ::kill(child, SIGCONT);
  CHECK(wait_for(child) == 0);
  CHECK(everything(place.file) == before);
  CHECK(place.count("runs.log", "align") == 2);
}
