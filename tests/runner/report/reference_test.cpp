#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "runner/report/reference.h"
#include "store/database.h"
#include "store/view_docs.h"
#include "tests/must_be_current.h"
#include "tests/runner/report/filled_store.h"
#include "tests/temp_folder.h"

using namespace saucier;

TEST_CASE("docs/database.md says what the views' comments say") {
  const fs::path file = fs::path(SAUCIER_SOURCE_DIR) / "docs/database.md";
  const std::string text = read_file(file), begin = "from the comments of store/views -->\n", end = "<!-- end of views -->";
  const size_t from = text.find(begin), to = text.find(end);
  REQUIRE((from != std::string::npos && to != std::string::npos && from < to));
  must_be_current(file, text.substr(0, from + begin.size()) + "\n" + report::views_reference() + text.substr(to));
}

TEST_CASE("every view has a text and an example, and every column a sentence") {
  const auto views = store::view_docs();
  std::vector<std::string> names;
  for (const store::ViewDoc& view : views) {
    INFO(view.name);
    names.push_back(view.name);
    CHECK(view.text.starts_with("One row a "));
    CHECK(view.text.ends_with("."));
    CHECK(view.example.starts_with("SELECT "));
    CHECK(view.example.ends_with(";"));
    CHECK(view.columns.size() > 5);
    for (const store::ColumnDoc& column : view.columns) {
      INFO(column.name);
      CHECK_FALSE(column.text.empty());
      CHECK_FALSE(column.text.ends_with("."));
    }
  }
  CHECK(names == std::vector<std::string>{"stage_cost", "trial_view", "trial_score", "metric_last", "curve", "prediction_detail", "leaderboard",
                                          "sweep_progress", "mixture", "mixture_score", "drawn", "round_view"});
}

TEST_CASE("the examples of the views and Datasette's queries find something in a store that ran the quickstart") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  fill_quickstart(*store);
  for (const store::ViewDoc& view : store::view_docs()) {
    INFO(view.name);
    CHECK(store->query(view.example).rows.empty() == (view.name == "round_view"));  // the quickstart has no cycle: rounds_test.cpp
    CHECK(store->query("SELECT * FROM " + view.name).columns.size() == view.columns.size());
  }
  const Json metadata = report::datasette_metadata("s");
  const std::map<std::string, Json> given = {{":sweep", "quickstart"}, {":trial", "quickstart-1"}, {":a", "quickstart-2"}, {":b", "quickstart-1"}};
  for (const auto& [name, query] : metadata["databases"]["s"]["queries"].items()) {
    INFO(name);
    const auto sql = query["sql"].get<std::string>();
    std::map<size_t, Json> by_place;  // as SQLite counts them
    for (const auto& [parameter, value] : given) {
      const size_t at = sql.find(parameter + (parameter.size() == 2 ? " " : ""));
      if (at != std::string::npos) by_place[at] = value;
    }
    std::vector<Json> parameters;
    for (const auto& [place, value] : by_place) parameters.push_back(value);
    CHECK(store->query(sql, parameters).rows.empty() == (name == "failures" || name == "example_round_view"));
  }
}

TEST_CASE("Datasette's metadata names every view and hides every table") {
  const Json metadata = report::datasette_metadata("saucier");
  const Json& tables = metadata["databases"]["saucier"]["tables"];
  CHECK(tables["trial"]["hidden"] == true);
  CHECK(tables["metric_summary"]["hidden"] == true);
  CHECK(tables["leaderboard"]["columns"]["rank"] == "1 is best");
  CHECK_FALSE(tables["leaderboard"].contains("hidden"));
  CHECK(metadata["databases"]["saucier"]["queries"]["example_curve"]["sql"].get<std::string>().find("FROM curve") != std::string::npos);
}

TEST_CASE("a store with the views of another version is read with this program's") {
  TempFolder folder;
  const fs::path file = folder.path() / "s.db";
  fill_quickstart(*store::Store::open(file));
  store::Database(file, store::Database::Mode::kWrite)
      .execute("DROP VIEW mixture_score; DROP VIEW mixture; DROP VIEW curve; CREATE VIEW curve AS SELECT 1 AS old; UPDATE setting SET value = 'x' WHERE name = 'views'");
  const auto store = store::Store::open_read_only(file);
  CHECK(store->query("SELECT source FROM mixture_score LIMIT 1").rows.size() == 1);
  CHECK(store->query("SELECT step FROM curve LIMIT 1").rows.size() == 1);
}

TEST_CASE("mixtures: shares of numbers, none beside 'natural', and joined with the scores that tell trials apart") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  fill_quickstart(*store);
  const auto rows = [&](const std::string& sql) { return store->query(sql).rows; };
  using Rows = std::vector<std::vector<Json>>;
  CHECK(rows("SELECT source, weight, share FROM mixture WHERE trial = 'quickstart-1' AND mixture = 'instruct' ORDER BY source") ==
        Rows{{"conversation", 1.0, 0.25}, {"detail", 3.0, 0.75}});
  CHECK(rows("SELECT source, weight, share FROM mixture WHERE trial = 'quickstart-1' AND mixture = 'align' ORDER BY source") ==
        Rows{{"captions", nullptr, nullptr}, {"extra", 0.3, nullptr}});
  store->add_sweep("tables", "t.toml", "", "maximize",
                   {{.name = "tables-1", .parameters = Json::object(),
                     .resolved = R"({"mixture":{"a":{"weights":{"x":{"share":1,"max_passes":2},"y":3}},"b":{"weights":{"x":{"share":0.5,"max_passes":2},"y":{"epochs":2}}}}})", .stages = {}}});
  CHECK(rows("SELECT mixture, source, weight, share FROM mixture WHERE trial = 'tables-1' ORDER BY mixture, source") ==
        Rows{{"a", "x", 1, 0.25}, {"a", "y", 3, 0.75}, {"b", "x", 0.5, nullptr}, {"b", "y", nullptr, nullptr}});
  CHECK(rows("SELECT DISTINCT stage, benchmark, metric, value FROM mixture_score WHERE trial = 'quickstart-3' ORDER BY benchmark") ==
        Rows{{"bench", "scenes-count", "accuracy", 0.6}, {"bench", "scenes-pope", "f1", 0.925}});
  CHECK(rows("SELECT DISTINCT stage FROM trial_score WHERE baseline") == Rows{{"before"}});
}
