#include "modules/options/benchmark_options.h"

#include <algorithm>

namespace saucier::options {

const std::vector<BenchmarkProtocol>& benchmark_protocols() {
  static const std::vector<BenchmarkProtocol> protocols = {
      {"vqav2", {"val", "test-dev"}, {"llava", "lmms-eval", "official"}},
      {"gqa", {"testdev-balanced", "val"}, {"llava", "lmms-eval", "official"}},
      {"vizwiz", {"val", "test"}, {"llava", "lmms-eval", "official"}},
      {"textvqa", {"val"}, {"llava", "lmms-eval", "official"}},
      {"okvqa", {"val"}, {"official", "lmms-eval"}},
      {"aokvqa", {"val", "val-mc"}, {"official"}},
      {"scienceqa", {"test-img", "test", "val-img", "val"}, {"llava", "lmms-eval"}},
      {"mmbench", {"dev", "test"}, {"llava", "lmms-eval"}},
      {"mmbench-cn", {"dev", "test"}, {"llava", "lmms-eval"}},
      {"seed", {"image", "all"}, {"llava", "lmms-eval"}},
      {"pope", {"coco"}, {"llava", "lmms-eval", "official"}},
      {"mme", {"test"}, {"llava", "lmms-eval", "official"}},
      {"coco-caption", {"karpathy-test", "val2014"}, {"official", "lmms-eval"}},
      {"refcoco", {"refcoco-val", "refcoco-testA", "refcoco-testB", "refcoco+-val", "refcoco+-testA", "refcoco+-testB", "refcocog-val", "refcocog-test"}, {"llava", "lmms-eval", "official"}},
      {"llava-bench", {"in-the-wild"}, {"llava"}, true},
      {"mm-vet", {"v1"}, {"llava", "official"}, true},
      {"custom", {"all"}, {"official"}},
  };
  return protocols;
}

const BenchmarkProtocol* find_protocol(std::string_view kind) {
  const auto& all = benchmark_protocols();
  const auto it = std::find_if(all.begin(), all.end(), [&](const BenchmarkProtocol& one) { return one.kind == kind; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace saucier::options
