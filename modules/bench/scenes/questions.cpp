// Counting, relative position and four-way choice over scenes. Where a picture offers several questions, the one whose
// answer has been rarest so far is asked, so that no constant answer gets far.

#include <algorithm>

#include "modules/base/rng.h"
#include "modules/bench/scenes/scene_benchmark.h"
#include "modules/data/scenes/questions.h"

namespace saucier::bench {
namespace {

// One of several questions about a picture.
struct Candidate {
  std::string question, truth;
};

class Balanced {
 public:
  // The candidate with the rarest truth so far, drawn among equals.
  const Candidate& take(std::vector<Candidate>& candidates, Rng& rng) {
    rng.shuffle(candidates);
    const auto rarest = std::min_element(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
      return asked_[a.truth] < asked_[b.truth];
    });
    ++asked_[rarest->truth];
    return *rarest;
  }

 private:
  std::map<std::string, int> asked_;
};

Rng rng_of(const char* benchmark, const data::Scene& scene) {
  return Rng(0, std::string("bench.") + benchmark + "." + scene.split, static_cast<std::uint64_t>(scene.index));
}

class ScenesCount : public SceneBenchmark {
 public:
  explicit ScenesCount(const options::EvaluateOptions& options) : SceneBenchmark(options) {
    Balanced balanced;
    for (const data::Scene& scene : scenes_) {
      Rng rng = rng_of("count", scene);
      std::vector<Candidate> candidates;
      for (const auto& [kind, count] : counts(scene))
        candidates.push_back({data::count_question(world_->kinds()[static_cast<size_t>(kind)].plural), std::to_string(count)});
      const Candidate& one = balanced.take(candidates, rng);
      add(scene, "kind", one.question, one.truth);
      add(scene, "total", data::total_question(), std::to_string(scene.objects.size()));
    }
  }
  std::string name() const override { return "scenes-count"; }
  double chance() const override {  // half the questions are of each kind; of a kind there can be 1 to max_objects
    const auto least = static_cast<double>(options_.scenes.min_objects), most = static_cast<double>(options_.scenes.max_objects);
    return (1 / most + 1 / (most - least + 1)) / 2;
  }

 protected:
  std::string normaliser() const override { return "first word; number words as digits"; }
  std::string normalise(const std::string& answer) const override {
    static const std::vector<std::string> words = {"zero", "one", "two", "three", "four", "five", "six"};
    const std::string word = first_word(answer);
    const auto it = std::find(words.begin(), words.end(), word);
    return it == words.end() ? word : std::to_string(it - words.begin());
  }
};

class ScenesPosition : public SceneBenchmark {
 public:
  explicit ScenesPosition(const options::EvaluateOptions& options) : SceneBenchmark(options) {
    Balanced balanced;
    for (const data::Scene& scene : scenes_) {
      const std::map<int, int> often = counts(scene);
      std::vector<Candidate> candidates;
      for (const data::Object& a : scene.objects) {
        for (const data::Object& b : scene.objects) {
          if (a.kind == b.kind || often.at(a.kind) != 1 || often.at(b.kind) != 1) continue;
          if (const auto answer = data::relation_answer(a.box, b.box))
            candidates.push_back({data::relation_question(name_of(a.kind), name_of(b.kind)), *answer});
        }
      }
      if (candidates.empty()) continue;  // fewer than two single objects, or none clearly beside another
      Rng rng = rng_of("position", scene);
      const Candidate& one = balanced.take(candidates, rng);
      add(scene, "", one.question, one.truth);
    }
  }
  std::string name() const override { return "scenes-position"; }
  double chance() const override { return 0.25; }

 protected:
  std::string normaliser() const override { return "first word"; }
  std::string normalise(const std::string& answer) const override { return first_word(answer); }
};

class ScenesChoice : public SceneBenchmark {
 public:
  explicit ScenesChoice(const options::EvaluateOptions& options) : SceneBenchmark(options) {
    const int kinds = static_cast<int>(world_->kinds().size());
    for (const data::Scene& scene : scenes_) {
      Rng rng = rng_of("choice", scene);
      const std::map<int, int> there = counts(scene);
      std::vector<int> present, absent;
      for (int kind = 0; kind < kinds; ++kind) (there.contains(kind) ? present : absent).push_back(kind);
      if (absent.size() < 3) continue;  // a recipe with very few kinds
      rng.shuffle(absent);
      std::vector<std::string> options_shown = {name_of(absent[0]), name_of(absent[1]), name_of(absent[2])};
      const auto right = static_cast<size_t>(rng.integer(0, 3));
      options_shown.insert(options_shown.begin() + static_cast<std::ptrdiff_t>(right), name_of(rng.pick(present)));
      add(scene, "", data::choice_question(options_shown), std::string(1, static_cast<char>('a' + right)));
    }
  }
  std::string name() const override { return "scenes-choice"; }
  double chance() const override { return 0.25; }

 protected:
  std::string normaliser() const override { return "first letter"; }
  std::string normalise(const std::string& answer) const override { return first_word(answer).substr(0, 1); }
};

}  // namespace

std::unique_ptr<Benchmark> make_scenes_count(const options::EvaluateOptions& options) {
  return std::make_unique<ScenesCount>(options);
}
std::unique_ptr<Benchmark> make_scenes_position(const options::EvaluateOptions& options) {
  return std::make_unique<ScenesPosition>(options);
}
std::unique_ptr<Benchmark> make_scenes_choice(const options::EvaluateOptions& options) {
  return std::make_unique<ScenesChoice>(options);
}

}  // namespace saucier::bench
