// Each stage kind through its one function, from a job as the runner writes it to the artifact and the events, on the
// parts in recipes/models.
#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/stop.h"
#include "modules/stages/stage.h"
#include "tests/temp_folder.h"

using namespace saucier;
namespace fs = std::filesystem;

namespace {

const fs::path kModels = fs::path(SAUCIER_SOURCE_DIR) / "recipes" / "models";

options::Job job_in(const fs::path& work, const std::string& kind) {
  options::Job job;
  job.stage = kind;
  job.kind = kind;
  job.seed = 5;
  job.threads = 1;
  job.work = work.string();
  job.model.language_model.path = (kModels / "reader").string();
  job.model.vision_tower.path = (kModels / "tower").string();
  job.model.vision_tower.layer = -1;
  job.conversation.template_name = "vicuna_v1";
  job.conversation.system = "none";
  job.conversation.max_length = 256;
  options::DataOptions scenes;
  scenes.format = "scenes";
  scenes.content = "caption";
  scenes.scenes.count = 48;
  job.data["scenes"] = scenes;
  fs::create_directories(work);
  return job;
}

options::Job synthesize_job(const fs::path& work) {
  options::Job job = job_in(work, "synthesize");
  job.synthesize = options::SynthesizeOptions{};
  job.synthesize->source = "scenes";
  job.synthesize->samples_per_picture = 2;
  return job;
}

options::Job align_job(const fs::path& work) {
  options::Job job = job_in(work, "train");
  job.stage = "align";
  job.train = options::TrainOptions{};
  job.train->trains = {"projector"};
  job.train->data = "data.scenes";
  job.train->global_batch = 8;
  job.train->log_every = 2;
  job.train->checkpoint_every = 2;
  return job;
}

options::Job evaluate_job(const fs::path& work) {
  options::Job job = job_in(work, "evaluate");
  job.evaluate = options::EvaluateOptions{};
  job.evaluate->benchmarks = {"scenes-pope", "scenes-count", "scenes-position", "scenes-choice"};
  job.evaluate->pictures = 6;
  return job;
}

struct Run {
  std::vector<Json> events;
  std::vector<Json> all(const std::string& kind) const {
    std::vector<Json> found;
    for (const Json& event : events)
      if (event.at("event") == kind) found.push_back(event);
    return found;
  }
};

Run run(const options::Job& job) {
  const fs::path file = fs::path(job.work) / paths::kEvents;
  {
    EventWriter events(file, /*to_stdout=*/false);
    stages::run(job, events);
  }
  Run result;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) result.events.push_back(Json::parse(line));
  return result;
}

// Relative path to bytes of everything the stage left.
std::map<std::string, std::string> artifact(const options::Job& job) {
  std::map<std::string, std::string> files;
  const fs::path out = fs::path(job.work) / paths::kOutput;
  for (const auto& entry : fs::recursive_directory_iterator(out))
    if (entry.is_regular_file()) files[fs::relative(entry.path(), out).string()] = read_file(entry.path());
  return files;
}

std::string failure(const options::Job& job) {
  try {
    run(job);
  } catch (const Error& error) {
    return error.render();
  }
  return "no error";
}

}  // namespace

TEST_CASE("synthesize writes every picture's samples, the same for one seed and others for another") {
  TempFolder folder;
  const options::Job job = synthesize_job(folder.path() / "a");
  const Run first = run(job);
  const auto files = artifact(job);
  const Json samples = Json::parse(files.at("samples.json"));
  CHECK(samples.size() == 96);
  std::map<std::string, int> kinds;
  std::set<std::string> ids;
  for (const Json& sample : samples) {
    ++kinds[sample.at("kind").get<std::string>()];
    ids.insert(sample.at("id").get<std::string>());
    CHECK(sample.at("image").get<std::string>().starts_with("scene:train:"));
    CHECK(sample.at("conversations").size() >= 2);
    CHECK(sample.at("conversations").size() <= 6);
  }
  CHECK(ids.size() == 96);
  CHECK(kinds.size() == 3);
  REQUIRE(first.all("done").size() == 1);
  CHECK(first.all("done")[0].at("summary").at("samples") == 96);
  CHECK(first.all("done")[0].at("files").contains("samples.json"));

  const options::Job again = synthesize_job(folder.path() / "b");
  run(again);
  CHECK(artifact(again) == files);
  options::Job other = synthesize_job(folder.path() / "c");
  other.seed = 6;
  run(other);
  CHECK(artifact(other).at("samples.json") != files.at("samples.json"));
}

