#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "runner/plan/digests.h"
#include "runner/plan/key.h"
#include "runner/plan/plan.h"
#include "store/manifest.h"
#include "tests/runner/made_recipe.h"
#include "tests/temp_folder.h"

using namespace saucier;
using plan::make_plan;

namespace {

std::string key_of(const recipe::Stage& stage) { return canonical(plan::key_text(stage, {})); }

void age(const fs::path& path, int seconds) {
  const timespec times[2] = {{.tv_sec = ::time(nullptr) - seconds, .tv_nsec = 5}, {.tv_sec = ::time(nullptr) - seconds, .tv_nsec = 5}};
  ::utimensat(AT_FDCWD, path.c_str(), times, 0);
}

// What a run would leave for a node.
void finish(store::Store& store, const plan::Node& node) {
  const auto run = store.claim(node.key, node.name, node.kind, node.key_text);
  REQUIRE(run);
  const fs::path folder = store.artifacts() / node.key;
  fs::create_directories(folder);
  write_file_atomic(folder / "w", node.key);
  store::write_manifest(folder, {{"key", node.key}});
  REQUIRE(store.finish(*run, folder, Json::object(), 1));
}

void submit(store::Store& store, const recipe::Recipe& recipe, const plan::Plan& plan) {
  std::vector<store::TrialRow> rows;
  for (std::size_t t = 0; t < recipe.trials.size(); ++t) {
    store::TrialRow row{.name = recipe.trials[t].name, .parameters = Json::object(), .resolved = recipe.trials[t].resolved.dump(), .stages = {}};
    for (const int n : plan.trial_nodes[t]) row.stages.push_back({.stage = plan.nodes[n].name, .key = plan.nodes[n].key});
    rows.push_back(row);
  }
  store.add_sweep(recipe.name, "made.toml", "", "maximize", rows);
}

}  // namespace

TEST_CASE("the key text holds what differs from the defaults, and nothing operational") {
  auto stage = train_stage("align");
  Json text = plan::key_text(stage, {});
  for (const char* file : {"font", "names", "keywords"}) CHECK(text.at("scene_files").at(file).at("content").get<std::string>().size() == 64);
  text.erase("scene_files");
  CHECK(text.dump() == R"({"data":{"scenes":{"format":"scenes"}},"key_version":3,"kind":"train","seed":42,"stage":"align",)"
                       R"("train":{"data":"data.scenes","trains":["projector"]}})");
  auto other = stage;
  other.job.data.begin()->second.format = "llava";
  CHECK_FALSE(plan::key_text(other, {}).contains("scene_files"));
  const std::string before = key_of(stage);

  SECTION("operational fields, device and threads are not in it") {
    stage.job.train->log_every = 1;
    stage.job.train->checkpoint_every = 7;
    stage.job.train->micro_batch = 4;
    stage.job.data.at("scenes").expected_samples = 1000;
    stage.job.device = "cuda:0";
    stage.job.threads = 12;
    stage.job.work = "/somewhere";
    CHECK(key_of(stage) == before);
  }
  SECTION("number format and the shape of pictures are in it") {
    stage.job.train->dtype = "bfloat16";
    const std::string narrow = key_of(stage);
    CHECK(narrow != before);
    stage.job.conversation.image_aspect = "pad";
    CHECK(key_of(stage) != narrow);
  }
  SECTION("LoRA options count only where LoRA is trained") {
    stage.job.train->lora.rank = 8;
    CHECK(key_of(stage) == before);
    stage.job.train->trains = {"language_model.lora"};
    const std::string with = key_of(stage);
    stage.job.train->lora.rank = 16;
    CHECK(key_of(stage) != with);
  }
  SECTION("what changes the result changes the key") {
    const auto changed = [&](auto&& change) {
      auto other = stage;
      change(other.job);
      return key_of(other) != before;
    };
    CHECK(changed([](options::Job& job) { job.seed = 43; }));
    CHECK(changed([](options::Job& job) { job.train->learning_rate = 2e-3; }));
    CHECK(changed([](options::Job& job) { job.conversation.template_name = "plain"; }));
    CHECK(changed([](options::Job& job) { job.data["scenes"].scenes.count = 7; }));
    CHECK(changed([](options::Job& job) { job.model.projector.kind = "linear"; }));
    CHECK(changed([](options::Job& job) { job.mixture["m"].weights["scenes"].share = 0.5; }));
  }
  SECTION("the contrastive objective does not look at the conversation's picture position") {
    stage.job.train->objective = "contrastive";
    const std::string contrastive = key_of(stage);
    stage.job.conversation.image_position = "back";
    stage.job.model.projector.kind = "linear";
    CHECK(key_of(stage) == contrastive);
    stage.job.model.vision_tower.layers = 2;
    CHECK(key_of(stage) == contrastive);  // the tower is loaded, with the layers that it has
    stage.job.model.vision_tower.init = "random";
    CHECK(key_of(stage) != contrastive);
  }
}

