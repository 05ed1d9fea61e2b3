// POPE over photographs of COCO (Li et al., EMNLP 2023).
//
// Files: coco_pope_{random,popular,adversarial}.json, in the folder or in coco/ (JSON lines: question_id, image, text, label), and,
// where LLaVA's evaluation is repeated, llava_pope_test.jsonl (question_id, image, text, category). Pictures: val2014/.
// Variants: llava and official read answers as evaluate.py does (modules/bench/pope.h) and score the mean F1 of the categories;
// llava asks with its suffix, official without. lmms-eval takes the answer alone, "yes" or "no" and nothing around it.
#pragma once

#include <memory>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_pope(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
