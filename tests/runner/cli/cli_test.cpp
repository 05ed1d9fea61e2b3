#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "modules/base/file.h"
#include "tests/runner/cli/says.h"
#include "tests/runner/report/filled_store.h"

using namespace saucier;

namespace {

constexpr const char* kOverview =
    R"(saucier runs recipes for visual instruction tuning.

usage: saucier COMMAND [ARGUMENTS]

commands:
  check RECIPE         all problems of a recipe at once; nothing runs
  show RECIPE          the resolved recipe, and where each value comes from
  fmt FILE...          write recipe files in the one way of writing them
  plan RECIPE          trials and stages: cached or to run, and why
  preview RECIPE       samples of a stage: as a model that trains sees them, or what a teacher is asked, replied and wrote
  overlap RECIPE       what the training data shares with held-out sources, and its sources with each other
  run RECIPE           run what is missing; the same command again goes on
  status [SWEEP]       the stages of a sweep, and what runs now; default: the newest sweep
  list                 all sweeps with their best trials, newest first
  trials [SWEEP]       the trials of a sweep: parameters, scores, losses; filtered and sorted by any of them
  compare [SWEEP]      scores of a sweep's trials side by side, and whether their order means anything
  diff A B             what differs between two trials: recipe, data, environment, scores
  best [SWEEP]         the best trials of a sweep, and whether the first is better than the second
  curve TRIAL...       a metric over the steps of a stage, drawn in the terminal
  predictions A [B]    questions and answers of a trial, or of two side by side
  data TRIAL [STAGE]   what a trial's stages really drew of each data source, beside what the mixture asks for
  rounds [SWEEP]       what each round of a cycle wrote, kept and reached, and why another one began
  why TRIAL STAGE      the text behind a stage's key, and what changed since the nearest earlier run
  query SQL            one read-only SQL statement on the results database
  verify [SWEEP]       whether every artifact is as it was written, and the database sound
  gc                   list what no trial refers to; --apply removes it
  usage                what each sweep's artifacts take on disk, and what is its own
  pin SWEEP|TRIAL      keep it: no command removes it
  unpin SWEEP|TRIAL    let it be removed again
  merge OTHER.db       take over what another store has and this one lacks
  export SWEEP FOLDER  a sweep as one folder: report, recipes, tables, database; with --model a model for other programs
  import PATH          take up what export wrote of a sweep, or say what a model's folder or file is
  ask [QUESTION...]    an answer of a model; without a question a conversation, a line of standard input a turn
  logits               what a model makes of a text, as a safetensors file
  docs PAGE            recipe: all keys; schema: for editors; database: the views; datasette: metadata; completion: for bash; keys: what --set takes
  mix fit|best [SWEEP] the data mixture that the finished trials of a sweep point to, and how sure that is
  score BENCHMARK      a benchmark's own scoring of an existing answers file, without a model
  scenes FOLDER        write drawn scenes as PNG with COCO captions and instances
  tokenize             lines of standard input as tokens with their places, or tokens as text

'saucier COMMAND --help' shows a command's options and an example.
)";

constexpr const char* kFmtHelp =
    R"(usage: saucier fmt FILE... [OPTIONS]

write recipe files in the one way of writing them

options:
  --check                   change nothing; exit code 1 when a file is not formatted
  --help                    show this

