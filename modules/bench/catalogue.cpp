#include "modules/bench/catalogue.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/bench/caption/coco_caption.h"
#include "modules/bench/caption/refcoco.h"
#include "modules/bench/choice/mmbench.h"
#include "modules/bench/choice/mme.h"
#include "modules/bench/choice/pope.h"
#include "modules/bench/choice/scienceqa.h"
#include "modules/bench/choice/seed.h"
#include "modules/bench/custom/custom.h"
#include "modules/bench/judged/llava_bench.h"
#include "modules/bench/judged/mm_vet.h"
#include "modules/bench/scenes/scene_benchmark.h"
#include "modules/bench/vqa/gqa.h"
#include "modules/bench/vqa/vqa.h"

namespace saucier::bench {
namespace {

void check_one_of(const char* what, const std::string& value, const std::vector<std::string>& known, const std::string& kind) {
  if (std::find(known.begin(), known.end(), value) == known.end())
    throw Error(fmt::format("benchmark '{}' has no {} '{}'", kind, what, value), fmt::format("one of {}", fmt::join(known, ", ")));
}

}  // namespace

std::vector<std::string> scene_benchmark_names() { return {"scenes-pope", "scenes-count", "scenes-position", "scenes-choice"}; }

std::unique_ptr<Benchmark> make_scene_benchmark(const std::string& name, const options::EvaluateOptions& options) {
  if (name == "scenes-pope") return make_scenes_pope(options);
  if (name == "scenes-count") return make_scenes_count(options);
  if (name == "scenes-position") return make_scenes_position(options);
  if (name == "scenes-choice") return make_scenes_choice(options);
  throw Error(fmt::format("unknown benchmark '{}'", name), suggestion(name, scene_benchmark_names()));
}

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {
      {"vqav2", "VQAv2 (Goyal et al. 2017)", "question", make_vqav2},
      {"gqa", "GQA (Hudson and Manning 2019)", "question", make_gqa},
      {"vizwiz", "VizWiz (Gurari et al. 2018)", "question", make_vizwiz},
      {"textvqa", "TextVQA (Singh et al. 2019)", "question", make_textvqa},
      {"okvqa", "OK-VQA (Marino et al. 2019)", "question", make_okvqa},
      {"aokvqa", "A-OKVQA (Schwenk et al. 2022)", "question", make_aokvqa},
      {"scienceqa", "ScienceQA (Lu et al. 2022)", "question", make_scienceqa},
      {"mmbench", "MMBench (Liu et al. 2023)", "question", make_mmbench},
      {"mmbench-cn", "MMBench-CN (Liu et al. 2023)", "question", make_mmbench},
      {"seed", "SEED-Bench (Li et al. 2023)", "question", make_seed},
      {"pope", "POPE (Li et al. 2023)", "picture", make_pope},
      {"mme", "MME (Fu et al. 2023)", "picture", make_mme},
      {"coco-caption", "COCO captions (Chen et al. 2015)", "picture", make_coco_caption},
      {"refcoco", "RefCOCO, RefCOCO+ and RefCOCOg (Yu et al. 2016; Mao et al. 2016)", "picture", make_refcoco},
      {"llava-bench", "LLaVA-Bench in the wild (Liu et al. 2023)", "picture", make_llava_bench},
      {"mm-vet", "MM-Vet (Yu et al. 2024)", "picture", make_mm_vet},
      {"custom", "A JSONL file of the recipe's own", "group", make_custom},
  };
  return entries;
}

std::unique_ptr<Benchmark> make_benchmark(options::BenchmarkOptions options) {
  const auto& entries = catalogue();
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.kind == options.kind; });
  if (entry == entries.end()) {
    std::vector<std::string> kinds;
    for (const Entry& known : entries) kinds.push_back(known.kind);
    throw Error(fmt::format("unknown benchmark '{}'", options.kind), suggestion(options.kind, kinds));
  }
  const options::BenchmarkProtocol* protocol = options::find_protocol(options.kind);
  SAUCIER_CHECK(protocol, "no protocol of '{}'", options.kind);
  if (options.split.empty()) options.split = protocol->splits.front();
  if (!options.variant) options.variant = protocol->variants.front();
  check_one_of("split", options.split, protocol->splits, options.kind);
  check_one_of("variant", *options.variant, protocol->variants, options.kind);
  std::unique_ptr<Benchmark> benchmark = with_context(fmt::format("while reading benchmark '{}'", options.kind), [&] { return entry->make(options); });
  if (options.limit) benchmark->keep(*options.limit, options.seed);
  return benchmark;
}

}  // namespace saucier::bench
