// Existence by the POPE protocol (Li et al., "Evaluating Object Hallucination in Large Vision-Language Models", EMNLP
// 2023): for each picture up to three kinds that are there and as many that are not, the negatives drawn at random, from
// the most frequent kinds, or from those that most often stand beside the picture's own. Answers are read and F1 is
// computed as in LLaVA's eval_pope.py; the score is the mean F1 of the three categories.

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "modules/base/rng.h"
#include "modules/bench/scene_benchmark.h"
#include "modules/bench/statistics.h"
#include "modules/data/scenes/questions.h"

namespace saucier::bench {
namespace {

constexpr size_t kPositives = 3;
constexpr std::array<std::string_view, 3> kCategories = {"random", "popular", "adversarial"};

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

  double majority(const std::vector<Item>& items) const override {
    std::vector<Judged> always;  // "no" throughout has F1 0
    for (const Item& item : items) always.push_back({"yes", "yes", item.truth == "yes"});
    return score(items, always).front().value;
  }

  std::vector<Score> score(const std::vector<Item>& items, const std::vector<Judged>& judged) const override {
    SAUCIER_CHECK(items.size() == judged.size());
    // Read once: the jackknife asks for every metric once a picture.
    enum : unsigned char { kTruth = 1, kAnswer = 2 };
    std::vector<unsigned char> cells;
    std::vector<int> categories;
    for (size_t i = 0; i < items.size(); ++i) {
      cells.push_back(static_cast<unsigned char>((items[i].truth == "yes" ? kTruth : 0) | (judged[i].normalised == "yes" ? kAnswer : 0)));
      categories.push_back(static_cast<int>(std::find(kCategories.begin(), kCategories.end(), items[i].category) - kCategories.begin()));
    }
    const auto confusion = [&](std::span<const size_t> which, int category) {  // -1: all
      Confusion c;
      for (size_t i : which) {
        if (category >= 0 && categories[i] != category) continue;
        const bool yes = (cells[i] & kAnswer) != 0;
        ((cells[i] & kTruth) != 0 ? (yes ? c.tp : c.fn) : (yes ? c.fp : c.tn)) += 1;
      }
      return c;
    };
    const auto of = [&](const std::string& metric, auto value) { return jackknife(metric, items, value); };
    std::vector<Score> scores;
    scores.push_back(of("f1", [&](auto which) {
      return (confusion(which, 0).f1() + confusion(which, 1).f1() + confusion(which, 2).f1()) / 3;
    }));
    for (int category = 0; category < 3; ++category)
      scores.push_back(of(std::string(kCategories[static_cast<size_t>(category)]) + ".f1",
                          [&, category](auto which) { return confusion(which, category).f1(); }));
    scores.push_back(of("accuracy", [&](auto which) { return confusion(which, -1).accuracy(); }));
    scores.push_back(of("precision", [&](auto which) { return confusion(which, -1).precision(); }));
    scores.push_back(of("recall", [&](auto which) { return confusion(which, -1).recall(); }));
    scores.push_back(of("yes_ratio", [&](auto which) { return confusion(which, -1).yes_ratio(); }));
    return scores;
  }

 protected:
  std::string normaliser() const override { return "pope"; }

  // eval_pope.py: the text before the first full stop, commas deleted, split at single spaces; "no" if one of the words
  // is No, not or no, else "yes" (so "NO" is yes, a quirk of the original).
  std::string normalise(const std::string& answer) const override {
    std::string text = answer.substr(0, answer.find('.'));
    std::erase(text, ',');
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find(' ', begin), text.size());
      const std::string word = text.substr(begin, end - begin);
      if (word == "No" || word == "not" || word == "no") return "no";
      begin = end + 1;
    }
    return "yes";
  }

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
    for (size_t c = 0; c < kCategories.size(); ++c) {
      for (size_t i = 0; i < pairs; ++i) {
        add(scene, std::string(kCategories[c]), data::existence_question(name_of(present[i])), "yes");
        add(scene, std::string(kCategories[c]), data::existence_question(name_of((*negatives[c])[i])), "no");
      }
    }
  }
};

}  // namespace

std::unique_ptr<Benchmark> make_scenes_pope(const options::EvaluateOptions& options) {
  return std::make_unique<ScenesPope>(options);
}

}  // namespace saucier::bench