TEST_CASE("align leaves the projector alone, and a stopped stage goes on to the same bits") {
  TempFolder folder;
  const auto align = [&](const char* name) {
    options::Job job = align_job(folder.path() / name);
    job.data["scenes"].scenes.count = 160;
    job.train->log_every = 4;
    return job;
  };
  const options::Job job = align("calm");
  const Run calm = run(job);
  const auto files = artifact(job);
  REQUIRE(files.size() == 1);
  CHECK(files.contains("model/projector.safetensors"));
  const auto metrics = calm.all("metric");
  REQUIRE(metrics.size() == 5);  // 160 samples, 8 a step, a row every 4 steps
  CHECK(metrics.back().at("step") == 20);
  CHECK(metrics.back().at("values").at("loss").get<double>() < metrics.front().at("values").at("loss").get<double>());

  const options::Job stopped = align("stopped");
  stop_requested().store(true);
  CHECK_THROWS_AS(run(stopped), Interrupted);
  stop_requested().store(false);
  CHECK_FALSE(fs::exists(fs::path(stopped.work) / paths::kOutput / "model" / "projector.safetensors"));
  run(stopped);
  CHECK(artifact(stopped) == files);
}

TEST_CASE("instruct goes on from align, reads what synthesize wrote and leaves an adapter beside the projector") {
  TempFolder folder;
  const options::Job teach = synthesize_job(folder.path() / "teach"), align = align_job(folder.path() / "align");
  run(teach);
  run(align);
  options::Job job = align_job(folder.path() / "instruct");
  job.stage = "instruct";
  job.from = (fs::path(align.work) / paths::kOutput).string();
  job.artifacts["teach"] = (fs::path(teach.work) / paths::kOutput).string();
  options::DataOptions written;
  written.format = "synthesized";
  written.stage = "teach";
  written.kinds = {"conversation"};
  job.data = {{"written", written}};
  job.train->data = "data.written";
  job.train->trains = {"projector", "language_model.lora"};
  job.train->lora.rank = 4;
  run(job);
  const auto files = artifact(job);
  CHECK(files.contains("model/adapter/adapter_model.safetensors"));
  CHECK(files.contains("model/adapter/adapter_config.json"));
  CHECK(files.at("model/projector.safetensors") != artifact(align).at("model/projector.safetensors"));

  // A source whose stage left nothing is named.
  fs::remove(fs::path(teach.work) / paths::kOutput / "samples.json");
  const std::string text = failure(job);
  CAPTURE(text);
  CHECK(text.find("samples.json") != std::string::npos);
}

TEST_CASE("a model made from nothing goes the whole way: text, align, instruct") {
  TempFolder folder;
  options::Job text = align_job(folder.path() / "text");
  text.stage = "text";
  text.model.language_model.path.clear();
  text.model.language_model.init = "random";
  text.model.language_model.hidden_size = 32;
  text.model.language_model.intermediate_size = 64;
  text.model.language_model.layers = 1;
  text.model.language_model.heads = 2;
  text.model.language_model.kv_heads = 2;
  text.model.language_model.tokenizer.vocab_size = 300;
  text.model.language_model.tokenizer.train_samples = 48;
  text.train->objective = "text";
  text.train->trains = {"language_model"};
  text.data["scenes"].picture = "grid";
  run(text);
  CHECK(artifact(text).contains("model/language/tokenizer.json"));

  options::Job align = align_job(folder.path() / "align");
  align.model.language_model = text.model.language_model;
  align.from = (fs::path(text.work) / paths::kOutput).string();
  run(align);
  options::Job instruct = align;
  instruct.stage = "instruct";
  instruct.work = (folder.path() / "instruct").string();
  fs::create_directories(instruct.work);
  instruct.from = (fs::path(align.work) / paths::kOutput).string();
  instruct.train->trains = {"projector", "language_model.lora"};
  run(instruct);
  CHECK(artifact(instruct).contains("model/adapter/adapter_model.safetensors"));
}

