// Benchmarks over scenes: questions with a known truth, how an answer is read, and what the score is.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "modules/base/json.h"
#include "modules/data/scenes/scene.h"
#include "modules/options/stage_options.h"

namespace saucier::bench {

struct Item {
  std::string id;        // "test-17#2"
  std::string group;     // the sample unit of the standard error (the picture)
  std::string category;  // POPE: random | popular | adversarial; counting: kind | total; else ""
  std::string question;  // as asked, suffix included
  std::string truth;     // normalised
  std::string picture;   // reference: "scene:test:17"
};

struct Judged {
  std::string answer;      // as the model gave it
  std::string normalised;
  bool correct = false;
};

struct Score {
  std::string metric;     // accuracy, f1, precision, recall, yes_ratio, or "random.f1"
  double value = 0;
  double stderr_value = 0;  // clustered by picture
  std::int64_t n = 0;
};

class Benchmark {
 public:
  virtual ~Benchmark() = default;
  virtual std::string name() const = 0;             // "scenes-pope"
  virtual std::string main_metric() const = 0;      // the one that tables show: "f1"
  virtual std::vector<Item> items() const = 0;      // a function of the options alone
  virtual Judged judge(const Item& item, const std::string& answer) const = 0;
  virtual std::vector<Score> score(const std::vector<Item>& items, const std::vector<Judged>& judged) const = 0;
  virtual double chance() const = 0;                // of the main metric, guessing among the allowed answers
  // Main metric of the one constant answer that does best on these items.
  virtual double majority(const std::vector<Item>& items) const = 0;
  virtual Json setting() const = 0;                 // protocol, normaliser, split, number of pictures, generator version
};

std::vector<std::string> benchmark_names();
// Throws Error with the nearest names.
std::unique_ptr<Benchmark> make_benchmark(const std::string& name, const options::EvaluateOptions& options);

}  // namespace saucier::bench
