#include "runner/recipe/cycle.h"

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "tests/runner/recipe/loading.h"

using namespace saucier;
using recipe::Recipe;

namespace {

const std::string kHead = R"(recipe = 1
name = "cycles"

[model]
language_model = { init = "random" }
vision_tower = { init = "random" }

[data.scenes]
format = "scenes"
)";

const std::string kAlign = R"(
[[stage]]
name = "align"
kind = "train"
trains = ["projector"]
data = "data.scenes"

[[stage]]
name = "bench"
kind = "evaluate"
benchmarks = ["scenes-pope"]
)";

// A stage of the cycle, or of one of its rounds.
std::string stages(const std::string& end, const std::string& more) {
  return R"(
[[stage]]
name = "write)" + end + R"("
kind = "synthesize"
source = "more)" + end + R"("
teacher = "last)" + end + R"("
)" + more + R"(
[[stage]]
name = "again)" + end + R"("
kind = "train"
trains = ["projector"]
data = "mixture.again)" + end + R"("
)" + more + R"(
[[stage]]
name = "exam)" + end + R"("
kind = "evaluate"
benchmarks = ["scenes-pope"]
)" + more;
}

std::string tables(const std::string& end, const std::string& first, const std::string& stage, const std::string& weights) {
  return R"(
[data.more)" + end + R"(]
format = "scenes"
scenes = { first = )" + first + R"(, count = 10 }

[data.written)" + end + R"(]
format = "synthesized"
stage = "write)" + end + R"("

[teacher.last)" + end + R"(]
kind = "self"
stage = ")" + stage + R"("

[mixture.again)" + end + R"(]
samples = 64
weights = )" + weights + "\n";
}

std::string cycle(const std::string& more = "") {
  return kHead + tables("", "0", "again", "{ scenes = 0.5, written = 0.5 }") + R"(
[cycle.loop]
rounds = 2
start = { again = "align", exam = "bench" }
accumulate = ["written"]
values = { "data.more.scenes.first" = [100, 200] }
)" + more + kAlign + stages("", "cycle = \"loop\"\n");
}

std::string by_hand() {
  return kHead + tables("-1", "100", "align", "{ scenes = 0.5, written-1 = 0.5 }") + tables("-2", "200", "again-1", "{ scenes = 0.5, written-1 = 0.25, written-2 = 0.25 }") + kAlign +
         stages("-1", "") + stages("-2", "");
}

}  // namespace

TEST_CASE("a cycle is the same trial as its rounds written out by hand") {
  const Folder folder;
  const Recipe cycled = load_right(folder.write("cycle.toml", cycle()));
  const Recipe plain = load_right(folder.write("plain.toml", by_hand()));
  REQUIRE(cycled.trials.size() == 1);
  REQUIRE(plain.trials.size() == 1);
  Json one = cycled.trials[0].resolved, other = plain.trials[0].resolved;
  CHECK(one["cycle"]["loop"]["rounds"] == 2);
  one.erase("cycle");
  CHECK(one == other);
  REQUIRE(cycled.trials[0].stages.size() == 8);
  for (size_t i = 0; i < 8; ++i) {
    const recipe::Stage& a = cycled.trials[0].stages[i];
    const recipe::Stage& b = plain.trials[0].stages[i];
    CHECK(a.name == b.name);
    CHECK(a.from == b.from);
    CHECK(a.needs == b.needs);
  }
  CHECK(cycled.trials[0].stages[5].round.stage == "write");
  CHECK(cycled.trials[0].stages[5].round.round == 2);
  CHECK(cycled.trials[0].stages[5].needs == std::vector<std::string>{"again-1"});
  CHECK(cycled.trials[0].stages[0].round.round == 0);
}

TEST_CASE("axes and --set of a cycle's stages reach every round") {
  const Folder folder;
  const fs::path file = folder.write("cycle.toml", cycle());
  const Recipe recipe = recipe::load(file, {"stage.again.global_batch=7"}, {"stage.again.learning_rate=1e-3,2e-3"});
  REQUIRE(recipe.problems.list().empty());
  REQUIRE(recipe.trials.size() == 2);
  for (const char* name : {"again-1", "again-2"}) {
    const recipe::Stage& stage = stage_of(recipe.trials[1], name);
    CHECK(stage.job.train->learning_rate == 2e-3);
    CHECK(stage.job.train->global_batch == 7);
  }
}

TEST_CASE("a stage behind a cycle of a fixed number of rounds goes on from the last") {
  const Folder folder;
  const std::string end = "\n[[stage]]\nname = \"end\"\nkind = \"train\"\nfrom = \"again\"\ntrains = [\"projector\"]\ndata = \"data.written\"\n";
  const Recipe recipe = load_right(folder.write("cycle.toml", cycle() + end));
  const recipe::Stage& stage = stage_of(recipe.trials[0], "end");
  CHECK(stage.from == "again-2");
  CHECK(stage.needs == std::vector<std::string>{"write-2", "again-2"});
}

TEST_CASE("when a cycle may end is part of the trial, and not of its stages") {
  const Folder folder;
  const Recipe open = load_right(folder.write("a.toml", cycle()));
  const Recipe ended = load_right(folder.write("b.toml", cycle("stop_without_gain = \"exam.scenes-pope\"\nmax_hours = 2\n")));
  CHECK(open.trials[0].resolved != ended.trials[0].resolved);
  CHECK(open.trials[0].resolved["stage"] == ended.trials[0].resolved["stage"]);
  const recipe::Cycle& cycle = ended.trials[0].cycles.at(0);
  CHECK(cycle.may_end_early());
  CHECK(cycle.gain_stage == "exam");
  CHECK(cycle.gain_benchmark == "scenes-pope");
  CHECK(cycle.max_hours == 2);
  CHECK_FALSE(open.trials[0].cycles.at(0).may_end_early());
}
