// MMBench and MMBench-CN (Liu et al. 2023): a question counts only if it is answered right with its options in every rotation.
//
// Files: one table, mmbench_dev_20230712.tsv, MMBench_DEV_EN.tsv and so on (CN, TEST, _V11), with pictures as base64. A row whose index
// is a million or more is a rotation of the question with index % 1,000,000. Split test has no answers: its server scores.
// Variants: llava asks as model_vqa_mmbench.py (hint, question, "A. x" a line), lmms-eval as its task. Both read an answer as
// can_infer_option and can_infer_text do; one that these cannot read is wrong here, where the originals ask a language model or draw
// a letter, and counted in `unread`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

std::unique_ptr<Benchmark> make_mmbench(const options::BenchmarkOptions& options);  // and -cn

// The letter that stands alone in the answer, with the marks that people put around it. Five letters are looked for. An "A" among
// more than three words is taken for the article.
std::optional<char> option_in(const std::string& answer);
// The letter of the one choice whose text the answer holds, in any case; "" is no choice.
std::optional<char> option_by_text(const std::string& answer, const std::vector<std::optional<std::string>>& choices);

// What pandas takes for a missing value in a table, and LLaVA's is_none beside it.
bool is_missing_cell(const std::string& cell);

}  // namespace saucier::bench
