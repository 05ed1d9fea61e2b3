#include "modules/bench/scenes/scene_benchmark.h"

#include <algorithm>
#include <cctype>
#include <span>

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
                    .pictures = {scene.reference()},
                    .number = items_.size()});
}

std::shared_ptr<const data::PictureSource> SceneBenchmark::pictures() const { return data::scene_pictures(world_); }

Judged SceneBenchmark::judge(const Item& item, const std::string& answer, const std::string&) const {
  std::string normalised = normalise(answer);
  const bool right = normalised == item.truth;
  return {answer, std::move(normalised), right ? 1.0 : 0.0};
}

std::vector<Score> SceneBenchmark::score(std::span<const Judged> judged) const {
  return mean_credits("accuracy", items_, judged);
}

double SceneBenchmark::majority() const {
  // The best constant answer of each kind of question, so that it is no weaker than a model that knows the question.
  std::map<std::string, std::map<std::string, int>> answers;
  for (const Item& item : items_) ++answers[item.category][item.truth];
  double right = 0;
  for (const auto& [category, truths] : answers) {
    int best = 0;
    for (const auto& [truth, count] : truths) best = std::max(best, count);
    right += best;
  }
  return items_.empty() ? 0 : right / static_cast<double>(items_.size());
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

}  // namespace saucier::bench
