// What the commands that read a store print, word for word: tests/golden/reading/COMMAND.txt.

#include <catch2/catch.hpp>

#include <regex>

#include "tests/must_be_current.h"
#include "tests/runner/cli/says.h"
#include "tests/runner/report/filled_store.h"

using namespace saucier;

namespace {

// Two sweeps of one name (the first of one trial alone), environments, and key texts that differ.
void fill_two_sweeps(store::Store& store) {
  store.add_sweep("quickstart", "recipes/x.toml", "", "maximize",
                  {{.name = "quickstart-1", .parameters = Json::object(), .resolved = canonical(resolved_recipe(9)), .stages = {{"bench", "q"}}}});
  fill_quickstart(store);
}

Json train_text(double rate, const std::string& from, const std::string& data) {
  return {{"kind", "train"}, {"stage", "instruct"}, {"from", from}, {"needs", {from}}, {"data", {{"talk", {{"path", {{"content", data}}}}}}},
          {"train", {{"learning_rate", rate}, {"data", "mixture.m"}}}};
}

// A sweep of its own: two trials whose stages have key texts, data and environments that differ.
void fill_study(store::Store& store) {
  const std::string a1(64, 'a'), a2 = "b" + a1.substr(1), i1 = "c" + a1.substr(1), i2 = "d" + a1.substr(1), i3 = "e" + a1.substr(1);
  const auto row = [](const std::string& name, const std::string& align, const std::string& instruct) {
    return store::TrialRow{.name = name, .parameters = Json::object(), .resolved = "{}", .stages = {{"align", align}, {"instruct", instruct}}};
  };
  store.add_sweep("study", "s.toml", "", "maximize", {row("study-1", a1, i1), row("study-2", a2, i2), row("study-3", a1, i3)});
  const auto run = [&](const std::string& key, const std::string& name, const Json& text, const std::string& torch) {
    const auto id = store.claim(key, name, "train", canonical(text)).value();
    store.write_events(id, {{{"event", "environment"}, {"values", {{"torch", torch}, {"threads", "2"}}}},
                           {{"event", "metric"}, {"step", 1}, {"values", {{"grad", "nan"}}}}});
    store.fail(id, "stopped", "");
  };
  run(a1, "align", {{"kind", "train"}, {"stage", "align"}, {"seed", 1}}, "2.13.0");
  run(a2, "align", {{"kind", "train"}, {"stage", "align"}, {"seed", 2}}, "2.13.0");
  run(i1, "instruct", train_text(1e-4, a1, std::string(64, '1')), "2.13.0");
  run(i2, "instruct", train_text(2e-4, a2, std::string(64, '2')), "2.14.0");
}

// What study-1 drew, said at two training states; the sources lost some samples.
void fill_drawn(store::Store& store) {
  const auto event = [](int from, int step, int talk, int text, const Json& dropped) {
    return drawn_event(from, step, {drawn_source("talk", 0.75, 90, talk, dropped), drawn_source("text", 0.25, 400, text)});
  };
  const auto run = store.claim("c" + std::string(63, 'a'), "instruct", "train", "{}").value();
  store.write_events(run, {event(0, 10, 60, 20, {{"empty-turn", 2}}), event(10, 25, 91, 29, {{"empty-turn", 1}, {"special-token-in-text", 4}})});
  store.fail(run, "stopped", "");
}

class Golden {
 public:
  explicit Golden(const std::string& name) : name_(name), store_((folder_.path() / "s.db").string()) {
    const auto store = store::Store::open(store_);
    fill_two_sweeps(*store);
    if (name_ == "why" || name_ == "diff" || name_ == "curve" || name_ == "data") fill_study(*store);
    if (name_ == "data") fill_drawn(*store);
    if (name_ == "rounds") fill_rounds(*store);
  }
  ~Golden() { must_be_current(fs::path(SAUCIER_SOURCE_DIR) / "tests/golden/reading" / (name_ + ".txt"), text_); }
  Golden(const Golden&) = delete;
  Golden& operator=(const Golden&) = delete;

  Golden& says(const std::vector<std::string>& given) {
    std::vector<std::string> arguments = {name_};
    arguments.insert(arguments.end(), given.begin(), given.end());
    const bool help = std::find(given.begin(), given.end(), "--help") != given.end();
    const std::string text = transcript(arguments, help ? std::vector<std::string>{} : std::vector<std::string>{"--store", store_});
    text_ += std::regex_replace(text, std::regex("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d"), "2026-01-01 00:00:00");
    return *this;
  }

 private:
  std::string name_, text_;
  TempFolder folder_;
  std::string store_;
};

}  // namespace

TEST_CASE("list, in words") { Golden("list").says({"--help"}).says({}).says({"--json"}).says({"--csv"}).says({"--md"}); }