TEST_CASE("other stages enter by their keys, not by their names") {
  auto stage = evaluate_stage("bench", "align");
  const Json one = plan::key_text(stage, {{"align", "k1"}}), two = plan::key_text(stage, {{"align", "k2"}});
  CHECK(one != two);
  stage.from = "other";
  stage.needs = {"other"};
  CHECK(plan::key_text(stage, {{"other", "k1"}}) == one);

  auto reader = train_stage("instruct");
  reader.job.data["made"].format = "synthesized";
  reader.job.data["made"].stage = "teacher";
  reader.needs = {"teacher"};
  const Json first = plan::key_text(reader, {{"teacher", "k1"}});
  CHECK(first.dump().find("\"teacher\"") == std::string::npos);
  CHECK(plan::key_text(reader, {{"teacher", "k2"}}) != first);
}

TEST_CASE("what a source's samples are: its options and files, its turn limit, and the seed where words are drawn") {
  TempFolder temp;
  auto stage = train_stage("align");
  options::DataOptions& source = stage.job.data.begin()->second;
  const std::string name = stage.job.data.begin()->first;
  const auto contents = [&] { return plan::contents_of(stage.job, canonical(plan::key_text(stage, {}))).at(name); };
  write_file_atomic(temp.path() / "a.json", "[]");
  source.format = "llava";
  source.path = (temp.path() / "a.json").string();
  const std::string before = contents();

  stage.job.train->learning_rate = 0.5;
  stage.job.seed = 7;
  stage.job.conversation.max_length = 64;  // the tokens' business
  stage.name = stage.job.stage = "other";
  CHECK(contents() == before);
  write_file_atomic(temp.path() / "a.json", "[1]");
  const std::string another_file = contents();
  CHECK(another_file != before);

  stage.job.conversation.max_turns = 3;
  const std::string limited = contents();
  CHECK(limited != another_file);
  stage.job.conversation.turn_overflow = "truncate";
  CHECK(contents() != limited);
  source.max_turns = 0;
  stage.job.conversation.turn_overflow = "split";
  const std::string unlimited = contents();
  stage.job.conversation.max_turns = 5;  // not this source's
  CHECK(contents() == unlimited);

  stage.job.conversation.image_position = "random";
  const std::string random = contents();
  CHECK(random != unlimited);
  stage.job.seed = 8;
  CHECK(contents() != random);
  stage.job.conversation.image_position = "front";
  source.format = "scenes";
  source.content = "instruct";
  const std::string taught = contents();
  CHECK(Json::parse(taught).at("scene_files").size() == 3);
  stage.job.seed = 9;
  CHECK(contents() != taught);
  stage.job.train.reset();
  CHECK(plan::contents_of(stage.job, "{}").empty());
}

TEST_CASE("what is held out is part of a stage's key, and of what its samples are") {
  const TempFolder folder;
  const auto source = [&](const char* name) {
    fs::create_directories(folder.path() / "pictures");
    write_file_atomic(folder.path() / name, name);
    write_file_atomic(folder.path() / "pictures/p", "picture");
    options::DataOptions data;
    data.format = "llava";
    data.path = (folder.path() / name).string();
    data.images = (folder.path() / "pictures").string();
    return data;
  };
  recipe::Stage stage = train_stage("instruct");
  stage.job.data = {{"talk", source("talk")}, {"more", source("more")}, {"exam", source("exam")}};
  stage.job.train->data = "mixture.all";
  stage.job.mixture["all"].weights = {{"talk", {.natural = true}}, {"more", {.natural = true}}};
  const auto key = [&] { return canonical(plan::key_text(stage, {})); };
  const auto contents = [&](const char* name) { return plan::contents_of(stage.job, key()).at(name); };
  const std::string alone = contents("talk");
  CHECK(alone.find("compared") == std::string::npos);
  stage.job.data["talk"].held_out = {"exam"};
  const std::string text = key(), talk = contents("talk"), more = contents("more");
  CHECK(talk != alone);
  CHECK(more.find("compared") == std::string::npos);
  stage.job.data["exam"].max_turns = 1;  // how it would be written out
  stage.job.data["exam"].system = "Be brief.";
  CHECK(key() == text);
  write_file_atomic(folder.path() / "exam", "other questions");
  CHECK(key() != text);
  CHECK(contents("talk") != talk);
  CHECK(contents("more") == more);
  const std::string before = contents("talk");
  write_file_atomic(folder.path() / "pictures/p", "another picture");
  CHECK(Json::parse(contents("talk"))["compared"] != Json::parse(before)["compared"]);
  stage.job.train->validation = "data.exam";  // which alone would not be part of the key
  CHECK(Json::parse(key())["data"].contains("exam"));
  stage.job.data["talk"].held_out.clear();
  CHECK_FALSE(Json::parse(key())["data"].contains("exam"));
  stage.job.train->validation.clear();
  stage.job.data.erase("exam");
  const std::string kept = contents("talk");
  stage.job.mixture["all"].duplicates = "count";
  CHECK(contents("talk") == kept);
  stage.job.mixture["all"].duplicates = "drop";
  CHECK(Json::parse(contents("talk"))["compared"].contains("more"));
}

