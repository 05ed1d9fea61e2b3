#include "modules/bench/vqa/soft_accuracy_benchmark.h"

#include <algorithm>
#include <set>

#include "modules/base/error.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/statistics.h"
#include "modules/bench/vqa/normaliser.h"

namespace saucier::bench {
namespace {

Comparison chosen(const options::BenchmarkOptions& options, Comparison otherwise) {
  if (!options.normaliser) return otherwise;
  if (*options.normaliser == "vqa") return Comparison::kBothByEvalAi;
  if (*options.normaliser == "lower") return Comparison::kLower;
  return *options.normaliser == "exact" ? Comparison::kExact : Comparison::kNone;
}

std::string by_steps(const std::string& text, bool many_commas) { return vqa_digits_and_articles(vqa_punctuation(text, many_commas)); }

}  // namespace

const char* name_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::kOfficial: return "vqaEval";
    case Comparison::kLlava: return "EvalAI, then vqaEval";
    case Comparison::kBothByEvalAi: return "EvalAI";
    case Comparison::kBothBySteps: return "vqaEval, always";
    case Comparison::kLower: return "lower";
    case Comparison::kExact: return "exact";
    case Comparison::kNone: break;
  }
  return "none";
}

SoftAccuracyBenchmark::SoftAccuracyBenchmark(const options::BenchmarkOptions& options, Comparison comparison, std::string suffix)
    : options_(options), folder_(options.data), comparison_(chosen(options, comparison)), suffix_(options.suffix.value_or(std::move(suffix))), exact_mean_(*options.variant == "lmms-eval") {}

void SoftAccuracyBenchmark::add(std::string id, std::string question, std::string picture, std::string category, std::vector<std::string> human) {
  std::vector<std::string> told;  // each once, the most frequent first
  for (const std::string& one : human)
    if (std::find(told.begin(), told.end(), one) == told.end()) told.push_back(one);
  std::stable_sort(told.begin(), told.end(), [&](const auto& a, const auto& b) { return std::count(human.begin(), human.end(), a) > std::count(human.begin(), human.end(), b); });
  items_.push_back({.id = id, .group = std::move(id), .category = std::move(category), .question = std::move(question), .truth = fmt::format("{}", fmt::join(told, " | ")),
                    .pictures = {std::move(picture)}, .number = items_.size()});
  if (human.empty()) return;
  Human one;
  for (const std::string& answer : human) one.raw.push_back(vqa_one_line(answer));
  one.agree = std::set<std::string>(one.raw.begin(), one.raw.end()).size() < 2;
  for (size_t i = 0; i < human.size(); ++i) {
    switch (comparison_) {
      case Comparison::kOfficial:
      case Comparison::kLlava: one.normalised.push_back(by_steps(one.raw[i], false)); break;
      case Comparison::kBothBySteps: one.normalised.push_back(by_steps(one.raw[i], true)); break;
      case Comparison::kBothByEvalAi: one.normalised.push_back(evalai_answer(human[i])); break;
      case Comparison::kLower: one.normalised.push_back(lower_text(strip_text(human[i]))); break;
      case Comparison::kExact: one.normalised.push_back(strip_text(human[i])); break;
      case Comparison::kNone: one.normalised.push_back(human[i]); break;
    }
  }
  human_.push_back(std::move(one));
}

// Without what the truth has to say: as it is sent in.
std::string SoftAccuracyBenchmark::normalised(const std::string& answer) const {
  switch (comparison_) {
    case Comparison::kOfficial: return by_steps(vqa_one_line(answer), false);
    case Comparison::kBothBySteps: return by_steps(vqa_one_line(answer), true);
    case Comparison::kLlava:
    case Comparison::kBothByEvalAi: return evalai_answer(answer);
    case Comparison::kLower: return lower_text(strip_text(answer));
    case Comparison::kExact: return strip_text(answer);
    case Comparison::kNone: break;
  }
  return answer;
}

Judged SoftAccuracyBenchmark::judge(const Item& item, const std::string& answer, const std::string&) const {
  if (human_.empty()) return {answer, normalised(answer), 0};
  const Human& human = human_[item.number];
  std::string read = normalised(answer);
  const bool official = comparison_ == Comparison::kOfficial || comparison_ == Comparison::kLlava;
  if (comparison_ == Comparison::kLlava) read = by_steps(vqa_one_line(read), false);
  if (official && human.agree) {  // vqaEval.py: nothing is normalised then
    read = vqa_one_line(comparison_ == Comparison::kLlava ? evalai_answer(answer) : answer);
    const double credit = soft_accuracy(read, human.raw, exact_mean_);
    return {answer, std::move(read), credit};
  }
  const double credit = soft_accuracy(read, human.normalised, exact_mean_);
  return {answer, std::move(read), credit};
}

std::vector<Score> SoftAccuracyBenchmark::score(std::span<const Judged> judged) const {
  if (human_.empty()) throw Error(fmt::format("only the server of '{}' can score its split '{}'", name(), options_.split), "'saucier score … --submission FILE' writes what it takes");
  return mean_credits("accuracy", items_, judged);
}

Json SoftAccuracyBenchmark::setting() const {
  return {{"protocol", options_.kind}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_}, {"normaliser", name_of(comparison_)}, {"max_new_tokens", max_new_tokens()}};
}

std::vector<GivenAnswer> SoftAccuracyBenchmark::read_answers(const std::filesystem::path& file) const {
  return read_answer_rows(file, {.text = {"text", "answer"}});
}

}  // namespace saucier::bench
