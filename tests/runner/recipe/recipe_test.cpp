#include "runner/recipe/recipe.h"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "runner/recipe/canonical.h"
#include "tests/runner/recipe/loading.h"

namespace fs = std::filesystem;
using namespace saucier;
using recipe::load;
using recipe::Recipe;

namespace {

// The example of the repository beside two model folders, which need no weights to be checked.
fs::path quickstart(const Folder& folder) {
  folder.write("models/reader/config.json", "{}");
  folder.write("models/tower/config.json", "{}");
  return folder.write("quickstart.toml", read_file(SAUCIER_SOURCE_DIR "/recipes/quickstart.toml"));
}

const std::string kBase = read_file(SAUCIER_SOURCE_DIR "/tests/golden/recipe/lib/base.toml");

}  // namespace

TEST_CASE("the quickstart is three trials of five stages") {
  const Folder folder;
  const Recipe recipe = load_right(quickstart(folder));
  CHECK(recipe.problems.list().empty());
  CHECK(recipe.name == "quickstart");
  CHECK(recipe.metric.empty());
  CHECK(recipe.axes == std::vector<std::string>{"mixture.instruct.weights"});
  REQUIRE(recipe.trials.size() == 3);
  const recipe::Trial& second = recipe.trials[1];
  CHECK(second.name == "quickstart-2");
  CHECK(second.parameters.at("mixture.instruct.weights")["conversation"] == 0.8);
  REQUIRE(second.stages.size() == 5);

  const recipe::Stage& teach = stage_of(second, "teach");
  CHECK(teach.from.empty());
  CHECK(teach.needs.empty());
  REQUIRE(teach.job.synthesize);
  CHECK(teach.job.data.size() == 1);
  CHECK(teach.job.data.at("captions").scenes.count == 8000);

  const recipe::Stage& align = stage_of(second, "align");
  CHECK(align.from.empty());
  CHECK(align.needs.empty());
  CHECK(align.job.conversation.template_name == "vicuna_v1");
  CHECK(align.job.conversation.max_length == second.stages[0].job.conversation.max_length);

  const recipe::Stage& instruct = stage_of(second, "instruct");
  CHECK(instruct.from == "align");
  CHECK(instruct.needs == std::vector<std::string>{"teach", "align"});
  CHECK(instruct.job.conversation.template_name == "vicuna_v1");
  CHECK(instruct.job.data.size() == 3);
  CHECK(instruct.job.mixture.size() == 1);
  CHECK(instruct.job.mixture.at("instruct").weights.at("conversation").share == 0.8);
  CHECK(instruct.job.train->trains.size() == 2);
  CHECK(instruct.job.model.language_model.path == (folder.path / "models/reader").string());
  CHECK(instruct.origins.at("learning_rate").find("quickstart.toml:") != std::string::npos);
  CHECK(instruct.origins.at("mixture.instruct.weights") == "axis");

  CHECK(stage_of(second, "bench").from == "instruct");
  CHECK(stage_of(second, "bench").job.evaluate->scenes.split == "test");
  CHECK(stage_of(second, "before").from.empty());
  CHECK(stage_of(second, "before").needs.empty());
}

TEST_CASE("speed of loading the quickstart", "[.][speed]") {
  const Folder folder;
  const fs::path file = quickstart(folder);
  load_right(file);
  const std::clock_t start = std::clock();
  for (int i = 0; i < 100; ++i) load_right(file);
  WARN(10.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC << " ms of processor time");
}

