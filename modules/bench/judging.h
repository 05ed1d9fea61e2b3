// Answers as a benchmark reads them, with its judge's replies where it has one.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "modules/bench/benchmark.h"

namespace saucier::bench {

// Asks a judge about all of `reviews`; gives its replies in their order.
using AskJudge = std::function<std::vector<std::string>(std::span<const Review> reviews)>;

// One judgement an item, in the order of items(). `replies` holds the judge's for some or all of the items, empty where it has to
// be asked; may be empty altogether. Throws Error where a reply is needed and `ask` is empty, and Error naming the question
// where a reply cannot be read.
std::vector<Judged> judge_all(const Benchmark& benchmark, std::span<const std::string> answers, const AskJudge& ask, std::vector<std::string> replies = {});

}  // namespace saucier::bench
