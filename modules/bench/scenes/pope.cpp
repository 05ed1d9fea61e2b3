// Existence by the POPE protocol (Li et al., "Evaluating Object Hallucination in Large Vision-Language Models", EMNLP
// 2023): for each picture up to three kinds that are there and as many that are not, the negatives drawn at random, from
// the most frequent kinds, or from those that most often stand beside the picture's own. The score is the mean F1
// of the three categories.

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "modules/base/rng.h"
#include "modules/bench/pope.h"
#include "modules/bench/scenes/scene_benchmark.h"
#include "modules/data/scenes/questions.h"

namespace saucier::bench {
namespace {

constexpr size_t kPositives = 3;

class ScenesPope : public SceneBenchmark {
 public:
  explicit ScenesPope(const options::EvaluateOptions& options) : SceneBenchmark(options) {
    const size_t kinds = world_->kinds().size();
    std::vector<int> frequency(kinds, 0);
    std::vector<std::vector<int>> together(kinds, std::vector<int>(kinds, 0));
    for (const data::Scene& scene : scenes_) {
      for (const auto& [a, count_a] : counts(scene)) {
        ++frequency[static_cast<size_t>(a)];
        for (const auto& [b, count_b] : counts(scene))
          if (a != b) ++together[static_cast<size_t>(a)][static_cast<size_t>(b)];
      }
    }
    for (const data::Scene& scene : scenes_) ask(scene, frequency, together);
  }

  std::string name() const override { return "scenes-pope"; }
  std::string main_metric() const override { return "f1"; }
  double chance() const override { return 0.5; }  // half the answers yes: precision and recall are both a half

  double majority() const override {
    std::vector<Judged> always;  // "no" throughout has F1 0
    for (const Item& item : items_) always.push_back(judge(item, "yes"));
    return score(always).front().value;
  }

  std::vector<Score> score(std::span<const Judged> judged) const override { return pope_scores(items_, judged); }

 protected:
  std::string normaliser() const override { return "pope"; }

  std::string normalise(const std::string& answer) const override { return pope_answer(answer); }

 private:
  void ask(const data::Scene& scene, const std::vector<int>& frequency, const std::vector<std::vector<int>>& together) {
    Rng rng(0, "bench.pope." + scene.split, static_cast<std::uint64_t>(scene.index));
    std::vector<int> present;
    for (const auto& [kind, count] : counts(scene)) present.push_back(kind);
    std::vector<int> absent;
    for (int kind = 0; kind < static_cast<int>(frequency.size()); ++kind)
      if (std::find(present.begin(), present.end(), kind) == present.end()) absent.push_back(kind);
    rng.shuffle(present);
    rng.shuffle(absent);  // also the order among equals below
    const size_t pairs = std::min({kPositives, present.size(), absent.size()});

    std::vector<int> popular = absent, adversarial = absent;
    std::stable_sort(popular.begin(), popular.end(), [&](int a, int b) {
      return frequency[static_cast<size_t>(a)] > frequency[static_cast<size_t>(b)];
    });
    const auto company = [&](int kind) {
      int sum = 0;
      for (int own : present) sum += together[static_cast<size_t>(own)][static_cast<size_t>(kind)];
      return sum;
    };
    std::stable_sort(adversarial.begin(), adversarial.end(), [&](int a, int b) { return company(a) > company(b); });

    const std::array<const std::vector<int>*, 3> negatives = {&absent, &popular, &adversarial};
    for (size_t c = 0; c < kPopeCategories.size(); ++c) {
      for (size_t i = 0; i < pairs; ++i) {
        add(scene, std::string(kPopeCategories[c]), data::existence_question(name_of(present[i])), "yes");
        add(scene, std::string(kPopeCategories[c]), data::existence_question(name_of((*negatives[c])[i])), "no");
      }
    }
  }
};

}  // namespace

std::unique_ptr<Benchmark> make_scenes_pope(const options::EvaluateOptions& options) {
  return std::make_unique<ScenesPope>(options);
}

}  // namespace saucier::bench