TEST_CASE("order, comments and spelling of numbers do not change what a recipe is") {
  const Folder folder;
  const fs::path one = folder.write("one.toml", kBase + "\n[sweep]\nmetric = \"bench.scenes-pope.f1\"\n");
  const fs::path two = folder.write("two.toml", R"(
# the same, written by someone else
name = 'base'
seed = 0
recipe = 0x1

[mixture]
instruct.epochs = 1.0   # one pass
instruct.weights.talk = "natural"

[data]
talk = { stage = "teach", format = "synthesized" }
captions = { format = "scenes", scenes.count = 1_00 }

[model]
vision_tower.init = "random"
language_model.init = "random"

[[stage]]
source = "captions"
kind = "synthesize"
name = "teach"

[[stage]]
data = "data.captions"
trains = ["projector"]
learning_rate = 0.001   # the default
name = "align"
kind = "train"

[[stage]]
name = "instruct"
data = "mixture.instruct"
trains = [
  "projector",
  "language_model.lora",
]
learning_rate = 0.000_2
kind = "train"

[[stage]]
name = "bench"
kind = "evaluate"
benchmarks = ['scenes-pope']
)");
  const Recipe a = load_right(one), b = load_right(two);
  REQUIRE(a.trials.size() == 1);
  REQUIRE(b.trials.size() == 1);
  CHECK(a.trials[0].resolved.dump() == b.trials[0].resolved.dump());
  CHECK(a.trials[0].resolved["stage"][2]["learning_rate"] == 2e-4);
  CHECK(a.trials[0].resolved["mixture"]["instruct"]["epochs"].is_number_float());
  const Recipe c = load_right(one, {"stage.align.learning_rate=2e-3"});
  CHECK(c.trials[0].resolved.dump() != a.trials[0].resolved.dump());
}

TEST_CASE("fragments: later ones win, the file wins over all, stages merge by name") {
  const Folder folder;
  folder.write("lib/base.toml", kBase);
  folder.write("lib/longer.toml", "[mixture.instruct]\nsamples = 70\n[conversation]\nmax_length = 99\nmax_turns = 2\n");
  const fs::path file = folder.write("study.toml", R"(
extends = ["lib/base.toml", "lib/longer.toml"]
name = "study"
[conversation]
max_length = 77
[[stage]]
name = "align"
learning_rate = 5e-4
)");
  const Recipe recipe = load_right(file);
  REQUIRE(recipe.trials.size() == 1);
  CHECK(recipe.trials[0].name == "study-1");
  REQUIRE(recipe.trials[0].stages.size() == 4);
  const recipe::Stage& align = recipe.trials[0].stages[1];
  CHECK(align.name == "align");
  CHECK(align.job.train->learning_rate == 5e-4);
  CHECK(align.job.train->trains == std::vector<std::string>{"projector"});
  CHECK(align.job.conversation.max_length == 77);
  CHECK(align.job.conversation.max_turns == 2);
  CHECK(align.origins.at("learning_rate") == file.string() + ":8");
  CHECK(align.origins.at("trains").find("lib/base.toml:") != std::string::npos);
  const options::MixtureOptions& mixture = recipe.trials[0].stages[2].job.mixture.at("instruct");
  CHECK(mixture.samples == 70);  // in the place of the base's epochs
  CHECK(!mixture.epochs);
}

TEST_CASE("a path starts from the file that says it") {
  const Folder folder;
  folder.write("lib/parts/reader/config.json", "{}");
  folder.write("lib/base.toml", kBase);
  folder.write("lib/model.toml", "[model]\nlanguage_model = { path = \"parts/reader\", init = \"pretrained\" }\n");
  const fs::path file = folder.write("deep/er/study.toml", "extends = [\"../../lib/base.toml\", \"../../lib/model.toml\"]\n");
  const Recipe recipe = load_right(file);
  CHECK(recipe.trials[0].stages[1].job.model.language_model.path == (folder.path / "lib/parts/reader").string());
}

