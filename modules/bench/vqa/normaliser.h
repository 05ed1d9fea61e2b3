// How the evaluations of VQA make answers comparable.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace saucier::bench {

// As EvalAI, and LLaVA's and MMF's m4c_evaluator.py: lower case, commas and question marks deleted, "'s" set apart, then the two steps
// below. Quirks that are kept: the period rule's look-behind is mistyped, so that any period goes that no digit follows; re.UNICODE is
// given where the count belongs, so that at most 32 periods go.
std::string evalai_answer(std::string_view answer);

// The two steps alone, as the authors' vqaEval.py takes them (it lowers in the second).
// Punctuation: each mark is deleted where it stands beside a space anywhere, or where the text has a comma between digits; else it
// becomes a space. `many_commas`: lmms-eval's pattern also takes several commas between digits.
std::string vqa_punctuation(std::string_view answer, bool many_commas);
// Number words to ten become digits, articles go, contractions get their apostrophes.
std::string vqa_digits_and_articles(std::string_view answer);

// Line ends and tabs become spaces, and none stand around it: what vqaEval.py does to each answer before it compares.
std::string vqa_one_line(std::string_view answer);

// As Python's str.lower() and str.strip() do it to any text.
std::string lower_text(std::string_view text);
std::string strip_text(std::string_view text);

// Soft accuracy (Antol et al. 2015): for each of the human answers, min(1, matches among the others / 3); their mean. Summed in
// their order as vqaEval.py and m4c_evaluator.py do, or exactly, as Python's statistics.mean (lmms-eval).
double soft_accuracy(std::string_view answer, std::span<const std::string> human, bool exact_mean);

}  // namespace saucier::bench
