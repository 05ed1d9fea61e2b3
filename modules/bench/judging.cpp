#include "modules/bench/judging.h"

#include "modules/base/error.h"

namespace saucier::bench {

std::vector<Judged> judge_all(const Benchmark& benchmark, std::span<const std::string> answers, const AskJudge& ask, std::vector<std::string> replies) {
  const std::vector<Item>& items = benchmark.items();
  SAUCIER_CHECK(answers.size() == items.size(), "{} answers to {} questions", answers.size(), items.size());
  replies.resize(items.size());
  std::vector<Review> reviews;
  std::vector<size_t> about;  // the item of each
  for (size_t i = 0; i < items.size(); ++i) {
    if (!replies[i].empty()) continue;
    if (std::optional<Review> review = benchmark.review(items[i], answers[i])) {
      reviews.push_back(std::move(*review));
      about.push_back(i);
    }
  }
  if (!reviews.empty()) {
    if (!ask) throw Error(fmt::format("a language model judges the answers of '{}', and none is named", benchmark.name()), "name a judge, or give its reviews");
    std::vector<std::string> said = ask(reviews);
    SAUCIER_CHECK(said.size() == reviews.size(), "{} replies to {} reviews", said.size(), reviews.size());
    for (size_t i = 0; i < said.size(); ++i) replies[about[i]] = std::move(said[i]);
  }
  std::vector<Judged> judged;
  for (size_t i = 0; i < items.size(); ++i)
    judged.push_back(with_context(fmt::format("in question {} of '{}'", items[i].id, benchmark.name()), [&] { return benchmark.judge(items[i], answers[i], replies[i]); }));
  return judged;
}

}  // namespace saucier::bench
