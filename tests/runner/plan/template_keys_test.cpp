// Templates of the recipe's own, and what sources say of conversations: from the recipe to jobs and keys.
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "runner/plan/plan.h"
#include "runner/recipe/canonical.h"
#include "tests/runner/recipe/loading.h"

using namespace saucier;

namespace {

const std::string kBase = read_file(SAUCIER_SOURCE_DIR "/tests/golden/recipe/lib/base.toml");
const std::string kOwn = R"(
[template.short]
user = "Question: "
user_end = "\n"
assistant = "Answer:"
answer_start = " "
assistant_end = "</s>"
[conversation]
template = "short"
)";

std::map<std::string, std::string> keys_of(const std::string& text, const std::vector<std::string>& set = {}) {
  const Folder folder;
  const recipe::Recipe recipe = recipe::load(folder.write("own.toml", text), set, {});
  INFO(recipe.problems.render());
  REQUIRE_FALSE(recipe.problems.has_errors());
  std::map<std::string, std::string> keys;
  for (const recipe::Stage& stage : recipe.trials.front().stages) {
    std::map<std::string, std::string> needs;
    for (const recipe::Stage& other : recipe.trials.front().stages) needs[other.name] = other.name;
    keys[stage.name] = canonical(plan::key_text(stage, needs));
  }
  return keys;
}

std::set<std::string> changed(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b) {
  std::set<std::string> out;
  for (const auto& [stage, key] : a)
    if (b.at(stage) != key) out.insert(stage);
  return out;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

const std::set<std::string> kModels = {"align", "instruct", "bench"};

}  // namespace

TEST_CASE("a job carries the parts of a template of the recipe's own") {
  const Folder folder;
  const recipe::Recipe recipe = load_right(folder.write("own.toml", kBase + kOwn + "[[stage]]\nname = \"again\"\nkind = \"evaluate\"\n"
                                                                                    "benchmarks = [\"scenes-pope\"]\nconversation.template = \"qwen_2\"\n"));
  const recipe::Trial& trial = recipe.trials.at(0);
  const options::JobConversation& conversation = stage_of(trial, "instruct").job.conversation;
  REQUIRE(conversation.form);
  CHECK(conversation.form->assistant == "Answer:");
  CHECK_FALSE(stage_of(trial, "again").job.conversation.form);
  // A worker reads what was written.
  const auto job = options::from_json<options::Job>(options::to_json(stage_of(trial, "instruct").job));
  REQUIRE(job.conversation.form);
  CHECK(options::to_json(*job.conversation.form) == options::to_json(*conversation.form));
  CHECK(stage_of(trial, "instruct").origins.at("conversation.form.assistant").ends_with("own.toml:47"));
  // The canonical text reads as the same trial.
  const std::string text = recipe::to_toml(trial, false);
  CHECK(recipe::to_toml(load_right(folder.write("canonical.toml", text)).trials.at(0), false) == text);
}

TEST_CASE("a template's parts are part of the keys of the stages that use it, its name is not") {
  const auto before = keys_of(kBase + kOwn);
  CHECK(changed(before, keys_of(replaced(kBase + kOwn, "short", "brief"))).empty());
  CHECK(changed(before, keys_of(kBase + kOwn, {"template.short.user=Q:"})) == kModels);
  CHECK(changed(before, keys_of(kBase + kOwn + "[template.other]\nuser = \"x\"\nassistant_end = \"y\"\n")).empty());
  CHECK(changed(keys_of(kBase), before) == kModels);
}

TEST_CASE("weighted system messages take the place of one, for a stage and for a source") {
  const std::string systems = "[conversation]\nsystems = { \"Be brief.\" = 1, none = 2 }\n";
  const auto before = keys_of(kBase + systems);
  CHECK(changed(before, keys_of(kBase + systems, {"conversation.system=none"})).empty());
  CHECK(changed(before, keys_of(kBase)) == kModels);
  const Folder folder;
  const recipe::Recipe own = load_right(folder.write("own.toml", kBase + systems + "[[stage]]\nname = \"more\"\nkind = \"train\"\ntrains = [\"projector\"]\n"
                                                                                    "data = \"data.captions\"\nconversation.system = \"Mine.\"\n"));
  CHECK(stage_of(own.trials.at(0), "align").job.conversation.systems.size() == 2);
  CHECK(stage_of(own.trials.at(0), "more").job.conversation.systems.empty());
  CHECK(stage_of(own.trials.at(0), "more").job.conversation.system == "Mine.");
  CHECK(changed(keys_of(kBase), keys_of(kBase, {"data.captions.system=Mine."})) == std::set<std::string>{"align"});
}

TEST_CASE("a template's parts can be swept") {
  const Folder folder;
  const recipe::Recipe recipe = recipe::load(folder.write("own.toml", kBase + kOwn), {}, {"template.short.assistant=Answer:,A:", "conversation.learn=answers,all"});
  INFO(recipe.problems.render());
  REQUIRE(recipe.trials.size() == 4);
  CHECK(stage_of(recipe.trials[0], "instruct").job.conversation.form->assistant == "Answer:");
  CHECK(stage_of(recipe.trials[3], "instruct").job.conversation.form->assistant == "A:");
  CHECK(stage_of(recipe.trials[3], "instruct").job.conversation.learn == "all");
}
