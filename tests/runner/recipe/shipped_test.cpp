// The recipes that come with the program.
#include <cstdlib>
#include <set>

#include "modules/base/file.h"
#include "runner/recipe/canonical.h"
#include "tests/runner/recipe/loading.h"

using namespace saucier;
using recipe::Recipe;

namespace {

// Files below recipes/ that are recipes; recipes/lib holds what they extend.
std::vector<fs::path> shipped() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(SAUCIER_SOURCE_DIR "/recipes"))
    if (entry.path().extension() == ".toml" && entry.path().parent_path().filename() != "lib") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("all shipped recipes are right but for files to bring, and written out they are the same") {
  const Folder folder;
  ::setenv("SAUCIER_DATA", (folder.path / "no-data").c_str(), 1);
  ::setenv("SAUCIER_MODELS", (folder.path / "no-models").c_str(), 1);
  for (const fs::path& file : shipped()) {
    INFO(file.string());
    const Recipe recipe = load_right(file);
    const size_t problems = recipe.problems.list().size();
    if (file.parent_path().filename() == "llava")
      CHECK(problems >= 4);
    else
      CHECK(problems <= (file.filename() == "smollm2-scenes.toml" ? 1 : 0));  // what `make smollm2` brings
    std::set<std::string> missing;  // each once
    for (const Diagnostic& problem : recipe.problems.list()) {
      CHECK(problem.code == "missing-file");
      CHECK(missing.insert(problem.message).second);
    }
    const std::string text = recipe::to_toml(recipe.trials.back(), false);
    CHECK(recipe::to_toml(load_right(folder.write("again.toml", text)).trials.at(0), false) == text);
  }
  CHECK(shipped().size() >= 16);
}

TEST_CASE("every fragment in recipes/lib is part of a shipped recipe") {
  std::set<std::string> used;
  for (const fs::path& file : shipped()) {
    const std::string text = read_file(file);
    for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/recipes/lib"))
      if (text.find("\"../lib/" + entry.path().filename().string() + "\"") != std::string::npos) used.insert(entry.path().filename().string());
  }
  for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/recipes/lib")) {
    INFO(entry.path().string());
    CHECK(used.contains(entry.path().filename().string()));
  }
}

