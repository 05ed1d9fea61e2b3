// Trials that share what does not differ between them: each must be what the recipe with its values set by hand is.

#include "runner/recipe/instance.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <set>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "modules/base/json.h"
#include "runner/recipe/recipe.h"
#include "tests/temp_folder.h"

namespace fs = std::filesystem;
using namespace saucier;

namespace {

const std::string kBase = read_file(SAUCIER_SOURCE_DIR "/tests/golden/recipe/lib/base.toml");

const recipe::Reading kCheck = {.text_of = {}, .renames = nullptr, .most_trials = recipe::kMostTrials, .trials = false};

fs::path write(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
  return file;
}

std::string stage_text(const recipe::Stage& stage) {
  Json needs = stage.needs;
  return canonical({{"name", stage.name}, {"kind", stage.kind}, {"from", stage.from}, {"needs", needs}, {"job", options::to_json(stage.job)}});
}

// A JSON value as --set takes it: TOML's inline form.
std::string spelled(const Json& value) {
  if (!value.is_object()) return value.is_array() ? [&] {
    std::string out;
    for (const Json& item : value) out += (out.empty() ? "" : ", ") + spelled(item);
    return "[" + out + "]";
  }() : value.dump();
  std::string out;
  for (const auto& [key, item] : value.items()) out += fmt::format("{}\"{}\" = {}", out.empty() ? "" : ", ", key, spelled(item));
  return "{ " + out + " }";
}

void each_trial_stands_alone(const fs::path& file, size_t wanted) {
  const recipe::Recipe all = recipe::load(file, {}, {});
  INFO(all.problems.render());
  REQUIRE(all.trials.size() == wanted);
  CHECK(recipe::load(file, {}, {}, kCheck).count == wanted);
  std::set<std::string> distinct;
  for (const recipe::Trial& trial : all.trials) {
    std::vector<std::string> set;
    for (const auto& [path, value] : trial.parameters) set.push_back(path + "=" + spelled(value));
    // Axes that a condition leaves out are axes still: nothing but the sweep itself may differ.
    std::string text = read_file(file);
    text = text.substr(0, text.find("[sweep"));
    const recipe::Recipe one = recipe::load(write(file.parent_path() / "alone.toml", text), set, {});
    INFO(trial.name << one.problems.render());
    REQUIRE(one.trials.size() == 1);
    CHECK(canonical(one.trials[0].resolved) == canonical(trial.resolved));
    REQUIRE(one.trials[0].stages.size() == trial.stages.size());
    for (size_t s = 0; s < trial.stages.size(); ++s) CHECK(stage_text(one.trials[0].stages[s]) == stage_text(trial.stages[s]));
    for (const auto& [path, value] : trial.parameters) {
      if (!path.starts_with("stage.")) CHECK(trial.origins.count(path) + trial.origins.count("mixture") > 0);
    }
    CHECK(distinct.insert(canonical(trial.resolved)).second);
  }
}

}  // namespace