TEST_CASE("trials, in words") {
  Golden("trials")
      .says({"--help"}).says({}).says({"@1"}).says({"quickstart", "--csv"}).says({"--md", "--top", "1"}).says({"--json", "--top", "1"})
      .says({"--where", "f1 > 0.6 and state = 'done'", "--sort", "learning_rate:desc"})
      .says({"--where", "scenes-pope.f1-0.4 > 0.2 -- not the first\n"})
      .says({"--where", "\"bench.scenes-pope.f1 blind\" > 0.6 and instruct.loss.min < 0.075", "--column", "instruct.loss.min"})
      .says({"--where", "lower(state) like 'do%' and seconds between 1e-4 and 1e+3", "--sort", "trial:desc", "--top", "1"})
      .says({"--where", "learning_rat > 1"}).says({"--where", "f1 >"}).says({"--where", "state = 'done"}).says({"--where", "\""}).says({"--where", "accuracy > 0 or \"done\" = state"})
      .says({"--where", "(select count(*) from sqlite_schema) > 0"}).says({"--sort", "los.min"}).says({"--sort", "loss.min"})
      .says({"--sort", "f1:up"}).says({"--top", "-1"}).says({"quikstart"}).says({"@7"});
}

TEST_CASE("compare, in words") { Golden("compare").says({"--help"}).says({}).says({"--md"}).says({"@1"}); }

TEST_CASE("best, in words") {
  Golden("best")
      .says({"--help"}).says({}).says({"--top", "2", "--csv"}).says({"--metric", "accuracy"}).says({"--metric", "instruct.loss"})
      .says({"--metric", "f1", "--minimize", "--json"}).says({"--metric", "f2"}).says({"--minimize", "--maximize"}).says({"--top", "0"}).says({"@1"});
}

TEST_CASE("diff, in words") {
  Golden("diff")
      .says({"--help"}).says({"quickstart-1", "quickstart-3"}).says({"quickstart-2", "quickstart-3", "--csv"}).says({"@2", "quickstart/quickstart-3", "--json"})
      .says({"quickstart-2", "quickstart-2"}).says({"study-1", "study-2"}).says({"quickstart-1"}).says({"quickstart-1", "quickstart-4"}).says({"quickstrt/x", "@99"});
}

TEST_CASE("curve, in words") {
  Golden("curve")
      .says({"--help"}).says({"quickstart-2", "--width", "60", "--height", "8"})
      .says({"quickstart-2", "quickstart-3", "--width", "60", "--height", "8", "--log"}).says({"@2", "quickstart-3", "--width", "60", "--height", "8", "--ascii"})
      .says({"quickstart-2", "--stage", "align", "--width", "40", "--height", "4"}).says({"quickstart-2", "--metric", "los"})
      .says({"quickstart-2", "--stage", "instrct"}).says({"study-1", "--metric", "grad"}).says({"@1"}).says({}).says({"quickstart-2", "--width", "5"});
}

TEST_CASE("predictions, in words") {
  Golden("predictions")
      .says({"--help"}).says({"quickstart-2", "--where", "not correct"}).says({"quickstart-2", "quickstart-3", "--where", "a.correct and not b.correct"})
      .says({"quickstart-2", "--limit", "1", "--json"}).says({"quickstart-2", "quickstart-3", "--benchmark", "scenes-pope", "--limit", "2", "--csv"})
      .says({"quickstart-2", "--benchmark", "scenes-pop"}).says({"quickstart-2", "--where", "a.corect"}).says({"quickstart-2", "--stage", "align"})
      .says({"@1"}).says({"quickstart-2", "--limit", "-1"});
}

TEST_CASE("a store in which nothing has run says so") {
  TempFolder folder;
  const std::string file = (folder.path() / "s.db").string();
  store::Store::open(file);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"trials"}, {"best"}, {"compare"}, {"curve", "x-1"}, {"data", "x-1"}, {"why", "x-1", "align"}}) {
    auto arguments = command;
    arguments.insert(arguments.end(), {"--store", file});
    CHECK(saucier_says(arguments).err == "error: no sweep has been run yet\nhint: saucier run recipes/quickstart.toml\n");
  }
}

TEST_CASE("data, in words") {
  Golden("data")
      .says({"--help"}).says({"study-1"}).says({"study-1", "instruct", "--json"}).says({"study-1", "align"}).says({"study-1", "instrct"})
      .says({"study-2"}).says({"@1"}).says({});
}

TEST_CASE("rounds, in words") { Golden("rounds").says({"--help"}).says({}).says({"c", "--json"}).says({"quickstart"}).says({"@9"}); }

TEST_CASE("why, in words") {
  Golden("why")
      .says({"--help"}).says({"study-1", "align"}).says({"study-2", "instruct"}).says({"study-2", "align", "--json"}).says({"study-2", "instruct", "--csv"})
      .says({"study-3", "instruct"}).says({"study-1", "alin"}).says({"study-1"}).says({});
}

TEST_CASE("query, in words") {
  Golden("query")
      .says({"--help"}).says({"select trial, value from leaderboard where sweep_id = 2 order by rank"}).says({"select trial from leaderboard order by rank", "--limit", "1"})
      .says({"select trial, stderr from leaderboard order by rank", "--md"}).says({"select valu from leaderboard"}).says({"select * from leaderbord"})
      .says({"select trial,\n  vlue\nfrom leaderboard"}).says({"select trial from leaderboard where metric = \"done\""}).says({"select trial form leaderboard order"})
      .says({"with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n", "--timeout", "0.05"})
      .says({"select 1", "--timeout", "0"}).says({"drop table score"});
}