TEST_CASE("overrides: numbers, bare words, tables, and what they fix is no axis any more") {
  const Folder folder;
  const fs::path file = folder.write("base.toml", kBase + "\n[sweep.axes]\nseed = [1, 2]\nstage.align.global_batch = [8, 16, 32]\n");
  CHECK(load_right(file).trials.size() == 6);
  const Recipe recipe = load_right(
      file, {"stage.align.learning_rate=5e-4", "conversation.image_position=back", "mixture.instruct.weights={talk = 0.5, captions = 0.5}",
             "mixture.instruct.samples=10", "seed=9", "stage.instruct.trains=[\"projector\"]"});
  CHECK(recipe.axes == std::vector<std::string>{"stage.align.global_batch"});
  REQUIRE(recipe.trials.size() == 3);
  CHECK(recipe.seed == 9);
  const recipe::Stage& align = stage_of(recipe.trials[0], "align");
  CHECK(align.job.train->learning_rate == 5e-4);
  CHECK(align.origins.at("learning_rate") == "--set");
  CHECK(align.job.conversation.image_position == "back");
  const recipe::Stage& instruct = stage_of(recipe.trials[0], "instruct");
  CHECK(instruct.job.mixture.at("instruct").samples == 10);
  CHECK(instruct.job.mixture.at("instruct").weights.size() == 2);
  CHECK(instruct.job.train->trains == std::vector<std::string>{"projector"});
}

TEST_CASE("a grid goes through its axes in order, and equal points are one trial") {
  const Folder folder;
  const fs::path file = folder.write("base.toml", kBase + "\n[sweep.axes]\n\"stage.align.learning_rate\" = [1e-3, 2e-3]\n");
  const Recipe recipe = load_right(file, {}, {"conversation.template=vicuna_v1,plain"});
  REQUIRE(recipe.trials.size() == 4);
  CHECK(recipe.axes == std::vector<std::string>{"stage.align.learning_rate", "conversation.template"});
  CHECK(recipe.trials[1].parameters.at("stage.align.learning_rate") == 1e-3);
  CHECK(recipe.trials[1].parameters.at("conversation.template") == "plain");
  CHECK(recipe.trials[2].parameters.at("stage.align.learning_rate") == 2e-3);
  CHECK(recipe.trials[3].name == "base-4");

  CHECK(load_right(file, {}, {"stage.align.learning_rate=1e-3,0.001,2e-3"}).trials.size() == 2);
  const Recipe lists = load_right(file, {"seed=3"}, {"stage.align.learning_rate=[1e-3, 4e-3, 5e-3]", "stage.instruct.trains=[\"projector\"],[\"language_model.lora\"]"});
  REQUIRE(lists.trials.size() == 6);
  CHECK(stage_of(lists.trials[5], "instruct").job.train->trains == std::vector<std::string>{"language_model.lora"});
}

TEST_CASE("a source of weight 0 is no part of the job") {
  const Folder folder;
  const fs::path file = folder.write("base.toml", kBase);
  const Recipe recipe = load_right(file, {"mixture.instruct.weights={talk = \"natural\", captions = 0}"});
  const recipe::Stage& instruct = stage_of(recipe.trials[0], "instruct");
  CHECK(instruct.job.data.size() == 1);
  CHECK(instruct.job.mixture.at("instruct").weights.size() == 1);
}

TEST_CASE("only a file that cannot be read is thrown, with what is near") {
  const Folder folder;
  folder.write("quickstart.toml", kBase);
  try {
    load(folder.path / "quikstart.toml", {}, {});
    FAIL("loaded");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == fmt::format("no such recipe '{}'", (folder.path / "quikstart.toml").string()));
    CHECK(error.hint() == fmt::format("did you mean '{}'?", (folder.path / "quickstart.toml").string()));
  }
  CHECK_THROWS_AS(load(folder.path / "no/such/folder.toml", {}, {}), Error);
}

TEST_CASE("any torn text gives problems, never a crash") {
  const Folder folder;
  for (size_t cut = 0; cut < kBase.size(); cut += 7) {
    const fs::path file = folder.write("torn.toml", kBase.substr(0, cut));
    Recipe recipe;
    REQUIRE_NOTHROW(recipe = load(file, {}, {}));
    CHECK(recipe.trials.empty() == recipe.problems.has_errors());
  }
  for (size_t at = 0; at < kBase.size(); at += 5) {
    std::string text = kBase;
    text[at] = "\"[]{}=\n.\x01\xff"[at % 10];
    const fs::path file = folder.write("torn.toml", text);
    REQUIRE_NOTHROW(load(file, {}, {}));
  }
}

