// Keys under an old name. No option has one yet, so the tables here are copies with old names put in.
#include "runner/recipe/renamed.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "modules/base/file.h"
#include "runner/recipe/bind.h"
#include "runner/recipe/bound.h"
#include "runner/recipe/recipe.h"
#include "runner/recipe/recipe_options.h"
#include "runner/recipe/schema.h"

using namespace saucier;
using options::Table;
using recipe::Recipe;
using recipe::Renames;

namespace {

const std::string kBase = read_file(SAUCIER_SOURCE_DIR "/tests/golden/recipe/lib/base.toml");

options::Field& field(Table& table, std::string_view key) {
  for (options::Field& one : table.fields)
    if (one.rule.key == key) return one;
  throw Error("no such field");
}

struct Old {
  Old() {
    field(lora, "rank").rule.formerly = {"r", "lora_rank"};
    field(train, "learning_rate").rule.formerly = {"lr"};
    field(train, "lora").table = &lora;
    field(train, "lora").rule.formerly = {"adapter"};
    field(mixture, "samples").rule.formerly = {"count"};
    field(top, "mixture").table = &mixture;
    renames = recipe::renames_of(top, {{"train", &train}, {"synthesize", &recipe::stage_table("synthesize")}, {"evaluate", &recipe::stage_table("evaluate")}});
  }
  Table lora = options::table_of<options::LoraOptions>(), train = recipe::stage_table("train"), mixture = options::table_of<options::MixtureOptions>(),
        top = options::table_of<recipe::RecipeOptions>();
  Renames renames;
};

Recipe load(const std::map<std::string, std::string>& files, const std::vector<std::string>& set = {}, const std::vector<std::string>& sweep = {}) {
  static const Old old;
  recipe::Reading reading;
  reading.renames = &old.renames;
  reading.text_of = [&](const fs::path& file) {
    const auto it = files.find(file.string());
    return it == files.end() ? std::nullopt : std::optional(it->second);
  };
  return recipe::load("x.toml", set, sweep, reading);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

const recipe::Stage& stage(const Recipe& recipe, const std::string& name, size_t trial = 0) {
  for (const recipe::Stage& one : recipe.trials.at(trial).stages)
    if (one.name == name) return one;
  throw Error("no such stage");
}

// What the recipe says once all is right, and how many old names it was told about.
void same_but_warned(const Recipe& old, const Recipe& now, size_t warnings) {
  INFO(old.problems.render());
  REQUIRE(now.problems.list().empty());
  CHECK(old.problems.list().size() == warnings);
  for (const Diagnostic& one : old.problems.list()) {
    CHECK(one.severity == Severity::kWarning);
    CHECK(one.code == "deprecated-key");
    CHECK(one.position.known());
  }
  REQUIRE(old.trials.size() == now.trials.size());
  for (size_t i = 0; i < now.trials.size(); ++i) {
    CHECK(canonical(old.trials[i].resolved) == canonical(now.trials[i].resolved));
    CHECK(old.trials[i].parameters == now.trials[i].parameters);
    CHECK(old.trials[i].origins == now.trials[i].origins);
    for (size_t s = 0; s < now.trials[i].stages.size(); ++s) CHECK(old.trials[i].stages[s].origins == now.trials[i].stages[s].origins);
  }
}

}  // namespace

TEST_CASE("the options of today have no old names") { CHECK_FALSE(recipe::renames().any); }

TEST_CASE("an old name counts as the new one, with a warning at its place") {
  const std::string before = replaced(kBase, "learning_rate = 2e-4", "lr = 2e-4");
  const Recipe old = load({{"x.toml", before}});
  same_but_warned(old, load({{"x.toml", kBase}}), 1);
  const auto line = std::count(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(before.find("lr = 2e-4")), '\n') + 1;
  CHECK(old.problems.render() == fmt::format("x.toml:{0}:1: warning: 'lr' is now called 'learning_rate'\n{0:>5} | lr = 2e-4\n      | ^~\nhint: write learning_rate\n1 warning\n", line));
  CHECK(stage(old, "instruct").origins.at("learning_rate") == fmt::format("x.toml:{}", line));
  CHECK(stage(old, "instruct").job.train->learning_rate == 2e-4);
}

TEST_CASE("old names inside of tables, in other files, and of stages that another file gives a kind") {
  const std::string now = "extends = \"base.toml\"\n[mixture.instruct]\nsamples = 5\n[[stage]]\nname = \"instruct\"\nlora = { rank = 4 }\nlearning_rate = 1e-4\n";
  const std::string old = "extends = \"base.toml\"\n[mixture.instruct]\ncount = 5\n[[stage]]\nname = \"instruct\"\nadapter = { lora_rank = 4 }\nlr = 1e-4\n";
  same_but_warned(load({{"x.toml", old}, {"base.toml", kBase}}), load({{"x.toml", now}, {"base.toml", kBase}}), 4);
  // The new name wins over an inherited old one as over any inherited value.
  same_but_warned(load({{"x.toml", now}, {"base.toml", replaced(kBase, "learning_rate = 2e-4", "lr = 2e-4")}}), load({{"x.toml", now}, {"base.toml", kBase}}), 1);
}

TEST_CASE("old names in paths: remove, append, references, axes and the command line") {
  const std::string now = replaced(kBase, "learning_rate = 2e-4", "learning_rate = \"${stage.align.learning_rate}\"\nlora = { modules = [\"q_proj\"] }");
  const std::string old = replaced(now, "${stage.align.learning_rate}", "${stage.align.lr}");
  const std::string align = "extends = \"base.toml\"\n[[stage]]\nname = \"align\"\nlearning_rate = 1e-4\n";
  same_but_warned(load({{"x.toml", align}, {"base.toml", old}}), load({{"x.toml", align}, {"base.toml", now}}), 1);

  const std::string paths = "extends = \"base.toml\"\nremove = [\"stage.instruct.learning_rate\"]\nappend = { \"stage.instruct.lora.modules\" = [\"k_proj\"] }\n";
  const std::string old_paths = "extends = \"base.toml\"\nremove = [\"stage.instruct.lr\"]\nappend = { \"stage.instruct.adapter.modules\" = [\"k_proj\"] }\n";
  same_but_warned(load({{"x.toml", old_paths}, {"base.toml", now}}), load({{"x.toml", paths}, {"base.toml", now}}), 2);

  const std::string sweep = "[sweep.axes]\n\"stage.align.learning_rate\" = [1e-3, 2e-3]\nstage.instruct.learning_rate = { values = [1e-4, 2e-4], when = { \"stage.align.learning_rate\" = 1e-3 } }\n"
                            "[[sweep.zip]]\n\"stage.instruct.lora.rank\" = [2, 4]\nseed = [1, 2]\n[[sweep.exclude]]\n\"stage.align.learning_rate\" = 2e-3\nseed = 1\n";
  std::string old_sweep = sweep;
  for (const auto& [name, before] : {std::pair("learning_rate", "lr"), std::pair("lora.rank", "lora.r")})
    for (size_t at; (at = old_sweep.find(name)) != std::string::npos;) old_sweep.replace(at, std::string_view(name).size(), before);
  const Recipe swept = load({{"x.toml", kBase + old_sweep}});
  same_but_warned(swept, load({{"x.toml", kBase + sweep}}), 5);
  CHECK(swept.trials.size() == 5);
  CHECK(swept.problems.render().find("stage.instruct.lr = { values = [1e-4, 2e-4], when = { \"stage.align.lr\" = 1e-3 } }\n      |                ^~\n") != std::string::npos);

  const Recipe argued = load({{"x.toml", kBase}}, {"stage.instruct.adapter.r=3", " mixture.instruct.count =7"}, {"stage.align.lr=1e-3,2e-3"});
  same_but_warned(argued, load({{"x.toml", kBase}}, {"stage.instruct.lora.rank=3", "mixture.instruct.samples=7"}, {"stage.align.learning_rate=1e-3,2e-3"}), 4);
  CHECK(stage(argued, "instruct").origins.at("lora.rank") == "--set");
  CHECK(argued.problems.render().find("--sweep:1:13: warning: 'lr' is now called 'learning_rate'\n") != std::string::npos);
}

TEST_CASE("the old name beside the new one is an error with both places") {
  const Recipe both = load({{"x.toml", replaced(kBase, "learning_rate = 2e-4", "learning_rate = 2e-4\nlr = 1e-4")}});
  CHECK(both.trials.empty());
  const std::string said = both.problems.render();
  CHECK(said.find(":1: error: 'lr' is now called 'learning_rate', and both are given\n") != std::string::npos);
  CHECK(said.find("note: the other one is here\n") != std::string::npos);
  CHECK(said.find("hint: keep 'learning_rate'\n1 error\n") != std::string::npos);
}

TEST_CASE("a name of a source or a stage is no old name of a key") {
  std::string text = replaced(kBase, "[mixture.instruct]", "[mixture.count]");
  text = replaced(text, "\"mixture.instruct\"", "\"mixture.count\"");
  for (const char* name : {"name = \"align\"", "name = \"instruct\""}) text = replaced(text, name, name[8] == 'a' ? "name = \"lr\"" : "name = \"r\"");
  const Recipe named = load({{"x.toml", text}}, {"mixture.count.epochs=2", "stage.lr.learning_rate=1e-3"});
  CHECK(named.problems.render() == "");
}

TEST_CASE("the schema and the reference know old names") {
  const Old old;
  const Json schema = recipe::schema_of(old.lora);
  CHECK(schema["properties"]["r"]["deprecated"] == true);
  CHECK(schema["properties"]["r"]["description"] == "Now called 'rank'.");
  CHECK(schema["properties"]["r"]["anyOf"] == schema["properties"]["rank"]["anyOf"]);
  CHECK_FALSE(schema["properties"]["rank"].contains("deprecated"));
  CHECK(recipe::reference_of("Low rank", "Help.", old.lora).find("| `rank` | integer | `64` | ≥ 1 | Rank of the update matrices. Formerly `r`, `lora_rank`. |\n") != std::string::npos);
}
