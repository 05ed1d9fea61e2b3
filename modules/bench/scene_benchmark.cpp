#include "modules/bench/scene_benchmark.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "modules/base/suggest.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {

SceneBenchmark::SceneBenchmark(const options::EvaluateOptions& options)
    : world_(data::SceneWorld::make(options.scenes)), options_(options) {
  for (std::int64_t i = 0; i < options.pictures; ++i)
    scenes_.push_back(world_->scene(options.scenes.split, options.first + i));
}

void SceneBenchmark::add(const data::Scene& scene, std::string category, std::string question, std::string truth) {
  const std::string picture = fmt::format("{}-{}", scene.split, scene.index);
  if (items_.empty() || items_.back().group != picture) asked_of_picture_ = 0;
  items_.push_back({.id = fmt::format("{}#{}", picture, asked_of_picture_++),
                    .group = picture,
                    .category = std::move(category),
                    .question = std::move(question),
                    .truth = std::move(truth),
                    .picture = scene.reference()});
}

Judged SceneBenchmark::judge(const Item& item, const std::string& answer) const {
  const std::string normalised = normalise(answer);
  return {answer, normalised, normalised == item.truth};
}

std::vector<Score> SceneBenchmark::score(const std::vector<Item>& items, const std::vector<Judged>& judged) const {
  SAUCIER_CHECK(items.size() == judged.size());
  const auto accuracy = [&](std::span<const size_t> which) { return mean_correct(judged, which); };
  std::vector<Score> scores = {jackknife("accuracy", items, accuracy)};
  std::map<std::string, std::vector<size_t>> categories;
  for (size_t i = 0; i < items.size(); ++i) categories[items[i].category].push_back(i);
  if (categories.size() < 2) return scores;
  for (const auto& [category, members] : categories) {
    std::vector<Item> some;
    std::vector<Judged> theirs;
    for (size_t i : members) {
      some.push_back(items[i]);
      theirs.push_back(judged[i]);
    }
    scores.push_back(jackknife(category + ".accuracy", some,
                               [&](std::span<const size_t> which) { return mean_correct(theirs, which); }));
  }
  return scores;
}

double SceneBenchmark::majority(const std::vector<Item>& items) const {
  // The best constant answer of each kind of question, so that it is no weaker than a model that knows the question.
  std::map<std::string, std::map<std::string, int>> answers;
  for (const Item& item : items) ++answers[item.category][item.truth];
  double right = 0;
  for (const auto& [category, truths] : answers) {
    int best = 0;
    for (const auto& [truth, count] : truths) best = std::max(best, count);
    right += best;
  }
  return items.empty() ? 0 : right / static_cast<double>(items.size());
}

Json SceneBenchmark::setting() const {
  return {{"protocol", name()},
          {"normaliser", normaliser()},
          {"split", options_.scenes.split},
          {"pictures", options_.pictures},
          {"first", options_.first},
          {"scenes", options::to_json(options_.scenes)},
          {"generator_version", data::kGeneratorVersion}};
}

std::string first_word(const std::string& answer) {
  std::string word;
  for (char c : answer) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte)) {
      if (!word.empty()) break;
    } else if (!std::ispunct(byte)) {
      word += static_cast<char>(std::tolower(byte));
    } else if (!word.empty()) {
      break;
    }
  }
  return word;
}

std::map<int, int> counts(const data::Scene& scene) {
  std::map<int, int> out;
  for (const data::Object& object : scene.objects) ++out[object.kind];
  return out;
}

std::vector<std::string> benchmark_names() {
  return {"scenes-pope", "scenes-count", "scenes-position", "scenes-choice"};
}

std::unique_ptr<Benchmark> make_benchmark(const std::string& name, const options::EvaluateOptions& options) {
  if (name == "scenes-pope") return make_scenes_pope(options);
  if (name == "scenes-count") return make_scenes_count(options);
  if (name == "scenes-position") return make_scenes_position(options);
  if (name == "scenes-choice") return make_scenes_choice(options);
  throw Error(fmt::format("unknown benchmark '{}'", name), suggestion(name, benchmark_names()));
}

}  // namespace saucier::bench