TEST_CASE("speed of resolving a thousand trials", "[.][speed]") {
  const Folder folder;
  std::string axes = "\n[sweep.axes]\nseed = [";
  for (int i = 0; i < 1000; ++i) axes += fmt::format("{}, ", i);
  const fs::path file = folder.write("base.toml", kBase + axes + "]\n");
  const std::clock_t start = std::clock();
  CHECK(load_right(file).trials.size() == 1000);
  WARN(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC << " s of processor time");
}

namespace {

// "1e-05 front": the values of the named axes, '-' where a condition leaves one out.
std::vector<std::string> points(const Recipe& recipe, const std::vector<std::string>& axes) {
  std::vector<std::string> out;
  for (const recipe::Trial& trial : recipe.trials) {
    std::string line;
    for (const std::string& axis : axes) {
      const auto value = trial.parameters.find(axis);
      line += (line.empty() ? "" : " ") + (value == trial.parameters.end() ? std::string("-") : value->second.dump());
    }
    out.push_back(line);
  }
  return out;
}

using Lines = std::vector<std::string>;
constexpr const char* kRate = "stage.align.learning_rate";

}  // namespace

TEST_CASE("axes take ranges and straight and logarithmic scales, in files and on the command line alike") {
  const Folder folder;
  const fs::path file = folder.write("base.toml", kBase);
  const auto both = [&](const std::string& form, const std::string& argument, const std::string& axis, const Lines& wanted) {
    CHECK(points(load_right(file, {}, {axis + "=" + argument}), {axis}) == wanted);
    const fs::path in_file = folder.write("axis.toml", kBase + fmt::format("\n[sweep.axes]\n\"{}\" = {}\n", axis, form));
    CHECK(points(load_right(in_file), {axis}) == wanted);
  };
  both("{ log = [1e-5, 1e-3, 7] }", "log(1e-5,1e-3,7)", kRate, {"1e-05", "2.15443e-05", "4.64159e-05", "0.0001", "0.000215443", "0.000464159", "0.001"});
  both("{ linear = [0.1, 0.4, 4] }", "linear(0.1, 0.4, 4)", kRate, {"0.1", "0.2", "0.3", "0.4"});
  both("{ range = [3, 9, 3] }", "range(3,9,3)", "seed", {"3", "6", "9"});
  both("{ range = [1, 3] }", "range(1,3)", "seed", {"1", "2", "3"});
  both("{ range = [0.1, 0.55, 0.2] }", "range(0.1,0.55,0.2)", kRate, {"0.1", "0.3", "0.5"});
  both("{ values = [4, 5] }", "values(4,5)", "seed", {"4", "5"});
}

TEST_CASE("axes of a zip move together, conditions and exclusions leave points out, repeats go over seeds") {
  const Folder folder;
  const std::string axes = R"(
[sweep]
repeats = 2
[sweep.axes]
"conversation.image_position" = ["front", "back"]
"stage.instruct.lora.rank" = { values = [8, 64], when = { "conversation.image_position" = "back" } }
[[sweep.zip]]
"stage.align.learning_rate" = [1e-3, 2e-3]
"stage.align.global_batch" = [32, 64]
[[sweep.exclude]]
"stage.align.global_batch" = 64
"stage.instruct.lora.rank" = [8, 16]
)";
  const Recipe recipe = load_right(folder.write("base.toml", kBase + axes));
  CHECK(points(recipe, {"conversation.image_position", "stage.instruct.lora.rank", kRate, "stage.align.global_batch", "seed"}) ==
        Lines{"\"front\" - 0.001 32 0", "\"front\" - 0.001 32 1", "\"front\" - 0.002 64 0", "\"front\" - 0.002 64 1",
              "\"back\" 8 0.001 32 0", "\"back\" 8 0.001 32 1",
              "\"back\" 64 0.001 32 0", "\"back\" 64 0.001 32 1", "\"back\" 64 0.002 64 0", "\"back\" 64 0.002 64 1"});
  CHECK(recipe.trials.back().name == "base-10");
}