TEST_CASE("each trial of a sweep is the recipe with its values set by hand") {
  const TempFolder folder;
  const auto sweep = [&](const std::string& text) { return write(folder.path() / "base.toml", kBase + "\n" + text); };

  // One stage, the conversation, a mixture, a source, the model and the seed at once.
  each_trial_stands_alone(sweep(R"(
[sweep.axes]
seed = [1, 2]
"stage.instruct.learning_rate" = [1e-4, 2e-4]
"conversation.template" = ["vicuna_v1", "llava_v1"]
"model.projector.kind" = ["linear", "mlp2x_gelu"]
"stage.align.conversation.image_position" = ["front", "back"]
)"), 32);
  // Two axes of one entry, and one that replaces it.
  each_trial_stands_alone(sweep(R"(
[sweep.axes]
"stage.instruct.lora" = [{ rank = 4 }, { rank = 8, alpha = 32 }]
"stage.instruct.lora.alpha" = [16, 32]
"stage.instruct.lora.dropout" = [0, 0.1]
)"), 8);
  // Without an adapter its rank is left out: those points come to the same.
  each_trial_stands_alone(sweep(R"(
[sweep.axes]
"stage.instruct.trains" = [["projector"], ["projector", "language_model.lora"]]
"stage.instruct.lora.rank" = { values = [4, 8, 16], when = { "stage.instruct.trains" = [["projector", "language_model.lora"]] } }
)"), 4);
  // Left out by a condition: the recipe's own value, or the default.
  each_trial_stands_alone(sweep(R"(
[sweep.axes]
"stage.instruct.schedule" = ["cosine", "constant"]
"stage.instruct.warmup_ratio" = { values = [0.03, 0.1], when = { "stage.instruct.schedule" = "cosine" } }
"stage.instruct.conversation.max_turns" = { values = [1, 2], when = { "stage.instruct.schedule" = "constant" } }
)"), 4);
  // A name with dots in it.
  each_trial_stands_alone(sweep(R"(
[sweep.axes]
'stage.instruct.parts."language_model.lora".learning_rate' = [1e-4, 3e-4]
"stage.instruct.parts.projector.learning_rate" = [1e-3, 2e-3]
)"), 4);
  // What others refer to, at one remove and at two.
  each_trial_stands_alone(sweep(R"(
[variables]
rate = 1e-4
same = "${variables.rate}"
[[stage]]
name = "more"
kind = "train"
trains = ["projector"]
data = "data.captions"
learning_rate = "${stage.instruct.learning_rate}"
parts.projector.learning_rate = "${variables.same}"
[sweep.axes]
"variables.rate" = [1e-4, 3e-4]
"stage.instruct.learning_rate" = [1e-4, 2e-4]
"conversation.max_turns" = [1, 2]
)"), 8);
  // What a trial changes as a whole.
  each_trial_stands_alone(sweep(R"(
[sweep.axes]
"stage.instruct.from" = ["none", "align"]
"stage.instruct.global_batch" = [8, 16]
)"), 4);
}

TEST_CASE("an error of one value is said once, at its place, whatever else is tried") {
  const TempFolder folder;
  const fs::path file = write(folder.path() / "base.toml", kBase + R"(
[sweep.axes]
seed = { range = [1, 50] }
"stage.instruct.learning_rate" = [1e-4, -1.0, 2e-4]
"conversation.template" = ["vicuna_v1", "vicuna_v2"]
)");
  const recipe::Recipe checked = recipe::load(file, {}, {}, kCheck);
  CHECK(checked.count == 0);
  REQUIRE(checked.problems.list().size() == 2);
  CHECK(checked.problems.list()[0].message == "'learning_rate' must be more than 0 and at most 10 (got -1)");
  CHECK(checked.problems.list()[1].message == "unknown template 'vicuna_v2'");
  CHECK(recipe::load(file, {}, {}).trials.empty());
}

TEST_CASE("speed of checking ten thousand trials of a recipe of two thousand lines", "[.][speed]") {
  const TempFolder folder;
  std::string text = kBase;
  for (int i = 0; std::count(text.begin(), text.end(), '\n') < 2000; ++i)
    text += fmt::format("\n[data.more_{0}]\nformat = \"scenes\"\n[data.more_{0}.scenes]\ncount = 1000\nsplit = \"train\"\nmin_objects = 2\nmax_objects = 4\n"
                        "\n[mixture.more_{0}]\nweights = {{ more_{0} = 1.0 }}\nsamples = 1000\n"
                        "\n[[stage]]\nname = \"more-{0}\"\nkind = \"train\"\ntrains = [\"projector\"]\ndata = \"mixture.more_{0}\"\nlearning_rate = 1e-3\nglobal_batch = 32\n", i);
  const auto time = [&](const std::string& what, const std::string& sweep) {
    const fs::path file = write(folder.path() / "base.toml", text + sweep);
    const std::clock_t start = std::clock();
    const recipe::Recipe checked = recipe::load(file, {}, {}, kCheck);
    const double took = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    INFO(checked.problems.render());
    CHECK(checked.count == (sweep.empty() ? 1 : 10'000));
    WARN(what << ": " << took << " ms of processor time for " << std::count(text.begin(), text.end(), '\n') << " lines");
  };
  time("no sweep", "");
  time("four axes of one stage", R"(
[sweep.axes]
"stage.instruct.learning_rate" = { log = [1e-5, 1e-3, 10] }
"stage.instruct.lora.rank" = { range = [1, 10] }
"stage.instruct.global_batch" = { range = [1, 10] }
"stage.instruct.warmup_ratio" = { linear = [0, 0.1, 10] }
)");
  time("drawn", R"(
[sweep]
method = "random"
trials = 10_000
[sweep.axes]
"stage.instruct.learning_rate" = { loguniform = [1e-5, 1e-3] }
"stage.align.learning_rate" = { loguniform = [1e-5, 1e-3] }
"stage.instruct.warmup_ratio" = { uniform = [0, 0.1] }
)");
  text += "\n[variables]\nrate = 1e-4\n";
  for (size_t at = 0; (at = text.find("learning_rate = 1e-3", at)) != std::string::npos;) text.replace(at, 20, "learning_rate = \"${variables.rate}\"");
  time("a variable that every stage refers to", R"(
[sweep.axes]
"variables.rate" = { log = [1e-5, 1e-3, 100] }
seed = { range = [1, 100] }
)");
  time("conversation, seeds and two stages", R"(
[sweep.axes]
"stage.align.learning_rate" = { log = [1e-5, 1e-3, 10] }
"stage.instruct.learning_rate" = { log = [1e-5, 1e-3, 10] }
"conversation.max_turns" = { range = [1, 10] }
seed = { range = [1, 10] }
)");
}