example:
  saucier fmt --check recipes/*.toml
)";

constexpr const char* kCheckHelp =
    R"(usage: saucier check RECIPE [OPTIONS]

all problems of a recipe at once; nothing runs

options:
  --set KEY=VALUE           override a value, e.g. stage.instruct.learning_rate=1e-4
  --sweep KEY=A,B,C         add or replace a sweep axis
  --json                    problems as one JSON object
  --help                    show this

example:
  saucier check recipes/quickstart.toml
)";

}  // namespace

TEST_CASE("usage") {
  const Said bare = saucier_says({});
  CHECK(bare.code == cli::kUsage);
  CHECK(bare.out == "");
  CHECK(bare.err == kOverview);
  for (const char* ask : {"--help", "-h", "help"}) {
    const Said said = saucier_says({ask});
    CHECK(said.code == cli::kDone);
    CHECK(said.out == kOverview);
    CHECK(said.err == "");
  }
}

TEST_CASE("the help of each command names its options and an example") {
  CHECK(saucier_says({"check", "--help"}).out == kCheckHelp);
  CHECK(saucier_says({"help", "check"}).out == kCheckHelp);
  CHECK(saucier_says({"fmt", "--help"}).out == kFmtHelp);
  for (const cli::Command& command : cli::commands()) {
    INFO(command.name);
    const Said said = saucier_says({command.name, "--help"});
    CHECK(said.code == cli::kDone);
    CHECK(said.err == "");
    CHECK(said.out.starts_with("usage: saucier " + command.name));
    CHECK(said.out.find("\nexample:\n  saucier " + command.name) != std::string::npos);
    CHECK(said.out.find("  --help ") != std::string::npos);
    CHECK((said.out.find("  --store FILE              results database (default results/saucier.db)\n") != std::string::npos) ==
          (command.name != "check" && command.name != "show" && command.name != "fmt" && command.name != "docs" && command.name != "score" && command.name != "scenes" &&
           command.name != "tokenize"));
    CHECK(said.out.find("(=") == std::string::npos);
    CHECK(saucier_says({command.name, "-h"}).out == said.out);
  }
}

TEST_CASE("a misspelt command or option: exit code 2 and the nearest name") {
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& text) {
    const Said said = saucier_says(arguments);
    CHECK(said.code == cli::kUsage);
    CHECK(said.out == "");
    CHECK(said.err == text);
  };
  refused({"chekc"}, "error: unknown command 'chekc'\nhint: did you mean 'check'?\n");
  refused({"train"}, "error: unknown command 'train'\nhint: see 'saucier --help'\n");
  refused({"docs"}, "error: 'saucier docs' needs the name of a page\nhint: known: 'recipe', 'schema', 'database', 'datasette', 'completion', 'keys'\n");
  refused({"docs", "shcema"}, "error: no page 'shcema'\nhint: did you mean 'schema'?\n");
  refused({"show", SAUCIER_SOURCE_DIR "/recipes/quickstart.toml", "--trial", "quickstart-9"},
          "error: no trial 'quickstart-9' in the recipe\nhint: did you mean 'quickstart-1'?\n");
  refused({"help", "lst"}, "error: unknown command 'lst'\nhint: did you mean 'list'?\n");
  refused({"check", "x.toml", "--swep", "a=1"}, "error: unknown option '--swep' of 'saucier check'\nhint: did you mean '--sweep'?\n");
  refused({"list", "--frobnicate"}, "error: unknown option '--frobnicate' of 'saucier list'\nhint: see 'saucier list --help'\n");
  refused({"check", "-json"}, "error: unknown option '-json' of 'saucier check'\nhint: did you mean '--json'?\n");
  refused({"check"}, "error: 'saucier check' needs a recipe\nhint: saucier check recipes/quickstart.toml\n");
  refused({"check", "a.toml", "b.toml"}, "error: too many arguments for 'saucier check'\nhint: see 'saucier check --help'\n");
  refused({"fmt"}, "error: 'saucier fmt' needs a file, or - for standard input\nhint: saucier fmt --check recipes/*.toml\n");
  refused({"tokenize"}, "error: 'saucier tokenize' needs a model\nhint: saucier tokenize --model models/vicuna < texts.txt\n");
  refused({"query"}, "error: 'saucier query' needs an SQL statement\nhint: saucier query \"select * from leaderboard\"\n");
  CHECK(saucier_says({"list", "--store"}).code == cli::kUsage);
  CHECK(saucier_says({"list", "--store", "/nowhere/s.db"}).err.starts_with("error: there is no store at '/nowhere/s.db'\nhint: "));
  CHECK(saucier_says({"check", "/nowhere/x.toml"}).code == cli::kUsage);
}

TEST_CASE("check of a wrong recipe: exit code 2, the place and the nearest name") {
  TempFolder folder;
  const fs::path file = folder.path() / "wrong.toml";
  write_file_atomic(file, "recipe = 1\nname = \"wrong\"\nsede = 1\n");
  const Said said = saucier_says({"check", file.string()});
  CHECK(said.code == cli::kUsage);
  CHECK(said.out == "");
  CHECK(said.err.find("wrong.toml:3:1: error: unknown key 'sede'") != std::string::npos);
  CHECK(said.err.find("    3 | sede = 1\n      | ^~~~\n") != std::string::npos);
  CHECK(said.err.find("hint: did you mean 'seed'?\n") != std::string::npos);

  const Said json = saucier_says({"check", file.string(), "--json"});
  CHECK(json.code == cli::kUsage);
  CHECK(json.err == "");
  const Json problems = parse_json(json.out, "problems").at("problems");
  REQUIRE_FALSE(problems.empty());
  const auto unknown = std::find_if(problems.begin(), problems.end(), [](const Json& p) { return p["code"] == "unknown-key"; });
  REQUIRE(unknown != problems.end());
  CHECK((*unknown)["line"] == 3);
  CHECK((*unknown)["severity"] == "error");
  CHECK(saucier_says({"plan", file.string(), "--store", (folder.path() / "s.db").string()}).code == cli::kUsage);
  CHECK_FALSE(fs::exists(folder.path() / "s.db"));
}

TEST_CASE("fmt rewrites what is not formatted, and --check only says so") {
  TempFolder folder;
  const std::string done = (folder.path() / "done.toml").string(), todo = (folder.path() / "todo.toml").string(),
                    torn = (folder.path() / "torn.toml").string(), link = (folder.path() / "link.toml").string(),
                    none = (folder.path() / "none.toml").string();
  write_file_atomic(done, "a = 1  # kept\n");
  write_file_atomic(todo, "a=1 # kept\n");
  write_file_atomic(torn, "a = [1\n");
  fs::create_symlink("todo.toml", link);
  fs::permissions(todo, fs::perms::owner_read | fs::perms::owner_write);
  const auto said_is = [](const Said& said, int code, const std::string& out, const std::string& err) {
    CHECK(said.code == code);
    CHECK(said.out == out);
    CHECK(said.err == err);
  };
  said_is(saucier_says({"fmt", "--check", done, todo}), cli::kFailed, todo + " is not formatted\n", "");
  CHECK(read_file(todo) == "a=1 # kept\n");
  said_is(saucier_says({"fmt", "--check", done}), cli::kDone, "", "");

  const Said said = saucier_says({"fmt", none, torn, link, done});  // two that cannot be done stop no other
  CHECK(said.code == cli::kUsage);
  CHECK(said.out == "");
  CHECK(said.err.starts_with("error: cannot read '" + none + "': "));
  CHECK(said.err.find(torn + ":") != std::string::npos);
  CHECK(said.err.find("\n1 error\n") != std::string::npos);
  CHECK(said.err.ends_with("formatted " + link + "\n"));
  CHECK(read_file(todo) == "a = 1  # kept\n");
  CHECK(read_file(torn) == "a = [1\n");
  CHECK(fs::is_symlink(link));
  CHECK(fs::status(todo).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  said_is(saucier_says({"fmt", todo, done}), cli::kDone, "", "");

  const auto piped = [&](const std::string& text, const std::vector<std::string>& arguments) {
    write_file_atomic(folder.path() / "in", text);
    const int saved = ::dup(0), in = ::open((folder.path() / "in").c_str(), O_RDONLY);
    ::dup2(in, 0);
    Said out = saucier_says(arguments);
    ::dup2(saved, 0);
    ::close(in);
    ::close(saved);
    return out;
  };
  said_is(piped("a=1", {"fmt", "-"}), cli::kDone, "a = 1\n", "");
  said_is(piped("a=1", {"fmt", "-", "--check"}), cli::kFailed, "<stdin> is not formatted\n", "");
  const Said refused = piped("a=", {"fmt", "-"});
  CHECK(refused.code == cli::kUsage);
  CHECK(refused.out == "");
  CHECK(refused.err.starts_with("<stdin>:1:"));
}

TEST_CASE("list, status, compare and query read a store") {
  TempFolder folder;
  const std::string file = (folder.path() / "s.db").string();
  fill_store(*store::Store::open(file));

  const Said list = saucier_says({"list", "--store", file, "--json"});
  CHECK(list.code == cli::kDone);
  const Json sweeps = parse_json(list.out, "list");
  REQUIRE(sweeps.size() == 1);
  CHECK(sweeps[0]["sweep"] == "x<y");
  CHECK(sweeps[0]["best_trial"] == "x-3");
  CHECK(sweeps[0]["best_value"] == 0.925);
  CHECK(sweeps[0]["done"] == 3);

  const Json stages = parse_json(saucier_says({"status", "--store", file, "--json"}).out, "status");
  std::vector<std::string> shown;
  for (const Json& stage : stages)
    shown.push_back(stage["trial"].get<std::string>() + " " + stage["stage"].get<std::string>() + " " + stage["state"].get<std::string>() +
                    " " + stage["trials"].dump());
  CHECK(shown == std::vector<std::string>{"x-1 align done 3", "x-1 instruct done 1", "x-1 bench done 1", "x-1 before done 3",
                                          "x-2 instruct done 1", "x-2 bench done 1", "x-3 instruct done 1", "x-3 bench done 1"});

  const Said compare = saucier_says({"compare", "x<y", "--store", file});
  CHECK(compare.code == cli::kDone);
  CHECK(compare.out.starts_with(
      "trial      stage.instruct.learning_rate  scenes-count accuracy  scenes-pope f1   mean\n"
      "---------  ----------------------------  ---------------------  --------------  -----\n"
      "x-1        0.0025                                        0.700           0.500  0.600\n"));
  CHECK(compare.out.find("the order is open") != std::string::npos);
  CHECK(saucier_says({"compare", "--store", file, "--csv"}).out.starts_with(
      "trial,stage.instruct.learning_rate,scenes-count accuracy,scenes-pope f1,mean\r\nx-1,0.0025,0.7,0.5,0.6\r\n"));
  CHECK(parse_json(saucier_says({"compare", "--store", file, "--json"}).out, "compare")[0]["scenes-pope f1"] == 0.5);
  CHECK(saucier_says({"compare", "z", "--store", file}).err == "error: no sweep 'z'\nhint: known: 'x<y'\n");

  const Said query = saucier_says({"query", "--store", file, "select trial, value from leaderboard where rank < 3"});
  CHECK(query.out == "trial  value\n-----  -----\nx-3    0.925\nx-2    0.900\n");
  const Said written = saucier_says({"query", "--store", file, "delete from score"});
  CHECK(written.code == cli::kUsage);
  CHECK(written.err.starts_with("error: a query may only read\n"));
}

TEST_CASE("check and plan of the recipe that comes with the program") {
  TempFolder folder;
  const std::string recipe = std::string(SAUCIER_SOURCE_DIR) + "/recipes/quickstart.toml";
  const Said check = saucier_says({"check", recipe});
  CHECK(check.code == cli::kDone);
  CHECK(check.err == "");
  CHECK(check.out == "quickstart: 3 trials of 5 stages\n");
  const Said plan = saucier_says({"plan", recipe, "--store", (folder.path() / "none.db").string()});
  CHECK(plan.code == cli::kDone);
  // teach, align and before once; instruct and bench a trial.
  CHECK(plan.out.ends_with("\n9 stages to run, 0 cached, 6 shared between trials\n"));
  const Json json = parse_json(saucier_says({"plan", recipe, "--json", "--store", (folder.path() / "none.db").string()}).out, "plan");
  REQUIRE(json.at("trials").size() == 3);
  CHECK(json["trials"][0]["stages"][1]["name"] == "align");
  CHECK(json["trials"][0]["stages"][1]["key"] == json["trials"][2]["stages"][1]["key"]);
  CHECK(json["trials"][0]["stages"][2]["key"] != json["trials"][2]["stages"][2]["key"]);
  CHECK_FALSE(fs::exists(folder.path() / "none.db"));
}

TEST_CASE("a recipe without its files is checked and shown; planning and running it is refused before anything starts") {
  TempFolder folder;
  const fs::path recipe = folder.path() / "far.toml";
  std::ofstream(recipe) << "recipe = 1\nname = \"far\"\n[model]\nlanguage_model = { init = \"random\" }\n"
                           "vision_tower = { path = \"towers/clip\" }\n[data.talk]\nformat = \"llava\"\npath = \"talk.json\"\n"
                           "[[stage]]\nname = \"align\"\nkind = \"train\"\ntrains = [\"projector\"]\ndata = \"data.talk\"\n";
  const std::string place = recipe.string(), at = folder.path().string();
  const auto listed = [&](const std::string& severity) {
    return place + ":5:25: " + severity + ": '" + at + "/towers/clip' is not on this machine\n"
           "    5 | vision_tower = { path = \"towers/clip\" }\n      |                         ^~~~~~~~~~~~~\n"
           "hint: bring it, or name another place with --set model.vision_tower.path=PATH\n" +
           place + ":8:8: " + severity + ": '" + at + "/talk.json' is not on this machine\n"
           "    8 | path = \"talk.json\"\n      |        ^~~~~~~~~~~\n"
           "hint: bring it, or name another place with --set data.talk.path=PATH\n2 " + severity + "s\n";
  };
  const Said check = saucier_says({"check", place});
  CHECK(check.code == cli::kDone);
  CHECK(check.err == listed("warning"));
  CHECK(check.out == "far: 1 trial of 1 stage\n");
  const Said show = saucier_says({"show", place});
  CHECK(show.code == cli::kDone);
  CHECK(show.out.find("path = \"" + at + "/talk.json\"") != std::string::npos);
  const std::string store = (folder.path() / "store.db").string();
  for (const char* command : {"plan", "run"}) {
    INFO(command);
    const Said said = saucier_says({command, place, "--store", store});
    CHECK(said.code == cli::kUsage);
    CHECK(said.out == "");
    CHECK(said.err == listed("error"));
    CHECK_FALSE(fs::exists(store));
  }
}