TEST_CASE("evaluate scores every benchmark seen and blind, beside the majority and chance") {
  TempFolder folder;
  const options::Job job = evaluate_job(folder.path());
  const Run result = run(job);
  std::set<std::string> main;
  for (const Json& score : result.all("score")) {
    const double value = score.at("value").get<double>();
    CHECK(value >= 0);
    CHECK(value <= 1);
    const Json& setting = score.at("setting");
    CHECK(setting.at("template") == "vicuna_v1");
    if (setting.at("main") == true) main.insert(score.at("benchmark").get<std::string>() + " " + setting.at("condition").get<std::string>());
  }
  CHECK(main.size() == 16);
  std::map<std::string, int> questions;
  for (const Json& p : result.all("prediction")) {
    ++questions[p.at("condition").get<std::string>()];
    CHECK(p.at("picture").get<std::string>().starts_with("scene:test:"));
  }
  CHECK(questions["seen"] > 60);
  CHECK(questions["seen"] == questions["blind"]);
  const auto files = artifact(job);
  CHECK(files.contains("scores.json"));
  CHECK(files.contains("predictions.jsonl"));
  CHECK(files.contains("pictures/scene-test-0.png"));

  // Answers do not depend on how many are asked at once.
  options::Job small = evaluate_job(folder.path() / "small");
  small.evaluate->batch = 3;
  run(small);
  CHECK(artifact(small).at("predictions.jsonl") == files.at("predictions.jsonl"));
}

TEST_CASE("a job that cannot run says why") {
  TempFolder folder;
  options::Job job = align_job(folder.path());
  SECTION("a CUDA device where there is none") {
    job.device = "cuda:0";
    const std::string text = failure(job);
    CAPTURE(text);
    if (text == "no error") return;  // a machine with a GPU
    CHECK(text.find("device 'cuda:0' is asked for, but this libtorch sees no CUDA device") != std::string::npos);
  }
  SECTION("parts that are not there") {
    job.model.vision_tower.path = (folder.path() / "nowhere").string();
    const std::string text = failure(job);
    CAPTURE(text);
    CHECK(text.find("nowhere") != std::string::npos);
    CHECK(text.find("while loading the model to train") != std::string::npos);
  }
  SECTION("fewer scenes than one batch of contrast") {
    job.model.vision_tower = {};
    job.model.vision_tower.init = "random";
    job.train->objective = "contrastive";
    job.train->trains = {"vision_tower"};
    job.train->global_batch = 4096;
    const std::string text = failure(job);
    CAPTURE(text);
    CHECK(text.find("there are fewer samples than one batch of 4096") != std::string::npos);
  }
}

TEST_CASE("what an earlier stage trained is still there after stages that leave it alone") {
  TempFolder folder;
  options::Job whole = align_job(folder.path() / "whole");
  whole.train->trains = {"language_model"};
  run(whole);
  options::Job after = align_job(folder.path() / "after");
  after.from = (fs::path(whole.work) / paths::kOutput).string();
  run(after);
  CHECK(artifact(after).at("model/language/model.safetensors") == artifact(whole).at("model/language/model.safetensors"));
  CHECK(artifact(after).at("model/projector.safetensors") != artifact(whole).at("model/projector.safetensors"));
}

