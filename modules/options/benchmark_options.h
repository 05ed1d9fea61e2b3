// [benchmark.NAME]: a benchmark over files, for the evaluate stages that name it.
#pragma once

#include "modules/options/table.h"

namespace saucier::options {

struct BenchmarkOptions {
  std::string kind;
  std::string data;
  std::string pictures;
  std::string split;
  std::optional<std::string> variant;
  std::optional<std::string> suffix;
  std::optional<std::string> normaliser;
  std::optional<std::int64_t> max_new_tokens;
  std::optional<std::int64_t> limit;
  std::int64_t seed = 0;
  std::string answer_by = "text";
  std::optional<std::string> scorer;
  std::string judge;

  template <class Visitor>
  void declare(Visitor& v) {
    v(kind, {.key = "kind", .help = "Which benchmark it is, by the name in docs/benchmarks.md; 'custom' is a JSONL file of the recipe's own.",
             .choices = {"vqav2", "gqa", "vizwiz", "textvqa", "okvqa", "aokvqa", "scienceqa", "mmbench", "mmbench-cn", "seed", "pope", "mme", "coco-caption", "refcoco", "llava-bench", "mm-vet", "custom"}, .required = true});
    v(data, {.key = "data", .help = "Folder of its official files under their official names; of 'custom' the JSONL file.", .required = true, .path = true});
    v(pictures, {.key = "pictures", .help = "Folder of its pictures, where it is not the one inside `data`.", .path = true});
    v(split, {.key = "split", .help = "Split; empty: the one that papers report."});
    v(variant, {.key = "variant", .help = "Whose protocol: prompt, normaliser and scoring as LLaVA's scripts have them, as lmms-eval has them, or as the benchmark's authors do; empty: 'llava', or 'official' where LLaVA has none.", .choices = {"llava", "lmms-eval", "official"}});
    v(suffix, {.key = "suffix", .help = "Text put behind each question in the place of the variant's."});
    v(normaliser, {.key = "normaliser", .help = "How an answer is made comparable, in the place of the variant's.", .choices = {"vqa", "exact", "lower", "none"}});
    v(max_new_tokens, {.key = "max_new_tokens", .help = "Longest answer, in the place of the variant's.", .unit = "tokens", .min = 1});
    v(limit, {.key = "limit", .help = "About so many of its questions, drawn by `seed`; questions that count together stay together.", .unit = "questions", .min = 1});
    v(seed, {.key = "seed", .help = "Which questions a limit leaves in.", .min = 0});
    v(answer_by, {.key = "answer_by", .help = "How a question with options is answered: 'text' writes an answer and reads the letter in it, 'likelihood' takes the letter to which the model gives the highest probability.", .choices = {"text", "likelihood"}});
    v(scorer, {.key = "scorer", .help = "Of 'custom': how an answer is compared where a line of the file does not say it.", .choices = {"exact", "soft-accuracy", "choice", "yes-no", "contains", "numeric", "cider", "judge"}});
    v(judge, {.key = "judge", .help = "The [teacher.NAME] that judges free answers (llava-bench, mm-vet, custom)."});
  }
};

// What a kind of benchmark offers; the first split and the first variant are the defaults.
struct BenchmarkProtocol {
  std::string_view kind;
  std::vector<std::string> splits;
  std::vector<std::string> variants;
  bool judged = false;  // a language model scores its answers
};
const std::vector<BenchmarkProtocol>& benchmark_protocols();
const BenchmarkProtocol* find_protocol(std::string_view kind);  // null: none of that kind

}  // namespace saucier::options
