// The commands that keep a store sound and small, and that move it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "tests/runner/cli/says.h"
#include "tests/runner/report/filled_store.h"

using namespace saucier;

namespace {

struct Filled {
  TempFolder folder;
  std::string file = (folder.path() / "s.db").string();
  Filled() { fill_store(*store::Store::open(file), {{"scores.json", "[]"}}); }
  Said says(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--store", file});
    return saucier_says(arguments);
  }
  Json json(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    const Said said = says(arguments);
    INFO(said.err);
    return parse_json(said.out, "what it says");
  }
};

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.insert(entry.path().filename());
  return out;
}

}  // namespace

TEST_CASE("verify: exit code 1 and the advice when something is wrong") {
  const Filled store;
  const Said sound = store.says({"verify"});
  CHECK(sound.code == cli::kDone);
  CHECK(sound.out == "");
  CHECK(sound.err == "8 artifacts recorded, nothing is wrong\n");
  write_file_atomic(store.folder.path() / "artifacts" / "b2" / "scores.json", "()");
  CHECK(store.says({"verify", "--quick"}).code == cli::kDone);
  const Json wrong = store.json({"verify", "x<y"});
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0]["severity"] == "error");
  CHECK(wrong[0]["what"] == "artifact 'b2' of stage 'bench'");
  CHECK(wrong[0]["problem"] == "'scores.json' has other contents than the manifest says");
  CHECK(wrong[0]["advice"] == "run its recipe again: it is set aside and the stage runs anew");
  const Said said = store.says({"verify"});
  CHECK(said.code == cli::kFailed);
  CHECK(said.err == "8 artifacts recorded, 1 thing wrong\n");
}

TEST_CASE("gc: a list first, and the sweep only with --apply") {
  const Filled store;
  const Said nothing = store.says({"gc"});
  CHECK(nothing.code == cli::kDone);
  CHECK(nothing.err == "0 things, 0 B\n");
  const Said listed = store.says({"gc", "--drop", "x<y"});
  CHECK(listed.code == cli::kDone);
  CHECK(listed.out.starts_with("kind      name"));
  CHECK(listed.err.ends_with("; to remove: saucier gc --apply --drop x<y\n"));
  CHECK(store.json({"usage"})[0]["artifacts"] == 8);

  CHECK(store.says({"pin", "x-2"}).code == cli::kDone);
  for (const bool apply : {false, true}) {
    std::vector<std::string> arguments{"gc", "--drop", "x<y"};
    if (apply) arguments.push_back("--apply");
    CHECK(store.says(arguments).err == "error: trial 'x-2' of sweep 'x<y' is pinned\nhint: saucier unpin x-2\n");
  }
  CHECK(store.json({"usage"})[0]["pinned"] == 1);
  CHECK(store.says({"unpin", "x-2"}).code == cli::kDone);
  CHECK(store.says({"pin", "x<y"}).code == cli::kDone);
  CHECK(store.says({"gc", "--drop", "x<y", "--apply"}).err == "error: sweep 'x<y' is pinned\nhint: saucier unpin x<y\n");
  CHECK(store.says({"unpin", "x<y"}).code == cli::kDone);

  const Json gone = store.json({"gc", "--drop", "x<y", "--apply"});
  CHECK(std::count_if(gone.begin(), gone.end(), [](const Json& one) { return one["kind"] == "artifact"; }) == 8);
  CHECK(names_in(store.folder.path() / "artifacts").empty());
  CHECK(store.json({"usage"}).empty());
  CHECK(store.says({"verify"}).code == cli::kDone);
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& text) {
    const Said said = store.says(arguments);
    CHECK(said.code == cli::kUsage);
    CHECK(said.err == text);
  };
  refused({"pin"}, "error: 'saucier pin' needs a sweep or a trial\nhint: saucier pin quickstart\n");
  CHECK(store.says({"gc", "--cache", "-1"}).err == "error: '--cache' must be 0 days or more (got -1)\nhint: saucier gc --cache 7\n");
  CHECK(saucier_says({"gc", "--apply", "--store", "/nowhere/s.db"}).err.starts_with("error: there is no store at '/nowhere/s.db'\n"));
}