TEST_CASE("the recipes of LLaVA come to the published numbers") {
  const auto trial = [](const std::string& name) {
    const Recipe recipe = load_right(std::string(SAUCIER_SOURCE_DIR) + "/recipes/llava/" + name + ".toml");
    REQUIRE(recipe.trials.size() == 1);
    REQUIRE(recipe.trials[0].stages.size() == 2);
    return recipe.trials[0];
  };
  struct Published {
    std::string name, language_model, projector;
    double align_rate, rate;
    std::int64_t align_batch, batch;
    double epochs;
    std::string tower;
    std::string aspect;
  };
  const std::vector<Published> all = {
      {"llava-1.0-7b", "vicuna-7b-v1.3", "linear", 2e-3, 2e-5, 128, 32, 3, "clip-vit-large-patch14", "square"},
      {"llava-1.0-7b-scienceqa", "vicuna-7b-v1.3", "linear", 2e-3, 2e-5, 128, 128, 12, "clip-vit-large-patch14", "square"},
      {"llava-1.5-7b", "vicuna-7b-v1.5", "mlp2x_gelu", 1e-3, 2e-5, 256, 128, 1, "clip-vit-large-patch14-336", "pad"},
      {"llava-1.5-13b", "vicuna-13b-v1.5", "mlp2x_gelu", 1e-3, 2e-5, 256, 128, 1, "clip-vit-large-patch14-336", "pad"},
      {"llava-1.5-7b-lora", "vicuna-7b-v1.5", "mlp2x_gelu", 1e-3, 2e-4, 256, 128, 1, "clip-vit-large-patch14-336", "pad"},
      {"llava-1.5-13b-lora", "vicuna-13b-v1.5", "mlp2x_gelu", 1e-3, 2e-4, 256, 128, 1, "clip-vit-large-patch14-336", "pad"},
      {"llava-1.5-7b-lora-parts", "vicuna-7b-v1.5", "mlp2x_gelu", 1e-3, 2e-4, 256, 128, 1, "clip-vit-large-patch14-336", "pad"}};
  size_t files = 0;
  for (const fs::path& file : shipped()) files += file.parent_path().filename() == "llava";
  CHECK(files == all.size());
  for (const Published& published : all) {
    INFO(published.name);
    const recipe::Trial found = trial(published.name);
    const recipe::Stage &align = stage_of(found, "align"), &instruct = stage_of(found, "instruct");
    CHECK(align.from.empty());
    CHECK(instruct.from == "align");
    CHECK(align.job.train->trains == std::vector<std::string>{"projector"});
    CHECK(align.job.train->learning_rate == published.align_rate);
    CHECK(align.job.train->global_batch == published.align_batch);
    CHECK(align.job.conversation.template_name == "plain");
    CHECK(align.job.conversation.image_aspect == "square");
    CHECK(align.job.mixture.at("align").epochs == 1);
    CHECK(instruct.job.train->learning_rate == published.rate);
    CHECK(instruct.job.train->global_batch == published.batch);
    CHECK(instruct.job.conversation.template_name == "vicuna_v1");
    CHECK(instruct.job.conversation.image_aspect == published.aspect);
    CHECK(instruct.job.mixture.at("instruct").epochs == published.epochs);
    for (const auto& [name, weight] : instruct.job.mixture.at("instruct").weights) CHECK(weight.natural);
    for (const recipe::Stage* stage : {&align, &instruct}) {
      const options::TrainOptions& train = *stage->job.train;
      CHECK(train.schedule == "cosine");
      CHECK(train.warmup_ratio == 0.03);
      CHECK(train.min_learning_rate_ratio == 0);
      CHECK(train.weight_decay == 0);
      CHECK(train.beta2 == 0.999);
      CHECK(train.clip_norm == 1);
      CHECK(train.dtype == "bfloat16");
      CHECK(train.global_batch % *train.micro_batch == 0);
      CHECK(stage->job.seed == 42);
      CHECK(stage->job.conversation.max_length == 2048);
      CHECK(stage->job.conversation.max_turns == 0);
      CHECK(stage->job.conversation.image_position == "front");
      const options::ModelOptions& model = stage->job.model;
      CHECK(fs::path(model.language_model.path).filename() == published.language_model);
      CHECK(fs::path(model.vision_tower.path).filename() == published.tower);
      CHECK(model.vision_tower.layer == -2);
      CHECK(model.vision_tower.features == "patch");
      CHECK(model.projector.kind == published.projector);
    }
    const bool lora = published.name.find("lora") != std::string::npos;
    CHECK(instruct.job.train->trains == std::vector<std::string>{"projector", lora ? "language_model.lora" : "language_model"});
    if (lora) {
      CHECK(instruct.job.train->lora.rank == 128);
      CHECK(instruct.job.train->lora.alpha == 256);
      CHECK(instruct.job.train->lora.dropout == 0.05);
      CHECK(instruct.job.train->lora.modules.size() == 7);
      CHECK(instruct.job.train->parts.at("projector").learning_rate == 2e-5);
    }
    std::int64_t samples = 0;
    for (const auto& [name, source] : instruct.job.data) samples += source.expected_samples.value_or(0);
    if (published.name.starts_with("llava-1.5")) {
      CHECK(samples == 665'298);
      CHECK(align.job.data.at("lcs_558k").expected_samples == 558'128);
    }
  }
  const recipe::Trial parts = trial("llava-1.5-7b-lora-parts");
  const std::map<std::string, std::int64_t> rows = {
      {"llava_instruct", 157'712}, {"sharegpt", 40'688}, {"vqav2", 82'783}, {"gqa", 72'140}, {"okvqa", 8'998},
      {"ocr_vqa", 80'000}, {"aokvqa", 66'160}, {"textcaps", 21'953}, {"refcoco", 48'447}, {"visual_genome", 86'417}};
  const auto& sources = stage_of(parts, "instruct").job.data;
  CHECK(sources.size() == rows.size());
  for (const auto& [name, count] : rows) CHECK(sources.at(name).expected_samples == count);
  CHECK(sources.at("sharegpt").images.empty());
}