TEST_CASE("LoRA on the tower goes through later stages, and what it did is judged") {
  TempFolder folder;
  options::Job tower = align_job(folder.path() / "tower");
  tower.train->trains = {"projector", "vision_tower.lora"};
  tower.train->vision_lora.rank = 4;
  tower.train->learning_rate = 1e-2;
  run(tower);
  const auto files = artifact(tower);
  REQUIRE(files.contains("model/tower_adapter/adapter_model.safetensors"));
  CHECK(files.at("model/tower_adapter/adapter_model.safetensors").find("base_model.model.model.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.lora_A.weight") != std::string::npos);
  CHECK_FALSE(files.contains("model/tower/model.safetensors"));
  CHECK_FALSE(files.contains("model/adapter/adapter_model.safetensors"));

  options::Job lora = align_job(folder.path() / "lora");
  lora.from = (fs::path(tower.work) / paths::kOutput).string();
  lora.train->trains = {"language_model.lora", "language_model.norms"};
  lora.train->parts["language_model.norms"] = {.learning_rate = 1e-5};
  run(lora);  // the tower stays as the stage before left it
  const auto after = artifact(lora);
  CHECK(after.at("model/tower_adapter/adapter_config.json") == files.at("model/tower_adapter/adapter_config.json"));
  CHECK(after.at("model/tower_adapter/adapter_model.safetensors").size() == files.at("model/tower_adapter/adapter_model.safetensors").size());
  CHECK(after.contains("model/adapter/adapter_model.safetensors"));
  CHECK(after.contains("model/language/model.safetensors"));

  const auto predictions = [&](const char* name, bool with) {
    options::Job job = evaluate_job(folder.path() / name);
    job.from = (fs::path(tower.work) / paths::kOutput).string();
    if (!with) fs::remove_all(fs::path(job.from) / "model" / "tower_adapter");
    run(job);
    return artifact(job).at("predictions.jsonl");
  };
  const std::string with = predictions("with", true);
  CHECK(with != predictions("without", false));
}

TEST_CASE("a stage watches samples held out, and what it leaves is the same") {
  TempFolder folder;
  const auto align = [&](const char* name, bool validates) {
    options::Job job = align_job(folder.path() / name);
    options::DataOptions held = job.data.at("scenes");
    held.scenes.first = 5000;
    held.scenes.count = 20;
    job.data["scenes"].scenes.count = 160;
    job.data["held"] = held;
    if (validates) job.train->validation = "data.held";
    job.train->validate_every = 8;
    job.train->log_every = 8;
    job.train->validation_samples = 16;
    return job;
  };
  const options::Job plain = align("plain", false), watched = align("watched", true);
  run(plain);
  const Run rows = run(watched);
  CHECK(artifact(watched) == artifact(plain));
  std::vector<double> losses;
  for (const Json& row : rows.all("metric")) losses.push_back(row.at("values").at("validation_loss").get<double>());
  REQUIRE(losses.size() == 3);
  CHECK(losses.back() < losses.front());
  const Json values = rows.all("metric").back().at("values");
  CHECK(values.at("mfu").get<double>() > 0);
  CHECK(values.at("mfu").get<double>() < 2);
  CHECK(values.at("tokens").get<double>() > values.at("learned_tokens").get<double>());
}

TEST_CASE("a batch computed in parts is the batch computed at once") {
  TempFolder folder;
  const auto rows = [&](const char* name, std::optional<std::int64_t> micro_batch) {
    options::Job job = align_job(folder.path() / name);
    job.data["scenes"].content = "instruct";  // answers of very different lengths
    job.train->trains = {"projector", "language_model.lora"};
    job.train->log_every = 1;
    job.train->micro_batch = micro_batch;
    return run(job).all("metric");
  };
  const auto whole = rows("whole", std::nullopt);
  REQUIRE(whole.size() == 6);
  for (const std::int64_t micro_batch : {3, 1, 100}) {
    INFO("micro_batch " << micro_batch);
    const auto parts = rows(fmt::format("parts-{}", micro_batch).c_str(), micro_batch);
    REQUIRE(parts.size() == whole.size());
    for (size_t i = 0; i < whole.size(); ++i) {
      const auto value = [&](const Json& row, const char* name) { return row.at("values").at(name).get<double>(); };
      CHECK(value(parts[i], "loss") == Approx(value(whole[i], "loss")).epsilon(1e-4));
      CHECK(value(parts[i], "gradient_norm") == Approx(value(whole[i], "gradient_norm")).epsilon(1e-3));
      CHECK(value(parts[i], "learned_tokens") == value(whole[i], "learned_tokens"));
    }
  }
}

