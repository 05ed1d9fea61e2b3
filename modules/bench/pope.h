// POPE (Li et al., "Evaluating Object Hallucination in Large Vision-Language Models", EMNLP 2023): how answers are read and
// scored, as LLaVA's eval_pope.py does; over photographs and over scenes.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/bench/benchmark.h"

namespace saucier::bench {

inline constexpr std::array<std::string_view, 3> kPopeCategories = {"random", "popular", "adversarial"};

// "yes" or "no": the text before the first full stop, commas deleted, split at single spaces; "no" if one of the words is
// No, not or no, else "yes" (so "NO" is yes, a quirk of the original).
std::string pope_answer(const std::string& answer);

// f1 is the mean of the categories' F1, as LLaVA reports it; then the three, accuracy, precision, recall and yes_ratio over all.
// Items have one of the three categories and the truth "yes" or "no".
std::vector<Score> pope_scores(std::span<const Item> items, std::span<const Judged> judged);

}  // namespace saucier::bench
