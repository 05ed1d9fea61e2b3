// Each file operation of a run, SQLite's among them, fails once in turn: the run ends with a clear message, the store
// opens sound, and the same command finishes with the rows of a run that nobody disturbed.
#include <catch2/catch.hpp>

#include "modules/base/paths.h"
#include "store/database.h"
#include "store/manifest.h"
#include "tests/fault/calls.h"
#include "tests/fault/long.h"
#include "tests/runner/exec/made_run.h"

using namespace saucier;
using calls::Mode;

namespace {

constexpr int kNotRun = 98;  // the whole run ended with an error

const recipe::Recipe& short_recipe() {
  static const recipe::Recipe recipe = recipe_of({{train_stage("align")}});
  return recipe;
}

std::string integrity(const fs::path& file) {
  const store::Database database(file, store::Database::Mode::kRead);
  store::Statement statement(database.handle(), "PRAGMA integrity_check");
  return statement.step() ? statement.text(0) : "nothing";
}

// Says what is wrong in words that people know.
bool clear(const std::string& message) {
  for (const char* known : {"No space left on device", "Input/output error", "Read-only file system", "disk I/O error",
                            "database or disk is full", "unable to open database file", "readonly database", "database disk image is malformed"}) {
    if (message.find(known) != std::string::npos) return true;
  }
  return false;
}

struct Ended {
  int code = 0;
  std::string message;
  bool struck = false;
};

// One run in a process of its own with that call failing, of the runner or of its worker.
Ended faulty_run(const Place& place, calls::Plan plan, bool of_worker) {
  const fs::path said = place.temp.path() / "said", struck = place.temp.path() / "struck";
  plan.under = (place.temp.path() / "results").string();
  plan.struck = struck.string();
  Ended ended;
  ended.code = wait_for(in_child([&] {
    int code = 0;
    std::string message;
    try {
      if (of_worker) ::setenv(calls::kVariable, calls::to_variable(plan).c_str(), 1);
      else calls::arm(plan);
      Heard heard;
      code = run(place.file, short_recipe(), heard,
                 {.worker = SAUCIER_BINARY_DIR "/saucier_faulty_worker", .metric_seconds = 0.002}).failed;
      message = heard.failure + "\n" + heard.tail;
    } catch (const Error& error) {
      code = kNotRun;
      message = error.render();
    }
    calls::arm({});
    write_file_atomic(said, message);
    return code;
  }));
  ended.struck = fs::exists(struck);
  if (fs::exists(said)) ended.message = read_file(said);
  return ended;
}

// Runs with call after call failing, until a run has none left to fail; every `stride`-th of them.
int fail_each(Mode mode, bool on, bool of_worker, int stride, const std::string& expected) {
  int faults = 0, failed = 0;
  for (long at = 1;; at += stride) {
    Place place;
    place.order("align", "state 0");
    const Ended ended = faulty_run(place, {.mode = mode, .at = at, .on = on}, of_worker);
    INFO("call " << at << " of mode " << static_cast<int>(mode) << (on ? " and all after it" : "") << " of the "
                 << (of_worker ? "worker" : "runner") << ": code " << ended.code << ", " << ended.message);
    if (!ended.struck) {
      CHECK(ended.code == 0);
      break;
    }
    ++faults;
    REQUIRE((ended.code == 0 || ended.code == 1 || ended.code == kNotRun));
    if (ended.code != 0) {
      ++failed;
      REQUIRE(clear(ended.message));
    }
    Heard heard;
    const auto outcome = run(place.file, short_recipe(), heard);
    CAPTURE(heard.failure, heard.tail);
    REQUIRE(outcome.ran + outcome.cached == 1);
    REQUIRE(rows(place.file) == expected);
    REQUIRE(integrity(place.file) == "ok");
    for (const auto& folder : fs::directory_iterator(place.file.parent_path() / "artifacts")) {
      REQUIRE(store::check_manifest(folder.path(), true).problem.empty());
    }
  }
  CHECK(failed > 0);
  return faults;
}

}  // namespace

TEST_CASE("each file operation and each of SQLite's fails once in turn") {
  Place calm;
  calm.order("align", "state 0");
  Heard heard;
  REQUIRE(run(calm.file, short_recipe(), heard).ran == 1);
  const std::string expected = rows(calm.file);
  const bool of_worker = GENERATE(false, true);
  for (const Mode mode : {Mode::kFull, Mode::kBroken, Mode::kReadOnly, Mode::kShort}) {
    const bool many = mode == Mode::kFull || mode == Mode::kBroken;
    const int stride = long_version() ? 1 : of_worker ? (many ? 9 : 5) : (many ? 23 : 9);
    int faults = fail_each(mode, false, of_worker, stride, expected);
    if (long_version() && mode != Mode::kShort) faults += fail_each(mode, true, of_worker, 5, expected);
    CHECK(faults >= 3);
    if (long_version()) WARN((of_worker ? "worker" : "runner") << ", mode " << static_cast<int>(mode) << ": " << faults << " failing calls");
  }
}