TEST_CASE("in bfloat16 a stage learns the same, and what it leaves keeps its digits") {
  TempFolder folder;
  const auto align = [&](const char* name, const char* dtype) {
    options::Job job = align_job(folder.path() / name);
    job.data["scenes"].scenes.count = 160;
    job.train->log_every = 4;
    job.train->dtype = dtype;
    return job;
  };
  const options::Job exact = align("float32", "float32"), narrow = align("bfloat16", "bfloat16");
  const auto wanted = run(exact).all("metric"), rows = run(narrow).all("metric");
  REQUIRE(rows.size() == wanted.size());
  for (size_t i = 0; i < rows.size(); ++i)
    CHECK(rows[i].at("values").at("loss").get<double>() == Approx(wanted[i].at("values").at("loss").get<double>()).epsilon(0.02));
  CHECK(artifact(narrow).at("model/projector.safetensors") != artifact(exact).at("model/projector.safetensors"));
  CHECK(artifact(narrow).at("model/projector.safetensors").size() == artifact(exact).at("model/projector.safetensors").size());

  options::Job lora = align("lora", "bfloat16");
  lora.from = (fs::path(exact.work) / paths::kOutput).string();
  lora.train->trains = {"language_model.lora"};
  run(lora);  // the projector is used in bfloat16, and handed on as it came
  CHECK(artifact(lora).at("model/projector.safetensors") == artifact(exact).at("model/projector.safetensors"));

  options::Job tower = align("tower", "bfloat16");
  tower.train->objective = "contrastive";
  tower.train->trains = {"vision_tower"};
  tower.train->global_batch = 16;
  const auto contrast = run(tower).all("metric");
  REQUIRE_FALSE(contrast.empty());
  CHECK(contrast.back().at("values").at("loss").get<double>() > 0);
}

TEST_CASE("a source with another number of samples than the recipe expects is refused") {
  TempFolder folder;
  options::Job job = align_job(folder.path());
  job.data["scenes"].expected_samples = 49;
  const std::string text = failure(job);
  CAPTURE(text);
  CHECK(text.find("it holds 48 samples, the recipe expects 49") != std::string::npos);
  CHECK(text.find("hint: bring the file that the recipe means, or change data.scenes.expected_samples") != std::string::npos);
  job.data["scenes"].expected_samples = 48;
  CHECK(failure(job) == "no error");
}

TEST_CASE("pictures as tiles, and a projector of few queries, go the whole way") {
  TempFolder folder;
  const bool tiles = GENERATE(true, false);
  const auto shown = [&](options::Job job) {
    if (tiles) {
      job.conversation.image_aspect = "anyres";
      job.conversation.max_length = 512;
    } else {
      job.model.projector.kind = "resampler";
      job.model.projector.resampler = {.latents = 3, .depth = 1, .heads = 4, .kv_heads = 2, .head_dim = 8};
    }
    return job;
  };
  const options::Job before = shown(evaluate_job(folder.path() / "before")), align = shown(align_job(folder.path() / "align"));
  const size_t scores = run(before).all("score").size();  // all parts are there before anything is trained
  CHECK(scores > 0);
  CHECK(run(align).all("metric").size() > 0);
  const std::string projector = artifact(align).at("model/projector.safetensors");
  CHECK(tiles == (projector.find("image_newline") != std::string::npos));
  options::Job after = shown(evaluate_job(folder.path() / "after"));
  after.from = (folder.path() / "align" / paths::kOutput).string();
  CHECK(run(after).all("score").size() == scores);
}
