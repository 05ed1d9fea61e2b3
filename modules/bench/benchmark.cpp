#include "modules/bench/benchmark.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "modules/base/error.h"
#include "modules/base/rng.h"

namespace saucier::bench {

// The most frequent truths that are tried as the constant answer.
constexpr size_t kConstantAnswers = 16;

double Benchmark::majority() const {
  std::map<std::string, std::int64_t> frequency;
  for (const Item& item : items_) ++frequency[item.truth.substr(0, item.truth.find(" | "))];
  std::vector<std::pair<std::string, std::int64_t>> truths(frequency.begin(), frequency.end());
  std::stable_sort(truths.begin(), truths.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (truths.size() > kConstantAnswers) truths.resize(kConstantAnswers);
  double best = 0;
  for (const auto& [truth, count] : truths) {
    std::vector<Judged> judged;
    for (const Item& item : items_) judged.push_back(judge(item, truth));
    best = std::max(best, score(judged).front().value);
  }
  return best;
}

std::vector<GivenAnswer> Benchmark::read_answers(const std::filesystem::path& file) const { return read_llava_answers(file); }

void Benchmark::keep(std::int64_t limit, std::int64_t seed) {
  SAUCIER_CHECK(limit > 0);
  if (limit >= static_cast<std::int64_t>(items_.size())) return;
  std::vector<std::string> groups;
  std::map<std::string, std::int64_t> sizes;
  for (const Item& item : items_)
    if (++sizes[item.group] == 1) groups.push_back(item.group);
  Rng rng(static_cast<std::uint64_t>(seed), "bench.keep", 0);
  rng.shuffle(groups);
  std::unordered_set<std::string> kept;
  std::int64_t questions = 0;
  for (const std::string& group : groups) {
    if (questions >= limit) break;
    kept.insert(group);
    questions += sizes[group];
  }
  for (const Item& item : items_)
    if (!kept.contains(item.group)) left_out_.insert(item.id);
  std::erase_if(items_, [&](const Item& item) { return !kept.contains(item.group); });
}

}  // namespace saucier::bench
