// What the benchmarks over scenes share: their pictures, and accuracy as the score.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "modules/bench/benchmark.h"
#include "modules/data/scenes/scene.h"
#include "modules/options/stage_options.h"

namespace saucier::bench {

class SceneBenchmark : public Benchmark {
 public:
  explicit SceneBenchmark(const options::EvaluateOptions& options);

  std::string main_metric() const override { return "accuracy"; }
  std::shared_ptr<const data::PictureSource> pictures() const override;
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens; }
  Judged judge(const Item& item, const std::string& answer, const std::string& reply = {}) const override;
  std::vector<Score> score(std::span<const Judged> judged) const override;
  double majority() const override;
  Json setting() const override;

 protected:
  virtual std::string normalise(const std::string& answer) const = 0;
  virtual std::string normaliser() const = 0;  // its name, for the setting
  // All items of one picture follow each other.
  void add(const data::Scene& scene, std::string category, std::string question, std::string truth);
  const std::string& name_of(int kind) const { return world_->kinds()[static_cast<size_t>(kind)].name; }

  std::shared_ptr<const data::SceneWorld> world_;
  std::vector<data::Scene> scenes_;
  options::EvaluateOptions options_;

 private:
  int asked_of_picture_ = 0;
};

// The first word, lower case, without punctuation at its ends: "Left." and "left of it" are "left".
std::string first_word(const std::string& answer);
// How often each kind stands in `scene`, by kind.
std::map<int, int> counts(const data::Scene& scene);

std::unique_ptr<Benchmark> make_scenes_pope(const options::EvaluateOptions& options);
std::unique_ptr<Benchmark> make_scenes_count(const options::EvaluateOptions& options);
std::unique_ptr<Benchmark> make_scenes_position(const options::EvaluateOptions& options);
std::unique_ptr<Benchmark> make_scenes_choice(const options::EvaluateOptions& options);

}  // namespace saucier::bench
