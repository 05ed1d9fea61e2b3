// Runners and workers killed (kill -9) at random moments: nothing that was said to be there is lost, and the run that
// goes on ends with the rows of one that nobody disturbed. tests/e2e/interrupted.sh does the same with real training.
#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <map>
#include <random>

#include "modules/base/paths.h"
#include "store/database.h"
#include "store/manifest.h"
#include "store/owner.h"
#include "tests/fault/long.h"
#include "tests/runner/exec/made_run.h"

using namespace saucier;

namespace {

// Rows that anybody could have read, by what they belong to: finished stages, and live metrics of a running attempt.
std::map<std::string, std::int64_t> seen(const fs::path& file) {
  std::map<std::string, std::int64_t> out;
  if (!fs::exists(file)) return out;
  const store::Database database(file, store::Database::Mode::kRead);
  store::Statement statement(database.handle(),
                             "SELECT r.key || ' ' || r.attempt || iif(r.state = 'done', ' done', ''), "
                             "(SELECT count(*) FROM metric m WHERE m.stage_run_id = r.id) + "
                             "(SELECT count(*) FROM prediction p WHERE p.stage_run_id = r.id) FROM stage_run r "
                             "WHERE r.state IN ('running', 'done')");
  while (statement.step()) out[statement.text(0)] = statement.integer(1);
  return out;
}

// The process that works in one of the work folders, or 0.
pid_t a_worker(const fs::path& work) {
  std::error_code error;  // of the walk: folders go as well
  for (fs::directory_iterator folder(work, error), end; !error && folder != end; folder.increment(error)) {
    std::ifstream file(folder->path() / "worker.json");  // which may go at any moment
    const Json said = Json::parse(file, nullptr, false);
    if (!said.is_object()) continue;
    const store::Owner owner{.host = said.value("host", ""), .boot = said.value("boot", ""),
                             .pid = said.value("pid", std::int64_t{0}), .start = said.value("start", std::int64_t{0})};
    if (owner.pid > 1 && owner.start != 0 && !store::gone(owner)) return static_cast<pid_t>(owner.pid);
  }
  return 0;
}

struct Tally {
  int runner = 0, worker = 0, runs = 0, with_live_rows = 0;
};

void check_sound(const fs::path& file, const std::map<std::string, std::int64_t>& before) {
  const auto after = seen(file);
  for (const auto& [what, count] : before) {
    CAPTURE(what);
    // A running stage may have been finished or have ended since; a finished one stays as it was.
    const auto found = after.find(what);
    if (what.ends_with("done")) REQUIRE((found != after.end() && found->second == count));
    else if (found != after.end()) REQUIRE(found->second >= count);
  }
  const store::Database database(file, store::Database::Mode::kRead);
  store::Statement whole(database.handle(), "PRAGMA quick_check");
  REQUIRE((whole.step() && whole.text(0) == "ok"));
  std::error_code ignored;
  for (const auto& folder : fs::directory_iterator(file.parent_path() / "artifacts", ignored))
    REQUIRE(store::check_manifest(folder.path(), true).problem.empty());
}

}  // namespace

TEST_CASE("kills of runner and worker lose nothing, and the run goes on to the same end") {
  const int kills = long_version() ? 1'000 : 200;
  const auto recipe = sweep_of({1e-4, 2e-4});
  Place calm;
  for (const char* stage : {"align", "instruct"}) calm.order(stage, "state 1");
  Heard heard;
  REQUIRE(run(calm.file, recipe, heard).ran == 5);
  const std::string expected = rows(calm.file);

  std::mt19937 random(2026);
  Tally tally;
  std::unique_ptr<Place> place;
  while (tally.runner + tally.worker < kills) {
    if (!place) {
      place = std::make_unique<Place>();
      for (const char* stage : {"align", "instruct"}) place->order(stage, "state 1");
    }
    CAPTURE(tally.runner, tally.worker);
    const pid_t runner = run_in_child(place->file, recipe, {.worker = {}, .metric_seconds = 0.004});
    ::usleep(1'000 + random() % 90'000);
    std::map<std::string, std::int64_t> before;
    if (const auto tables = fs::exists(place->file) && fs::file_size(place->file) > 0; tables) {
      try {
        before = seen(place->file);
      } catch (const Error&) {  // its tables are being made just now
      }
    }
    for (const auto& [what, count] : before) tally.with_live_rows += !what.ends_with("done") && count > 0;
    pid_t worker = 0;
    const bool of_worker = random() % 2 == 0;
    while (of_worker && worker == 0 && !has_ended(runner)) worker = a_worker(place->file.parent_path() / "work");
    ::kill(worker != 0 ? worker : runner, SIGKILL);
    const int code = wait_for(runner);
    if (worker == 0) {
      REQUIRE((code == -SIGKILL || code == 0));
      tally.runner += code != 0;
    } else {
      REQUIRE((code == 0 || code == 1));
      tally.worker += code != 0;
    }
    check_sound(store::Store::open(place->file)->file(), before);
    if (code != 0) continue;
    ++tally.runs;
    REQUIRE(rows(place->file) == expected);
    place.reset();
  }
  if (place) {
    CHECK(run(place->file, recipe, heard).failed == 0);
    CHECK(rows(place->file) == expected);
  }
  CHECK(tally.runner > kills / 4);
  CHECK(tally.worker > kills / 10);
  CHECK(tally.with_live_rows > 0);
  if (long_version()) {
    WARN(tally.runner << " runners and " << tally.worker << " workers killed, in " << tally.runs << " sweeps of 5 stages; "
                      << tally.with_live_rows << " times a running stage had live metrics");
  }
}
