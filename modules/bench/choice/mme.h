// MME (Fu et al. 2023): fourteen subtasks, two questions a picture with the answers yes and no.
//
// Files: a folder a subtask, with pictures and NAME.txt of two lines "question\tanswer" beside them, or in images/ and
// questions_answers_YN/; the folder may itself be called MME_Benchmark_release_version. Answers: LLaVA's JSON lines, or a folder of
// SUBTASK.txt as eval_tool/calculation.py reads ("picture\tquestion\ttruth\tanswer").
// Metrics in points: of a subtask 100 · accuracy + 100 · accuracy+ (both questions of a picture right); perception sums ten subtasks
// (at most 2,000), cognition four (at most 800).
// Variants: llava and official read answers as calculation.py does, lmms-eval as its parse_pred_ans; llava and lmms-eval ask with the
// short answer suffix in the place of "Please answer yes or no.", official as the files have it.
#pragma once

#include <memory>
#include <string>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_mme(const options::BenchmarkOptions& options);

// "yes", "no" or "other". Exactly that, else what the first four characters hold.
std::string mme_answer(const std::string& answer);
std::string mme_answer_of_lmms_eval(const std::string& answer);  // full stops deleted; "y" and "n" count, too

}  // namespace saucier::bench
