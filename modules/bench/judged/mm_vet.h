// MM-Vet (Yu et al., "MM-Vet: Evaluating Large Multimodal Models for Integrated Capabilities", ICML 2024): 218 questions; a language
// model gives each answer a score from 0 to 1 after a few examples.
//
// Files: mm-vet.json ({"v1_0": {"imagename", "question", "answer", "capability"}}), pictures in images/. The examples that the judge
// sees stand in the official mm-vet_evaluator.py: put it beside them and they are read from there (the text behind `prompt = """`).
// Without it the judge gets the same task with examples of our own, and setting() says so.
// Metrics: score, the mean; CAPABILITY.score over the questions that need it (rec, ocr, know, gen, spat, math); A_B.score over those
// that need exactly these. Shares of 1 where papers print 31.1. A reply that does not begin with a score is an Error; the evaluator
// asks five times with a rising temperature and then counts 0.
// Answers: {"v1_0": "text"}, LLaVA's JSON lines with or without the "v1_", or the evaluator's grades ({"v1_0": {"score": [...]}}),
// whose runs are averaged.
#pragma once

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_mm_vet(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
