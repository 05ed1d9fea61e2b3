// ScienceQA (Lu et al. 2022): questions with two to five options, about half of them with a picture.
//
// Files: problems.json and pid_splits.json, as in data/scienceqa; where LLaVA's evaluation is repeated, its
// llava_{test,val}_CQM-A.json, whose questions are asked word for word. Pictures: images/SPLIT/PID/image.png, or SPLIT/PID/image.png.
// Splits: "test-img" has the questions with a picture alone, which is the number that LLaVA 1.5 reports; "test" all of them.
// Variants: llava reads answers as eval_science_qa.py, lmms-eval as its task. Metrics beside accuracy are those of ScienceQA's
// own evaluate_acc.py: by subject, by what the question has (text, picture, neither), by grade.
#pragma once

#include <memory>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_scienceqa(const options::BenchmarkOptions& options);

// The letter that an answer gives, or "FAILED": the answer is a letter from A to E, or begins with one and ". ", or says "The answer is
// X." once, where any character may stand for the full stop (a quirk of the pattern).
std::string scienceqa_answer(const std::string& answer);

}  // namespace saucier::bench
