// evaluate: asks a model the questions of each benchmark, with and without sight of the pictures.
//
// Leaves out/scores.json, out/predictions.jsonl and the first six pictures in out/pictures/; says score and prediction events. Conditions of a score: "seen" (the
// model with the pictures), "blind" (the same model, every picture grey), "majority" (the one constant answer that does
// best on these questions) and "chance" (guessing among the allowed answers).

#include <map>

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/stop.h"
#include "modules/bench/catalogue.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/generate/generate.h"
#include "modules/image/picture.h"
#include "modules/stages/common.h"
#include "modules/stages/stage.h"

namespace saucier::stages {
namespace {

constexpr size_t kShownPictures = 6;

class Evaluation {
 public:
  Evaluation(const options::Job& job, EventWriter& events)
      : job_(job), options_(*job.evaluate), events_(events), model_(load(job)) {}

  void run() {
    std::vector<std::unique_ptr<bench::Benchmark>> benchmarks;
    std::int64_t total = 0;
    for (const std::string& name : options_.benchmarks) {
      benchmarks.push_back(bench::make_scene_benchmark(name, options_));
      total += static_cast<std::int64_t>(benchmarks.back()->items().size());
    }
    total_ = total * (options_.blind ? 2 : 1);
    started_ = system_clock().steady_seconds();
    for (const auto& benchmark : benchmarks) evaluate(*benchmark);
    const std::filesystem::path out = output_folder(job_);
    make_folders(out / paths::kPictures);
    for (const auto& [reference, source] : shown_)
      image::write_png(out / paths::kPictures / paths::picture_file(reference), source->load(reference));
    write_file_atomic(out / paths::kScores, scores_.dump(1) + "\n");
    write_file_atomic(out / paths::kPredictions, predictions_);
  }

 private:
  static model::JoinedModel load(const options::Job& job) {
    return with_context("while loading the model to evaluate", [&] {
      model::JoinedModel model = checkpoint::load_model(job.model, job.from, static_cast<std::uint64_t>(job.seed), job.conversation.image_aspect);
      model.move_to(device_of(job));
      return model;
    });
  }

  void evaluate(const bench::Benchmark& benchmark) {
    const std::vector<bench::Item>& items = benchmark.items();
    if (items.empty()) throw Error(fmt::format("benchmark '{}' has no question about these scenes", benchmark.name()), "raise pictures, or allow more objects");
    std::vector<generate::Question> questions;
    for (const bench::Item& item : items) {
      questions.push_back({item.question, data::PictureRef{item.pictures.front(), benchmark.pictures()}});
      if (shown_.size() < kShownPictures) shown_.emplace(item.pictures.front(), benchmark.pictures());
    }
    ask(benchmark, items, questions, "seen");
    if (options_.blind) ask(benchmark, items, questions, "blind");
    const auto baseline = [&](const std::string& condition, double value) {
      say(benchmark, condition,
          {.metric = benchmark.main_metric(), .value = value, .n = static_cast<std::int64_t>(items.size())});
    };
    baseline("majority", benchmark.majority());
    baseline("chance", benchmark.chance());
  }

  void ask(const bench::Benchmark& benchmark, const std::vector<bench::Item>& items,
           const std::vector<generate::Question>& questions, const std::string& condition) {
    const std::string note = benchmark.name() + (condition == "blind" ? " blind" : "");
    const generate::GenerateOptions how{.max_new_tokens = options_.max_new_tokens,
                                        .batch = options_.batch,
                                        .grey_pictures = condition == "blind"};
    const std::vector<std::string> answers =
        generate::answer(model_, job_.conversation, questions, how, [&](std::int64_t done) {
          if (stop_requested()) throw Interrupted("stopped while evaluating " + note);
          show(done_ + done, note);
        });
    done_ += static_cast<std::int64_t>(items.size());
    std::vector<bench::Judged> judged;
    for (size_t i = 0; i < items.size(); ++i) {
      judged.push_back(benchmark.judge(items[i], answers[i]));
      const Json prediction = {{"benchmark", benchmark.name()},   {"condition", condition},
                               {"sample", items[i].id},           {"question", items[i].question},
                               {"answer", judged[i].answer},      {"normalised", judged[i].normalised},
                               {"truth", items[i].truth},         {"correct", judged[i].credit == 1},
                               {"category", items[i].category},   {"picture", items[i].pictures.front()}};
      events_.prediction(prediction);
      predictions_ += prediction.dump() + "\n";
    }
    for (const bench::Score& score : benchmark.score(judged)) say(benchmark, condition, score);
  }

  void say(const bench::Benchmark& benchmark, const std::string& condition, const bench::Score& score) {
    Json setting = benchmark.setting();
    setting["condition"] = condition;
    const bool main = score.metric == benchmark.main_metric();
    setting["main"] = main;
    setting["template"] = job_.conversation.template_name;
    setting["system"] = job_.conversation.systems.empty() ? job_.conversation.system : text::system_text(job_.conversation);
    setting["decoding"] = fmt::format("greedy, at most {} tokens", options_.max_new_tokens);
    setting["dtype"] = "float32";
    events_.score(benchmark.name(), score.metric, score.value, score.stderr_value, score.n, setting);
    scores_.push_back({{"benchmark", benchmark.name()}, {"condition", condition}, {"metric", score.metric},
                       {"value", score.value}, {"stderr", score.stderr_value}, {"n", score.n},
                       {"main", main}, {"setting", setting}});
  }

  void show(std::int64_t done, const std::string& note) {
    const double seconds = std::max(system_clock().steady_seconds() - started_, 1e-9);
    const double rate = static_cast<double>(done) / seconds;
    events_.progress(done, total_, rate, "answers", 0, static_cast<double>(total_ - done) / std::max(rate, 1e-9), note);
  }

  const options::Job& job_;
  const options::EvaluateOptions& options_;
  EventWriter& events_;
  model::JoinedModel model_;
  std::int64_t total_ = 0, done_ = 0;
  double started_ = 0;
  std::map<std::string, std::shared_ptr<const data::PictureSource>> shown_;  // pictures that reports show
  Json scores_ = Json::array();
  std::string predictions_;
};

}  // namespace

void evaluate(const options::Job& job, EventWriter& events) {
  prepare(job, events);
  Evaluation(job, events).run();
  events.done({{"benchmarks", job.evaluate->benchmarks}});
}

}  // namespace saucier::stages
