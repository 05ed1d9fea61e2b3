// LLaVA-Bench (In-the-Wild) (Liu et al., "Visual Instruction Tuning", NeurIPS 2023): 60 open questions about 24 pictures. A language
// model sees a description of the picture, the question, GPT-4's answer and the model's, and gives each a score from 1 to 10.
//
// Files: questions.jsonl (question_id, image, text, category), context.jsonl (image, caption), answers_gpt4.jsonl (question_id, text);
// pictures in images/. What the judge is told to do stands in LLaVA's llava/eval/table/rule.json: put it beside them (rule.json), then
// prompts are those of eval_gpt_review_bench.py, letter for letter. Without it the judge is told the same in our words, and scores
// are not those of the official prompt; setting() says which it was.
// Scores are as summarize_gpt_review.py has them: the sum of the model's scores over the sum of GPT-4's, overall ("score", a share of
// 1 where papers print 63.5) and of each category. There means are rounded to three digits first, here they are not. A reply whose
// first line isn't two numbers is an Error; the original counts it as -1 for both.
// Answers: LLaVA's JSON lines, or a file of reviews (question_id, content), whose answers are not judged again.
#pragma once

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

struct PairOfScores {
  double reference = 0, model = 0;
};
// Of the first line, commas counting as spaces. Throws Error where it isn't two numbers.
PairOfScores scores_of_review(const std::string& reply);

std::unique_ptr<Benchmark> make_llava_bench(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
