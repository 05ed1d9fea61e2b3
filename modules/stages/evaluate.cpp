// evaluate: asks a model the questions of each benchmark, with and without sight of the pictures.
//
// Leaves out/scores.json, out/predictions.jsonl, out/submissions/ for benchmarks that a server scores, and the first six pictures
// in out/pictures/; says score and prediction events. Conditions of a score: "seen" (the model with the pictures), "blind" (the
// same model, every picture grey), "majority" (the one constant answer that does best on these questions) and "chance" (guessing
// among the allowed answers).

#include <map>

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/stop.h"
#include "modules/bench/catalogue.h"
#include "modules/bench/judging.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/generate/generate.h"
#include "modules/image/picture.h"
#include "modules/stages/common.h"
#include "modules/stages/stage.h"
#include "modules/stages/writers.h"

namespace saucier::stages {
namespace {

constexpr size_t kShownPictures = 6;

// A benchmark by the name that the recipe gives it.
struct Named {
  std::string name;
  std::unique_ptr<bench::Benchmark> benchmark;
  std::string judge = {};  // teacher, or ""
};

class Evaluation {
 public:
  Evaluation(const options::Job& job, EventWriter& events)
      : job_(job), options_(*job.evaluate), events_(events), writers_(job), model_(load(job)) {}

  void run() {
    std::vector<Named> benchmarks;
    for (const std::string& name : options_.benchmarks) {
      benchmarks.push_back(open(name));
      total_ += static_cast<std::int64_t>(benchmarks.back().benchmark->items().size());
    }
    if (options_.blind) total_ *= 2;
    started_ = system_clock().steady_seconds();
    for (const Named& one : benchmarks) evaluate(one);
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

  Named open(const std::string& name) const {
    const auto own = job_.benchmarks.find(name);
    Named one = own == job_.benchmarks.end() ? Named{name, bench::make_scene_benchmark(name, options_)}
                                             : Named{name, bench::make_benchmark(own->second), own->second.judge};
    if (one.benchmark->items().empty())
      throw Error(fmt::format("benchmark '{}' has no question", name), own == job_.benchmarks.end() ? "raise pictures, or allow more objects" : "");
    return one;
  }

  void evaluate(const Named& one) {
    const bench::Benchmark& benchmark = *one.benchmark;
    const std::vector<bench::Item>& items = benchmark.items();
    std::vector<generate::Question> questions;
    for (const bench::Item& item : items) {
      generate::Question question{item.question};
      if (!item.pictures.empty()) {
        question.picture = data::PictureRef{item.pictures.front(), benchmark.pictures()};
        if (shown_.size() < kShownPictures) shown_.emplace(item.pictures.front(), benchmark.pictures());
      }
      questions.push_back(std::move(question));
    }
    ask(one, questions, "seen");
    if (options_.blind) ask(one, questions, "blind");
    if (!benchmark.has_truth()) return;
    const auto baseline = [&](const std::string& condition, double value) {
      say(one, condition, {.metric = benchmark.main_metric(), .value = value, .n = static_cast<std::int64_t>(items.size())});
    };
    if (one.judge.empty()) baseline("majority", benchmark.majority());
    baseline("chance", benchmark.chance());
  }

  void ask(const Named& one, const std::vector<generate::Question>& questions, const std::string& condition) {
    const bench::Benchmark& benchmark = *one.benchmark;
    const std::vector<bench::Item>& items = benchmark.items();
    const std::string note = one.name + (condition == "blind" ? " blind" : "");
    const generate::GenerateOptions how{.max_new_tokens = benchmark.max_new_tokens(),
                                        .batch = options_.batch,
                                        .grey_pictures = condition == "blind"};
    const std::vector<std::string> answers =
        generate::answer(model_, job_.conversation, questions, how, [&](std::int64_t done) {
          if (stop_requested()) throw Interrupted("stopped while evaluating " + note);
          show(done_ + done, note);
        });
    done_ += static_cast<std::int64_t>(items.size());
    const std::vector<bench::Judged> judged = bench::judge_all(benchmark, answers, [&](auto reviews) { return ask_judge(one, reviews); });
    for (size_t i = 0; i < items.size(); ++i) {
      const Json prediction = {{"benchmark", one.name},
                               {"condition", condition},
                               {"sample", items[i].id},
                               {"question", items[i].question},
                               {"answer", judged[i].answer},
                               {"normalised", judged[i].normalised},
                               {"truth", items[i].truth},
                               {"credit", judged[i].credit},
                               {"correct", judged[i].credit >= 0.5},
                               {"category", items[i].category},
                               {"picture", items[i].pictures.empty() ? "" : items[i].pictures.front()},
                               {"unit", items[i].group}};
      events_.prediction(prediction);
      predictions_ += prediction.dump() + "\n";
    }
    if (const auto submission = benchmark.submission(answers)) {
      const std::filesystem::path folder = output_folder(job_) / paths::kSubmissions / condition;
      make_folders(folder);
      write_file_atomic(folder / submission->file, submission->content);
      if (condition == "seen") events_.log("info", fmt::format("{}: {} is what its server takes", one.name, (folder / submission->file).string()));
    }
    if (benchmark.has_truth())
      for (const bench::Score& score : benchmark.score(judged)) say(one, condition, score);
  }

  std::vector<std::string> ask_judge(const Named& one, std::span<const bench::Review> reviews) {
    const teach::Asked judge = writers_.asked(one.judge);
    std::vector<teach::Prompt> prompts;
    for (const bench::Review& review : reviews) {
      teach::Prompt prompt{.messages = {}, .temperature = judge.options->temperature, .top_p = judge.options->top_p, .max_tokens = judge.options->max_tokens};
      if (!review.system.empty()) prompt.messages.push_back({"system", review.system});
      prompt.messages.push_back({"user", review.prompt});
      prompts.push_back(std::move(prompt));
    }
    std::vector<std::string> replies(reviews.size());
    size_t failed = 0;
    std::string why;
    judge.writer->ask(prompts, [&](size_t i, const teach::Reply& reply) {
      replies[i] = reply.text;
      if (reply.failure.empty()) return;
      ++failed;
      why = reply.failure + (reply.detail.empty() ? "" : ": " + reply.detail);
    });
    if (failed > 0)
      throw Error(fmt::format("judge '{}' failed to reply for {} of {} answers of '{}' ({})", one.judge, failed, reviews.size(), one.name, why),
                  "run the same again: only what failed is asked for");
    return replies;
  }

  void say(const Named& one, const std::string& condition, const bench::Score& score) {
    Json setting = one.benchmark->setting();
    setting["condition"] = condition;
    const bool main = score.metric == one.benchmark->main_metric();
    setting["main"] = main;
    setting["template"] = job_.conversation.template_name;
    setting["system"] = job_.conversation.systems.empty() ? job_.conversation.system : text::system_text(job_.conversation);
    setting["decoding"] = fmt::format("greedy, at most {} tokens", one.benchmark->max_new_tokens());
    setting["dtype"] = "float32";
    setting["batch"] = options_.batch;
    if (!one.judge.empty()) setting["judge"] = parse_json(writers_.asked(one.judge).writer->identity(), "the identity of a judge");
    events_.score(one.name, score.metric, score.value, score.stderr_value, score.n, setting);
    scores_.push_back({{"benchmark", one.name}, {"condition", condition}, {"metric", score.metric},
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
  Writers writers_;
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