TEST_CASE("random points are the same everywhere, and another axis does not change what one draws") {
  const Folder folder;
  const std::string drawn = "\n[sweep]\nmethod = \"random\"\ntrials = 20\n[sweep.axes]\n\"stage.align.learning_rate\" = { loguniform = [1e-5, 1e-2] }\n";
  const Recipe one = load_right(folder.write("one.toml", kBase + drawn));
  const Recipe two = load_right(folder.write("two.toml", kBase + drawn + "\"stage.align.clip_norm\" = { uniform = [0.5, 2] }\n\"stage.align.global_batch\" = { choice = [16, 32] }\n\"stage.align.warmup_ratio\" = { values = [0, 0.1] }\n\"stage.instruct.lora.rank\" = { int = [4, 8] }\n"));
  CHECK(points(one, {kRate}) == points(two, {kRate}));
  REQUIRE(one.trials.size() == 20);
  int low = 0;
  for (const recipe::Trial& trial : two.trials) {
    const double rate = trial.parameters.at(kRate).get<double>(), clip = trial.parameters.at("stage.align.clip_norm").get<double>();
    CHECK(rate >= 1e-5);
    CHECK(rate <= 1e-2);
    CHECK(clip >= 0.5);
    CHECK(clip <= 2);
    const int rank = trial.parameters.at("stage.instruct.lora.rank").get<int>();
    CHECK(rank >= 4);
    CHECK(rank <= 8);
    low += rate < 3.16e-4;
  }
  CHECK(low > 4);
  CHECK(low < 16);
  CHECK(points(one, {kRate})[0] == "0.000389996");
  const Recipe other_seed = load_right(folder.write("one.toml", kBase + "\n" + drawn), {"seed=1"});
  CHECK(points(one, {kRate}) != points(other_seed, {kRate}));
}

TEST_CASE("a simplex axis has its prior first, and weights that sum to one") {
  const Folder folder;
  const std::string mixture = "\n[data.more]\nformat = \"scenes\"\n[mixture.three]\nsamples = 10\nweights = { talk = 1, captions = 1, more = 1 }\n[[stage]]\nname = \"last\"\nkind = \"train\"\ntrains = [\"projector\"]\ndata = \"mixture.three\"\n";
  const auto weights_of = [&](const std::string& form) {
    const Recipe recipe = load_right(folder.write("base.toml", kBase + mixture + "[sweep.axes]\n\"mixture.three.weights\" = " + form + "\n"));
    return points(recipe, {"mixture.three.weights"});
  };
  const Lines natural = weights_of("{ simplex = 12, prior = \"natural\" }");
  REQUIRE(natural.size() == 12);
  CHECK(natural[0] == R"({"captions":"natural","more":"natural","talk":"natural"})");
  for (size_t i = 1; i < natural.size(); ++i) {
    const Json weights = Json::parse(natural[i]);
    REQUIRE(weights.size() == 3);
    CHECK(weights["captions"].get<double>() + weights["more"].get<double>() + weights["talk"].get<double>() == Approx(1));
  }
  CHECK(weights_of("{ simplex = 2 }")[0] == R"({"captions":0.333333,"more":0.333333,"talk":0.333333})");
  CHECK(weights_of("{ simplex = 2, prior = { talk = 1 } }")[0] == R"({"talk":1})");
}

