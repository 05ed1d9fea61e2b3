// A benchmark: its questions, how an answer is read, and what the score is, by the protocol it states.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "modules/base/json.h"
#include "modules/bench/answers.h"
#include "modules/data/sample.h"

namespace saucier::bench {

struct Item {
  std::string id;        // the benchmark's own: "262148000", "existence/000000006040.jpg#1", "test-17#2"
  std::string group;     // the sample unit of the standard error: the picture where several questions are about one, else the id
  std::string category;  // POPE: random | popular | adversarial; MME: the subtask; else "" where there is one only
  std::string question;  // as asked, suffix included
  std::string truth;     // for people to read; several accepted answers are joined by " | "
  std::vector<std::string> pictures;  // references into pictures(); empty for a question of text alone
  size_t number = 0;     // which record of the benchmark's own this is; stays when some items are left out
};

// What one answer was found to be.
struct Judged {
  std::string answer;      // as the model gave it
  std::string normalised;  // what was compared
  double credit = 0;       // 0 to 1: 0.3, 0.6 and 0.9 are parts of VQA's soft accuracy
  std::vector<double> parts = {};  // what further metrics need of this answer, in the benchmark's own order
};

struct Score {
  std::string metric;     // accuracy, f1, precision, recall, yes_ratio, or "random.f1"
  double value = 0;       // a share of 1 unless the benchmark's page says otherwise (MME: points; CIDEr: as published / 100)
  double stderr_value = 0;  // by the sample unit (modules/bench/statistics.h); 0 where fewer than two units were asked
  std::int64_t n = 0;     // questions
};

// What a judge, a language model, is asked about an answer.
struct Review {
  std::string system;  // may be empty
  std::string prompt;
};

class Benchmark {
 public:
  virtual ~Benchmark() = default;
  virtual std::string name() const = 0;         // "scenes-pope"
  virtual std::string main_metric() const = 0;  // the one that tables show: "f1"
  const std::vector<Item>& items() const { return items_; }  // a function of the options and the official files alone
  // Where the pictures of its questions come from; never null where an item has one.
  virtual std::shared_ptr<const data::PictureSource> pictures() const = 0;
  virtual std::int64_t max_new_tokens() const { return 128; }  // of the protocol
  // The answers among which a likelihood decides ("A", "B", …); empty: the benchmark has no closed set.
  virtual std::vector<std::string> choices(const Item&) const { return {}; }

  // False for a split whose answers only the benchmark's server has: score() throws, submission() gives its file.
  virtual bool has_truth() const { return true; }
  // A benchmark that a judge scores says what to ask about an answer, and gets the reply in judge(); nullopt elsewhere.
  virtual std::optional<Review> review(const Item&, const std::string& /*answer*/) const { return std::nullopt; }
  // `reply` is the judge's, empty where review() gives none. Throws Error where a reply cannot be read.
  virtual Judged judge(const Item& item, const std::string& answer, const std::string& reply = {}) const = 0;
  // `judged` stands in the order of items(), one each. The main metric comes first.
  virtual std::vector<Score> score(std::span<const Judged> judged) const = 0;

  virtual double chance() const = 0;    // main metric, guessing among the allowed answers; 0 for free text
  // Main metric of the one constant answer that does best (of the most frequent truths, unless a benchmark knows better).
  virtual double majority() const;
  virtual Json setting() const = 0;     // protocol, variant, suffix, normaliser, split: whatever moves the score

  // The answers in a file: LLaVA's JSON lines, or what the benchmark's own tools write. Throws Error with file and line.
  virtual std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const;
  // The file that the benchmark's server takes, by name and content; nullopt where scores are made here. `answers` stands in the
  // order of items().
  struct Submission {
    std::string file;  // "vqav2-test-dev.json"
    std::string content;
  };
  virtual std::optional<Submission> submission(std::span<const std::string> /*answers*/) const { return std::nullopt; }

  // Ids of its questions that are not asked: left out by keep(), of another split. Answers to them are passed over.
  const std::set<std::string>& left_out() const { return left_out_; }

  // Leaves about `limit` questions in, whole groups drawn by `seed` and left in their order.
  void keep(std::int64_t limit, std::int64_t seed);

 protected:
  std::vector<Item> items_;
  std::set<std::string> left_out_;
};

}  // namespace saucier::bench
