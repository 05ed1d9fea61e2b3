// GQA (Hudson and Manning 2019): one answer a question, compared exactly.
//
// Files: SPLIT_questions.json with SPLIT testdev_balanced or val_balanced, or LLaVA's llava_gqa_testdev_balanced.jsonl beside the first,
// whose prompts are asked then. Pictures: images/. Results: [{"questionId", "prediction"}].
// Variants: llava takes full stops off the end and lowers, as convert_gqa_for_eval.py; lmms-eval lowers and takes all punctuation away
// on both sides; official compares as it is. Metrics beside accuracy: binary and open, and each structural type, as GQA's eval.py
// groups them (its consistency, validity, plausibility and distribution need files of their own and are left out).
#pragma once

#include <memory>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_gqa(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