TEST_CASE("a file counts by its contents, wherever it lies") {
  TempFolder temp;
  auto stage = train_stage("align");
  stage.job.data["scenes"].format = "llava";
  const auto at = [&](const char* name, const char* text) {
    write_file_atomic(temp.path() / name, text);
    stage.job.data["scenes"].path = (temp.path() / name).string();
    return key_of(stage);
  };
  const std::string one = at("a.json", "[1]");
  CHECK(at("b.json", "[1]") == one);
  CHECK(at("a.json", "[2]") != one);
  CHECK(one.find(temp.path().string()) == std::string::npos);
  stage.job.data["scenes"].path = (temp.path() / "none").string();
  CHECK_THROWS_WITH(key_of(stage), Catch::Contains("none"));
}

TEST_CASE("digests are remembered, except of files that have just changed") {
  TempFolder temp;
  const fs::path cache = temp.path() / "digests.json", folder = temp.path() / "model";
  fs::create_directories(folder / ".cache");
  write_file_atomic(folder / "config.json", "{}");
  write_file_atomic(folder / ".cache" / "x", "x");
  std::string first;
  {
    plan::ContentDigests digests(cache);
    first = digests.of(folder);
    CHECK(digests.hashed() == 1);
    CHECK(digests.of(folder) == first);
    CHECK(digests.hashed() == 1);
  }
  CHECK(!fs::exists(cache));  // racy: changed within the last seconds
  ::usleep(2'100'000);
  plan::ContentDigests{cache}.of(folder);
  {
    plan::ContentDigests digests(cache);
    CHECK(digests.of(folder) == first);
    CHECK(digests.hashed() == 0);
  }
  write_file_atomic(folder / "config.json", "{ }");
  age(folder / "config.json", 100);
  plan::ContentDigests digests(cache);
  CHECK(digests.of(folder) != first);
  write_file_atomic(cache, "damaged");
  CHECK(plan::ContentDigests(cache).of(folder) == digests.of(folder));
}

TEST_CASE("trials share the stages they agree on") {
  const auto recipe = sweep_of({1e-4, 2e-4, 1e-4});
  const auto plan = make_plan(recipe, nullptr);
  REQUIRE(plan.nodes.size() == 5);
  CHECK(plan.trial_nodes == std::vector<std::vector<int>>{{0, 1, 2}, {0, 3, 4}, {0, 1, 2}});
  CHECK(plan.nodes[0].trials == std::vector<int>{0, 1, 2});
  CHECK(plan.nodes[4].needs == std::vector<int>{3});
  CHECK(plan.nodes[0].reason == "to run: first time");
  for (std::size_t n = 0; n < plan.nodes.size(); ++n)
    for (const int need : plan.nodes[n].needs) CHECK(need < static_cast<int>(n));
}

TEST_CASE("reasons say what is cached and what changed") {
  TempFolder temp;
  const auto store = store::Store::open(temp.path() / "s.db");
  const auto first = sweep_of({1e-4});
  auto plan = make_plan(first, store.get());
  submit(*store, first, plan);
  for (const auto& node : plan.nodes) finish(*store, node);
  plan = make_plan(first, store.get());
  CHECK(plan.nodes[2].cached);
  CHECK(plan.nodes[2].reason == "cached (from made-1)");
  CHECK(plan.nodes[1].job.from == (store->artifacts() / plan.nodes[0].key).string());

  auto changed = sweep_of({2e-4});
  changed.trials[0].stages[1].origins["learning_rate"] = "recipes/x.toml:31";
  plan = make_plan(changed, store.get());
  CHECK(plan.nodes[0].cached);
  CHECK(plan.nodes[1].reason == "to run: learning_rate 0.0001 → 0.0002 (recipes/x.toml:31)");
  CHECK(plan.nodes[2].reason == "to run: instruct runs again");

  auto defaulted = sweep_of({1e-4});
  defaulted.trials[0].stages[1].job.conversation.image_position = "back";
  plan = make_plan(defaulted, store.get());
  CHECK(plan.nodes[1].reason == "to run: conversation.image_position front → back");

  fs::remove_all(store->artifacts() / make_plan(first, store.get()).nodes[0].key);
  CHECK(make_plan(first, store.get()).nodes[0].reason == "to run: its artifact is gone");
  const auto reader = store::Store::open_read_only(store->file());
  CHECK(make_plan(first, reader.get()).nodes[1].cached);
}