TEST_CASE("a simplex varies the shares alone: caps stay, and so do sources with a count") {
  const Folder folder;
  const std::string mixture = "\n[data.more]\nformat = \"scenes\"\n[mixture.three]\nsamples = 10\n[mixture.three.weights]\ntalk = { share = 0.3, max_passes = 4 }\ncaptions = { samples = 5 }\nmore = 1\n[[stage]]\nname = \"last\"\nkind = \"train\"\ntrains = [\"projector\"]\ndata = \"mixture.three\"\n";
  const Recipe recipe = load_right(folder.write("base.toml", kBase + mixture + "[sweep.axes]\n\"mixture.three.weights\" = { simplex = 5, prior = \"natural\" }\n"));
  const Lines weights = points(recipe, {"mixture.three.weights"});
  REQUIRE(weights.size() == 5);
  CHECK(weights[0] == R"({"captions":{"samples":5},"more":"natural","talk":{"max_passes":4}})");
  for (size_t i = 1; i < weights.size(); ++i) {
    const Json one = Json::parse(weights[i]);
    CHECK(one["captions"] == Json{{"samples", 5}});
    CHECK(one["talk"]["max_passes"] == 4);
    CHECK(one["talk"]["share"].get<double>() + one["more"].get<double>() == Approx(1));
  }
}

TEST_CASE("a table that only says a share is that share") {
  const Folder folder;
  const std::string rest = "\n[mixture.one]\nsamples = 10\nweights = ";
  const auto weights_of = [&](const std::string& said) {
    const Recipe recipe = load_right(folder.write("base.toml", kBase + rest + said + "\n"));
    return recipe.trials.at(0).resolved["mixture"]["one"]["weights"].dump();
  };
  CHECK(weights_of("{ talk = { share = 0.5 }, captions = 0.5 }") == weights_of("{ talk = 0.5, captions = 0.5 }"));
  CHECK(weights_of("{ talk = {}, captions = 0.5 }") == R"({"captions":0.5,"talk":"natural"})");
  CHECK(weights_of("{ talk = { epochs = 2 }, captions = { share = 0.5, max_passes = 3 } }") == R"({"captions":{"max_passes":3,"share":0.5},"talk":{"epochs":2.0}})");
}

TEST_CASE("values refer to other values, follow overrides and axes, and keep their types") {
  const Folder folder;
  ::setenv("SAUCIER_TEST_WORD", "blue", 1);
  const std::string text = kBase + R"(
[variables]
rate = 1e-3
part = "projector"
[conversation]
system = "$${x} ${env:SAUCIER_TEST_WORD} ${env:SAUCIER_NO_SUCH_THING:-else} ${variables.part} ${stage.align.global_batch}"
)";
  std::string referring = text;
  const auto put = [&](const std::string& what, const std::string& in_place) { referring.replace(referring.find(what), what.size(), in_place); };
  put("trains = [\"projector\"]", "trains = [\"${variables.part}\"]\nlearning_rate = \"${variables.rate}\"\nglobal_batch = 48");
  put("learning_rate = 2e-4", "learning_rate = \"${stage.align.learning_rate}\"");
  const fs::path file = folder.write("base.toml", referring);
  const Recipe recipe = load_right(file);
  CHECK(stage_of(recipe.trials[0], "align").job.train->learning_rate == 1e-3);
  CHECK(stage_of(recipe.trials[0], "instruct").job.train->learning_rate == 1e-3);
  CHECK(stage_of(recipe.trials[0], "align").job.train->trains == Lines{"projector"});
  CHECK(stage_of(recipe.trials[0], "align").job.conversation.system == "${x} blue else projector 48");
  CHECK(stage_of(load_right(file, {"variables.rate=5e-4"}).trials[0], "instruct").job.train->learning_rate == 5e-4);
  const Recipe swept = load_right(file, {}, {"variables.rate=1e-4,2e-4"});
  REQUIRE(swept.trials.size() == 2);
  CHECK(stage_of(swept.trials[1], "instruct").job.train->learning_rate == 2e-4);
  CHECK(stage_of(swept.trials[1], "align").job.train->learning_rate == 2e-4);
}