TEST_CASE("export writes a folder that import takes up, and merge says what it took") {
  const Filled store;
  const fs::path folder = store.folder.path() / "shared" / "x";
  const Said said = store.says({"export", "x<y", folder.string(), "--artifacts"});
  CHECK(said.err == "");
  REQUIRE(said.code == cli::kDone);
  CHECK(said.out == folder.string() + "\n");
  CHECK(names_in(folder.parent_path()) == std::set<std::string>{"x"});
  CHECK(names_in(folder) == std::set<std::string>{"README.md", "artifacts", "report.html", "saucier.db", "tables", "trials"});
  CHECK(names_in(folder / "trials") == std::set<std::string>{"x-1.toml", "x-2.toml", "x-3.toml"});
  const std::string scores = read_file(folder / "tables" / "trial_score.csv");
  const std::string all = store.says({"query", "--csv", "select * from trial_score"}).out;
  CHECK(std::count(scores.begin(), scores.end(), '\n') == std::count(all.begin(), all.end(), '\n'));
  CHECK(scores.starts_with("sweep,trial,"));
  CHECK(names_in(folder / "tables").contains("curve.csv"));
  CHECK(read_file(folder / "README.md").find("A sweep of 3 trials (3 done)") != std::string::npos);
  CHECK(store.says({"export", "x<y", folder.string()}).err == "error: '" + folder.string() + "' is there already\nhint: name a folder that is not\n");

  const std::string other = (store.folder.path() / "other" / "s.db").string();
  const Said taken = saucier_says({"import", folder.string(), "--store", other});
  CHECK(taken.err == "");
  CHECK(taken.out.starts_with("taken over: 1 sweep, 8 stage runs, 8 artifacts ("));
  CHECK(taken.out.ends_with("); here already: 0 sweeps, 0 stage runs\n"));
  for (const char* view : {"trial_view", "trial_score", "leaderboard", "curve", "prediction_detail", "metric_last"}) {
    const std::string sql = std::string("select * from ") + view + " order by 1, 2, 3, 4, 5, 6, 7";
    CHECK(saucier_says({"query", "--csv", sql, "--store", other}).out == store.says({"query", "--csv", sql}).out);
  }
  CHECK(saucier_says({"verify", "--store", other}).err == "8 artifacts recorded, nothing is wrong\n");
  const Said again = saucier_says({"merge", store.file, "--store", other, "--json"});
  CHECK(parse_json(again.out, "merge") == Json({{"sweeps", 0}, {"known_sweeps", 1}, {"runs", 0}, {"known_runs", 8}, {"artifacts", 0},
                                                {"bytes", 0}, {"messages", Json::array()}}));
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& text) {
    CHECK(saucier_says(arguments).err == text);
  };
  refused({"merge"}, "error: 'saucier merge' needs the database of another store\nhint: saucier merge other/results/saucier.db\n");
  refused({"merge", store.file, "--store", store.file}, "error: a store cannot be merged into itself\n");
  refused({"merge", "/nowhere/s.db", "--store", (store.folder.path() / "new.db").string()}, "error: there is no store at '/nowhere/s.db'\n");
  CHECK_FALSE(fs::exists(store.folder.path() / "new.db"));
  refused({"export", "x"}, "error: 'saucier export' needs a sweep and a folder to write\nhint: saucier export quickstart shared/quickstart\n");
}

TEST_CASE("an export without artifacts has the rows, and goes to a store that has the sweep already") {
  const Filled store;
  const fs::path folder = store.folder.path() / "light";
  REQUIRE(store.says({"export", "x<y", folder.string()}).code == cli::kDone);
  CHECK_FALSE(fs::exists(folder / "artifacts"));
  const Said home = store.says({"import", folder.string()});
  CHECK(home.out == "taken over: 0 sweeps, 0 stage runs, 0 artifacts (0 B); here already: 1 sweep, 8 stage runs\n");
}
