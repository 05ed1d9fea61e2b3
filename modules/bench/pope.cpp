#include "modules/bench/pope.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {
namespace {

// The sums of one category begin at 4 · category: tp, fp, tn, fn.
constexpr size_t kCells = 4;

Confusion confusion(std::span<const double> sums, size_t category) {
  const std::span<const double> cells = sums.subspan(category * kCells, kCells);
  return {cells[0], cells[1], cells[2], cells[3]};
}

Confusion over_all(std::span<const double> sums) {
  Confusion all;
  for (size_t category = 0; category < kPopeCategories.size(); ++category) {
    const Confusion one = confusion(sums, category);
    all.tp += one.tp, all.fp += one.fp, all.tn += one.tn, all.fn += one.fn;
  }
  return all;
}

}  // namespace

std::string pope_answer(const std::string& answer) {
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

std::vector<Score> pope_scores(std::span<const Item> items, std::span<const Judged> judged) {
  SAUCIER_CHECK(items.size() == judged.size(), "{} items, {} judged", items.size(), judged.size());
  const auto terms = [&](size_t item, std::span<double> cells) {
    const auto category = static_cast<size_t>(std::find(kPopeCategories.begin(), kPopeCategories.end(), items[item].category) - kPopeCategories.begin());
    SAUCIER_CHECK(category < kPopeCategories.size(), "category '{}'", items[item].category);
    const bool truth = items[item].truth == "yes";
    // No answer at all is neither, and wrong.
    const bool yes = judged[item].normalised == "yes" || (judged[item].normalised != "no" && !truth);
    cells[category * kCells + (truth ? (yes ? 0 : 3) : (yes ? 1 : 2))] = 1;
  };
  std::vector<Score> scores;
  const auto put = [&](std::string name, std::function<double(std::span<const double>)> value) {
    scores.push_back(jackknife({std::move(name), kPopeCategories.size() * kCells, terms, std::move(value)}, items));
  };
  put("f1", [](auto sums) { return (confusion(sums, 0).f1() + confusion(sums, 1).f1() + confusion(sums, 2).f1()) / 3; });
  for (size_t category = 0; category < kPopeCategories.size(); ++category) {
    std::vector<size_t> which;
    for (size_t i = 0; i < items.size(); ++i)
      if (items[i].category == kPopeCategories[category]) which.push_back(i);
    scores.push_back(jackknife({std::string(kPopeCategories[category]) + ".f1", kPopeCategories.size() * kCells, terms, [category](auto sums) { return confusion(sums, category).f1(); }}, items, which));
  }
  put("accuracy", [](auto sums) { return over_all(sums).accuracy(); });
  put("precision", [](auto sums) { return over_all(sums).precision(); });
  put("recall", [](auto sums) { return over_all(sums).recall(); });
  put("yes_ratio", [](auto sums) { return over_all(sums).yes_ratio(); });
  return scores;
}

}  // namespace saucier::bench
