// Metrics while a stage runs: batches, summaries, attempts that go on, and the replay that has the last word.
#include <catch2/catch.hpp>

#include <random>

#include "modules/base/clock.h"
#include "modules/base/protocol.h"
#include "store/database.h"
#include "store/store.h"
#include "tests/temp_folder.h"

using namespace saucier;
using store::Store;

namespace {

Json metric(std::int64_t step, std::map<std::string, Json> values) {
  return {{"event", "metric"}, {"step", step}, {"values", values}};
}

Json rows(const Store& store) {
  return store.query("SELECT k.name, m.step, m.value, m.kind FROM metric m JOIN metric_key k ON k.id = m.metric_key_id "
                     "ORDER BY m.stage_run_id, 1, 2").rows;
}

Json summaries(const Store& store) {
  return store.query("SELECT k.name, n, last_step, last, last_kind, min, min_step, max, max_step FROM metric_summary s "
                     "JOIN metric_key k ON k.id = s.metric_key_id ORDER BY s.stage_run_id, 1").rows;
}

store::StageRunId claimed(Store& store, const std::string& key = "k") { return store.claim(key, "s", "train", "{}").value(); }

// The attempt is over and the next one has the run.
store::StageRunId taken_over(Store& store) {
  store::Database(store.file(), store::Database::Mode::kWrite).execute("UPDATE stage_run SET heartbeat_us = 0");
  return claimed(store);
}

}  // namespace

TEST_CASE("live metrics are rows at once, and said twice they are the same rows") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto run = claimed(*opened);
  const std::vector<Json> first{metric(1, {{"loss", 2.0}}), metric(2, {{"loss", "nan"}, {"rate", "-inf"}})};
  const std::vector<Json> second{metric(3, {{"loss", 0.5}}), metric(4, {{"loss", "inf"}})};
  for (int i = 0; i < 2; ++i) {
    CHECK(opened->add_metrics(run, first));
    CHECK(summaries(*opened) == Json::parse(R"([["loss",2,2,null,1,2.0,1,2.0,1],["rate",1,2,null,3,null,null,null,null]])"));
  }
  for (int i = 0; i < 2; ++i) CHECK(opened->add_metrics(run, second));
  CHECK(rows(*opened) == Json::parse(R"([["loss",1,2.0,0],["loss",2,null,1],["loss",3,0.5,0],["loss",4,null,2],["rate",2,null,3]])"));
  CHECK(summaries(*opened).at(0) == Json::parse(R"(["loss",4,4,null,2,0.5,3,2.0,1])"));
  CHECK(opened->add_metrics(run, {metric(3, {{"loss", 4.0}})}));  // another value for a step: the summary follows
  CHECK(summaries(*opened).at(0) == Json::parse(R"(["loss",4,4,null,2,2.0,1,4.0,3])"));
  CHECK(opened->add_metrics(run, {}));
  CHECK(opened->add_metrics(run, {{{"event", "metric"}, {"step", "no"}}, {{"event", "log"}}}));
  CHECK(rows(*opened).size() == 5);
}

TEST_CASE("an attempt that goes on leaves no step twice and none of what came after its training state") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto before = claimed(*opened);
  opened->add_metrics(before, {metric(1, {{"loss", 5.0}}), metric(2, {{"loss", 4.0}}), metric(3, {{"loss", 9.0}, {"rare", 1.0}})});
  const auto now = taken_over(*opened);
  CHECK_FALSE(opened->add_metrics(before, {metric(4, {{"loss", 0.0}})}));
  CHECK_FALSE(opened->add_environment(before, {{"host", "h"}}));
  CHECK(rows(*opened).size() == 4);
  CHECK(opened->add_metrics(now, {metric(2, {{"loss", 3.0}})}));
  CHECK(rows(*opened) == Json::parse(R"([["loss",1,5.0,0],["loss",2,3.0,0]])"));
  CHECK(summaries(*opened) == Json::parse(R"([["loss",2,2,3.0,0,3.0,2,5.0,1]])"));
  CHECK(opened->query("SELECT number, state, first_step FROM attempt ORDER BY 1").rows ==
        std::vector<std::vector<Json>>{{1, "lost", 1}, {2, "running", 2}});
}

