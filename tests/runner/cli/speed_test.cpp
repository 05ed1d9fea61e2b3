// Whole commands on a large store: 1,000 trials, 10 million metric values, a million predictions.

#include <catch2/catch.hpp>

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>

#include "modules/base/file.h"
#include "store/database.h"
#include "store/store.h"
#include "tests/runner/report/filled_store.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

// One sweep: teach, align and before are shared by all trials, instruct and bench are each trial's own.
constexpr const char* kFill = R"sql(
PRAGMA synchronous=OFF; PRAGMA cache_size=-200000;
BEGIN;
CREATE TEMP TABLE n(i INTEGER PRIMARY KEY);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000) INSERT INTO n SELECT i FROM c;
INSERT INTO stage_run(id, key, name, kind, key_text, attempt, state, owner_host, owner_boot, owner_pid, owner_start, heartbeat_us, started_us, finished_us, seconds)
  SELECT id, key, name, kind, '{}', 1, 'done', 'h', 'b', 1, 1, 0, id, id, 1.5
  FROM (SELECT row_number() OVER (ORDER BY min(ts.trial_id), ts.position) AS id, ts.key AS key, ts.stage AS name,
          CASE ts.stage WHEN 'teach' THEN 'synthesize' WHEN 'bench' THEN 'evaluate' WHEN 'before' THEN 'evaluate' ELSE 'train' END AS kind
        FROM trial_stage ts GROUP BY ts.key);
INSERT INTO metric_key SELECT i, CASE i WHEN 1 THEN 'loss' ELSE 'metric-' || i END FROM n WHERE i <= 10;
INSERT INTO metric(stage_run_id, metric_key_id, step, value, kind)
  SELECT r.id, k.i, s.i * 10, 1.0 / (s.i + r.id), 0 FROM stage_run r CROSS JOIN (SELECT i FROM n WHERE i <= 10) k CROSS JOIN n s WHERE r.name = 'instruct';
INSERT INTO metric_summary(stage_run_id, metric_key_id, n, last_step, last, last_kind, min, min_step, max, max_step)
  SELECT r.id, k.i, 1000, 10000, 1.0 / (1000 + r.id), 0, 1.0 / (1000 + r.id), 10000, 1.0 / (1 + r.id), 10
  FROM stage_run r CROSS JOIN (SELECT i FROM n WHERE i <= 10) k WHERE r.name = 'instruct';
INSERT INTO score(stage_run_id, benchmark, condition, metric, value, stderr, n, main, setting)
  SELECT r.id, 'b' || b.i, c.c, 'm' || m.i, ((r.id * 37 + b.i * 11 + m.i) % 1000) / 1000.0, 0.01, 600, m.i = 1, '{"split":"test","template":"vicuna_v1"}'
  FROM stage_run r, (SELECT i FROM n WHERE i <= 4) b, (SELECT 'seen' AS c UNION SELECT 'blind' UNION SELECT 'chance' UNION SELECT 'majority') c,
    (SELECT i FROM n WHERE i <= 5) m WHERE r.kind = 'evaluate';
INSERT INTO prediction(stage_run_id, benchmark, condition, sample, question, answer, normalised, truth, correct, picture)
  SELECT r.id, 'b1', 'seen', printf('t-%06d', q.i), 'Is there a fox in the picture? Answer with yes or no.', 'Yes', 'yes', 'yes', (q.i * r.id) % 7 <> 0,
    'scene:test:' || (q.i / 4) FROM stage_run r CROSS JOIN n q WHERE r.name = 'bench';
COMMIT;
)sql";

void fill_large(const fs::path& file) {
  const auto store = store::Store::open(file);
  Json resolved = resolved_recipe(1);
  resolved["padding"] = std::string(4000, 'x');  // a real recipe has 5 kB
  std::vector<store::TrialRow> trials;
  for (int i = 1; i <= 1000; ++i) {
    const std::string n = std::to_string(i), pad(60, '0');
    resolved["number"] = i;
    trials.push_back({.name = "large-" + n,
                      .parameters = {{"stage.instruct.learning_rate", i * 1e-6}, {"mixture.instruct.weights", {{"talk", i / 1000.0}, {"detail", 1 - i / 1000.0}}}},
                      .resolved = canonical(resolved),
                      .stages = {{"teach", pad + "t"}, {"align", pad + "a"}, {"instruct", pad + "i" + n}, {"bench", pad + "b" + n}, {"before", pad + "z"}}});
  }
  store->add_sweep("large", "large.toml", "bench.b1.m1", "maximize", trials);
  store::Database(file, store::Database::Mode::kWrite).execute(kFill);
}

// The shortest of five runs, and the processor time of that many on the average: on a busy machine only the second means much.
std::string milliseconds(const std::string& command) {
  constexpr int kRuns = 5;
  double best = 1e9;
  const auto used = [] {
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    return 1e3 * static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1e-3 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const double before = used();
  for (int i = 0; i < kRuns; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    REQUIRE(std::system((command + " > /dev/null").c_str()) == 0);
    best = std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
  }
  return fmt::format("{:.0f} ms ({:.0f} ms of processor time)", best, (used() - before) / kRuns);
}

}  // namespace

TEST_CASE("speed of the commands that read 1,000 trials and 10 million metric values", "[.][speed]") {
  TempFolder folder;
  const fs::path file = folder.path() / "s.db";
  fill_large(file);
  const std::string saucier = SAUCIER_BINARY_DIR "/saucier ";
  for (const char* command : {"list", "best", "compare", "trials", "trials --where 'bench.b1.m2 > 0.5' --sort b1.m1:desc --top 10", "status --csv",
                              "curve large-1 large-500", "diff large-1 large-2", "predictions large-1 large-2 --where 'a.correct and not b.correct'"}) {
    WARN(command << ": " << milliseconds(saucier + command + " --store " + file.string()));
  }
}