TEST_CASE("a recipe takes values out of what it extends, and puts items behind its lists") {
  const Folder folder;
  folder.write("base.toml", kBase);
  const fs::path file = folder.write("next.toml", R"(
recipe = 1
name = "next"
extends = "base.toml"
remove = ["stage.instruct.learning_rate", "stage.bench", "mixture.instruct.epochs"]
append = { "stage.align.trains" = ["vision_tower"] }
[mixture.instruct]
samples = 10
[[stage]]
name = "judge"
kind = "evaluate"
benchmarks = ["scenes-count"]
)");
  const Recipe recipe = load_right(file);
  const recipe::Trial& trial = recipe.trials[0];
  REQUIRE(trial.stages.size() == 4);
  CHECK(trial.stages[3].name == "judge");
  CHECK(stage_of(trial, "instruct").job.train->learning_rate == options::TrainOptions{}.learning_rate);
  CHECK(stage_of(trial, "align").job.train->trains == Lines{"projector", "vision_tower"});
}

TEST_CASE("a trial written out as TOML is the same trial, and says where each value is from") {
  const Folder folder;
  const fs::path file = quickstart(folder);
  const Recipe recipe = load_right(file, {"stage.align.learning_rate=5e-4", "conversation.system=\"a \\\"word\\\",\\n\\u0007 ü\""});
  for (const recipe::Trial& trial : recipe.trials) {
    const std::string text = recipe::to_toml(trial, false);
    INFO(text);
    const Recipe again = load_right(folder.write("again.toml", text));
    REQUIRE(again.trials.size() == 1);
    CHECK(canonical(again.trials[0].resolved) == canonical(trial.resolved));
    CHECK(recipe::to_toml(again.trials[0], false) == text);
    const Recipe commented = load_right(folder.write("again.toml", recipe::to_toml(trial, true)));
    CHECK(recipe::to_toml(commented.trials[0], false) == text);
  }
  const std::string text = recipe::to_toml(recipe.trials[1], true);
  const auto origin = [&](const std::string& header, const std::string& line) {
    const size_t table = text.find(header), at = text.find("\n" + line, table);
    const std::string whole = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    return whole.substr(whole.rfind("# ") + 2);
  };
  CHECK(origin("name = \"align\"", "learning_rate") == "--set");
  CHECK(origin("name = \"align\"", "beta2") == "default");
  CHECK(origin("name = \"align\"", "global_batch").find("quickstart.toml:") != std::string::npos);
  CHECK(origin("[mixture.instruct.weights]", "detail") == "axis");
  CHECK(origin("[model.language_model]", "hidden_size") == "default");
}

TEST_CASE("a text with the characters of a reference is written out so that it reads as itself") {
  const Folder folder;
  const Recipe recipe = load_right(folder.write("x.toml", kBase + "\n[conversation]\nsystem = \"one $${name} two $$${x} $\"\n"));
  CHECK(recipe.trials[0].resolved["conversation"]["system"] == "one ${name} two $${x} $");
  const std::string text = recipe::to_toml(recipe.trials[0], false);
  CHECK(text.find("system = \"one $${name} two $$${x} $\"") != std::string::npos);
  CHECK(load_right(folder.write("again.toml", text)).trials[0].resolved == recipe.trials[0].resolved);
}

TEST_CASE("an argument that is no UTF-8 is refused") {
  const Folder folder;
  const fs::path file = folder.write("x.toml", kBase);
  for (const Recipe& recipe : {load(file, {"stage.align.data=\xff"}, {}), load(file, {}, {"stage.align.data=\xff,x"})}) {
    REQUIRE(recipe.problems.list().size() == 1);
    CHECK(recipe.problems.list()[0].message.ends_with("takes UTF-8, and this is none"));
    CHECK(recipe.trials.empty());
  }
}
