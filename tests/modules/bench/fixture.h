// A small benchmark that a script of tests/parity wrote, with what the official scorers say of its answers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "modules/base/file.h"
#include "modules/bench/catalogue.h"
#include "tests/temp_folder.h"

namespace saucier {

class Fixture {
 public:
  explicit Fixture(const std::string& name) : json_(Json::parse(read_file(fs::path(SAUCIER_SOURCE_DIR) / "tests/data/bench" / (name + ".json")))) {
    for (const auto& [file, text] : json_.at("files").items()) write("data/" + file, text.get<std::string>());
    std::string rows;
    for (const Json& row : json_.at("answers")) rows += row.dump() + "\n";
    write("answers.jsonl", rows);
  }
  void write(const std::string& file, const std::string& text) const {
    make_folders((folder_.path() / file).parent_path());
    write_file_atomic(folder_.path() / file, text);
  }
  fs::path data() const { return folder_.path() / "data"; }
  fs::path answers() const { return folder_.path() / "answers.jsonl"; }
  const Json& expected() const { return json_.at("expected"); }
  const Json& json() const { return json_; }

  std::unique_ptr<bench::Benchmark> open(const std::string& kind, const std::string& variant = {}, const std::string& split = {}) const {
    options::BenchmarkOptions options;
    options.kind = kind;
    options.data = data().string();
    options.split = split;
    if (!variant.empty()) options.variant = variant;
    return bench::make_benchmark(options);
  }

 private:
  TempFolder folder_;
  Json json_;
};

// The answers of `file` as the benchmark reads and matches them; every problem is a failure of the test.
inline std::vector<bench::Judged> judged(const bench::Benchmark& benchmark, const fs::path& file) {
  const auto given = benchmark.read_answers(file);
  const bench::MatchedAnswers matched = bench::match(benchmark.items(), given, benchmark.left_out());
  std::vector<bench::Judged> out;
  for (const auto& problem : matched.problems) UNSCOPED_INFO(problem.message);
  REQUIRE(matched.problems.empty());
  for (size_t i = 0; i < matched.by_item.size(); ++i) out.push_back(benchmark.judge(benchmark.items()[i], matched.by_item[i]->text, matched.by_item[i]->review));
  return out;
}

inline std::map<std::string, double> scores(const bench::Benchmark& benchmark, const fs::path& file) {
  std::map<std::string, double> out;
  for (const bench::Score& score : benchmark.score(judged(benchmark, file))) out[score.metric] = score.value;
  return out;
}

}  // namespace saucier
