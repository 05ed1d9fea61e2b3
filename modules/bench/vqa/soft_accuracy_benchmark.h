// What the benchmarks over ten human answers share.
#pragma once

#include <string>
#include <vector>

#include "modules/bench/benchmark.h"
#include "modules/bench/folder.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

// How an answer meets the humans'.
enum class Comparison {
  kOfficial,        // vqaEval.py: normalised where the humans disagree
  kLlava,           // EvalAI's normaliser on the answer, then as official: what LLaVA's conversion scripts and the server do together
  kBothByEvalAi,    // m4c_evaluator.py; lmms-eval's textvqa, vizwiz and okvqa
  kBothBySteps,     // lmms-eval's vqav2: the two steps of vqaEval.py on both sides
  kLower,           // lower case, no space around
  kExact,           // no space around
  kNone
};
const char* name_of(Comparison comparison);

class SoftAccuracyBenchmark : public Benchmark {
 public:
  SoftAccuracyBenchmark(const options::BenchmarkOptions& options, Comparison comparison, std::string suffix);

  std::string name() const override { return options_.kind; }
  std::string main_metric() const override { return "accuracy"; }
  bool has_truth() const override { return !human_.empty(); }
  std::shared_ptr<const data::PictureSource> pictures() const override { return folder_pictures(pictures_); }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(lmms_eval() ? 16 : 128); }
  Judged judge(const Item& item, const std::string& answer, const std::string& reply = {}) const override;
  std::vector<Score> score(std::span<const Judged> judged) const override;
  double chance() const override { return 0; }
  Json setting() const override;
  // LLaVA's; or a list of {"question_id", "answer"} (VQA's results format).
  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override;

 protected:
  bool lmms_eval() const { return *options_.variant == "lmms-eval"; }
  // `human`: as the file has them; empty for a split without truth.
  void add(std::string id, std::string question, std::string picture, std::string category, std::vector<std::string> human);
  std::string normalised(const std::string& answer) const;

  options::BenchmarkOptions options_;
  Folder folder_;
  std::filesystem::path pictures_;
  Comparison comparison_;
  std::string suffix_;
  bool exact_mean_;

 private:
  struct Human {
    std::vector<std::string> raw;         // line ends gone
    std::vector<std::string> normalised;  // by the comparison
    bool agree = false;                   // all the same before normalising
  };
  std::vector<Human> human_;  // by item number; empty for a split without truth
};

}  // namespace saucier::bench
