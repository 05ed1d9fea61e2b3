// SEED-Bench (Li et al. 2023): four options, nine kinds of question about pictures and three about videos.
//
// Files: SEED-Bench.json; pictures SEED-Bench-image/. For split all, whose videos are asked by one frame each as LLaVA does it, LLaVA's
// llava-seed-bench.jsonl and the frames that it names.
// Variants: llava wants the letter and nothing else, as convert_seed_for_submission.py; lmms-eval takes the first letter in any case.
#pragma once

#include <memory>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_seed(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