TEST_CASE("a reason says where the new value comes from: the file, an override, an axis") {
  TempFolder temp;
  const auto store = store::Store::open(temp.path() / "s.db");
  const fs::path file = fs::path(SAUCIER_SOURCE_DIR) / "recipes/quickstart.toml", other = temp.path() / "other.toml";
  const auto first = recipe::load(file, {}, {});
  REQUIRE_FALSE(first.problems.has_errors());
  const auto done = make_plan(first, store.get());
  submit(*store, first, done);
  for (const auto& node : done.nodes) finish(*store, node);
  const auto reason = [&](const recipe::Recipe& recipe, const std::string& stage) {
    REQUIRE_FALSE(recipe.problems.has_errors());
    const auto plan = make_plan(recipe, store.get());
    for (const int n : plan.trial_nodes.back())
      if (plan.nodes[n].name == stage) return plan.nodes[n].reason;
    return std::string("no such stage");
  };
  CHECK(reason(first, "align") == "cached (from quickstart-1)");
  CHECK(reason(recipe::load(file, {"stage.align.learning_rate=1e-3"}, {}), "align") == "to run: learning_rate 0.002 → 0.001 (--set)");
  CHECK(reason(recipe::load(file, {}, {"stage.align.global_batch=16,64"}), "align") == "to run: global_batch 32 → 64 (axis)");
  CHECK(reason(recipe::load(file, {"conversation.image_position=back"}, {}), "align") == "to run: conversation.image_position front → back (--set)");
  CHECK(reason(recipe::load(file, {"model.projector.kind=linear"}, {}), "align") == "to run: model.projector.kind mlp2x_gelu → linear (--set)");
  CHECK(reason(recipe::load(file, {"data.captions.scenes.count=100"}, {}), "teach") == "to run: data.captions.scenes.count 8000 → 100 (--set)");
  CHECK(reason(recipe::load(file, {"seed=2"}, {}), "teach") == "to run: seed 1 → 2 (--set)");
  CHECK(reason(recipe::load(file, {"stage.align.learning_rate=1e-3"}, {}), "instruct") == "to run: align runs again");
  write_file_atomic(other, "recipe = 1\nname = \"other\"\nextends = [\"" + file.string() + "\"]\n\n[[stage]]\nname = \"instruct\"\nlora = { rank = 16 }\n");
  CHECK(reason(recipe::load(other, {}, {}), "instruct") == "to run: lora.rank 32 → 16 (" + other.string() + ":7)");
}

TEST_CASE("speed of a plan of a thousand trials", "[.][speed]") {
  std::vector<double> rates;
  for (int i = 1; i <= 1000; ++i) rates.push_back(i * 1e-6);
  const auto recipe = sweep_of(rates);
  TempFolder temp;
  const auto store = store::Store::open(temp.path() / "s.db");
  const auto begun = std::clock();
  CHECK(make_plan(recipe, store.get()).nodes.size() == 2001);
  WARN(static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC << " s of processor time");
}

TEST_CASE("a machine without the font is told which package to install, before anything is written") {
  recipe::Recipe recipe;
  recipe.trials.push_back({.name = "one", .parameters = {}, .resolved = {}, .origins = {}, .stages = {train_stage("align")}});
  plan::check_machine(recipe);
  const SceneFile missing[] = {{"font", "/nowhere/emoji.ttf", "fonts-some"}};
  try {
    plan::check_machine(recipe, missing);
    FAIL("nothing was said");
  } catch (const Error& error) {
    CHECK(error.render() == "error: scenes need '/nowhere/emoji.ttf', which is not there\nhint: install the package fonts-some: sudo apt-get install fonts-some\n");
  }
  recipe.trials[0].stages[0].job.data.begin()->second.format = "llava";
  CHECK_NOTHROW(plan::check_machine(recipe, missing));
}