TEST_CASE("the replay has the last word over live metrics") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto run = claimed(*opened);
  opened->add_metrics(run, {metric(1, {{"loss", 5.0}, {"gone", 1.0}}), metric(2, {{"loss", 4.0}}), metric(3, {{"loss", 1.0}})});
  CHECK(opened->write_events(run, {metric(1, {{"loss", 5.0}}), metric(3, {{"loss", "nan"}}), metric(3, {{"loss", 2.0}})}));
  CHECK(rows(*opened) == Json::parse(R"([["loss",1,5.0,0],["loss",3,2.0,0]])"));
  CHECK(summaries(*opened) == Json::parse(R"([["loss",2,3,2.0,0,2.0,3,5.0,1]])"));
}

TEST_CASE("summaries of random batches are those of the rows") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  std::mt19937 random(5);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  auto run = claimed(*opened);
  std::vector<Json> all;
  for (int batch = 0; batch < 60; ++batch) {
    if (pick(8) == 0) run = taken_over(*opened);
    std::vector<Json> events;
    for (int i = pick(12); i >= 0; --i) {
      const Json value = pick(6) == 0 ? Json("nan") : pick(6) == 0 ? Json("-inf") : Json(pick(7) - 3.0);
      events.push_back(metric(pick(40), {{pick(2) == 0 ? "a" : "b", value}}));
    }
    REQUIRE(opened->add_metrics(run, events));
    const Json live = summaries(*opened), kept = rows(*opened);
    std::vector<Json> again;
    for (const Json& row : kept) {
      const int kind = row[3];
      again.push_back(metric(row[1], {{row[0], kind == 0 ? row[2] : Json(kind == 1 ? "nan" : kind == 2 ? "inf" : "-inf")}}));
    }
    const auto other = claimed(*opened, "other" + std::to_string(batch));
    REQUIRE(opened->write_events(other, again));
    const Json fresh = opened->query("SELECT k.name, n, last_step, last, last_kind, min, min_step, max, max_step FROM "
                                     "metric_summary s JOIN metric_key k ON k.id = s.metric_key_id WHERE s.stage_run_id = ? "
                                     "ORDER BY 1", {other.id}).rows;
    REQUIRE(live == fresh);
    opened->write_events(other, {});
    opened->fail(other, "", "");
  }
}

TEST_CASE("numbers come back as they were written") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto run = claimed(*opened);
  const std::vector<double> numbers{0.0, -0.0, 5e-324, 1e-310, 0.1, 9007199254740993.0, 1.7976931348623157e308, -1e-17};
  for (std::size_t i = 0; i < numbers.size(); ++i)
    opened->add_metrics(run, {metric(static_cast<std::int64_t>(i), {{"x", number_to_json(numbers[i])}})});
  const Json kept = rows(*opened);
  for (std::size_t i = 0; i < numbers.size(); ++i) CHECK(kept.at(i).at(2).get<double>() == numbers[i]);
}

TEST_CASE("speed of live metrics", "[.][speed]") {
  TempFolder temp;
  const auto opened = Store::open(temp.path() / "s.db");
  const auto run = claimed(*opened);
  constexpr int kRows = 10'000, kSeconds = 100;
  double slowest = 0;
  const double begun = system_clock().steady_seconds();
  for (int second = 0; second < kSeconds; ++second) {
    std::vector<Json> events;
    for (int i = 0; i < kRows / 4; ++i) {
      const int step = second * kRows / 4 + i;
      events.push_back(metric(step, {{"loss", 1.0 / (step + 1)}, {"rate", 0.1}, {"norm", step * 0.5}, {"tokens", step}}));
    }
    const double at = system_clock().steady_seconds();
    opened->add_metrics(run, events);
    slowest = std::max(slowest, system_clock().steady_seconds() - at);
  }
  WARN("metric rows a second, in batches of 10,000 to a million rows: "
       << kRows * kSeconds / (system_clock().steady_seconds() - begun) << "; slowest batch: " << slowest << " s; the file: "
       << fs::file_size(opened->file()) / (kRows * kSeconds) << " bytes a row");
}
