// The benchmarks that are scored by VQA's soft accuracy over ten human answers, and A-OKVQA.
//
// vqav2 (Goyal et al. 2017): v2_OpenEnded_mscoco_val2014_questions.json, v2_mscoco_val2014_annotations.json, pictures val2014/. Split
//   test-dev: v2_OpenEnded_mscoco_test-dev2015_questions.json or LLaVA's llava_vqav2_mscoco_test-dev2015.jsonl, pictures test2015/; its
//   server scores, and wants the other questions of test2015 answered, too: with "" where LLaVA's or the official list of them is there.
// okvqa (Marino et al. 2019): OpenEnded_mscoco_val2014_questions.json, mscoco_val2014_annotations.json, pictures val2014/.
// vizwiz (Gurari et al. 2018): val.json, pictures val/. Split test: test.json or LLaVA's llava_test.jsonl, pictures test/; a server scores.
// textvqa (Singh et al. 2019): TextVQA_0.5.1_val.json, pictures train_images/. llava asks with the OCR tokens in the prompt, from its own
//   llava_textvqa_val_v051_ocr.jsonl or from TextVQA_Rosetta_OCR_v0.2_val.json; lmms-eval and official without.
// aokvqa (Schwenk et al. 2022): aokvqa_v1p0_val.json, pictures val2017/. Split val: direct answers; val-mc: multiple choice.
//
// Variants: official compares as the authors' vqaEval.py, which normalises only where the humans disagree; llava sends answers through
// EvalAI's normaliser first, as its conversion scripts do (textvqa: both sides always, m4c_evaluator.py); lmms-eval normalises both
// sides always.
#pragma once

#include <memory>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_vqav2(const options::BenchmarkOptions& options);
std::unique_ptr<Benchmark> make_okvqa(const options::BenchmarkOptions& options);
std::unique_ptr<Benchmark> make_vizwiz(const options::BenchmarkOptions& options);
std::unique_ptr<Benchmark> make_textvqa(const options::BenchmarkOptions& options);
std::unique_ptr<Benchmark> make_aokvqa(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
