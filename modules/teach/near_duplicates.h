// Texts that say nearly the same as an earlier one.
//
// How near two texts are is the Jaccard index of their runs of three words (data/overlap/questions.h). Candidates come from
// MinHash signatures cut into bands (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4) and are
// then compared exactly, so that nothing is rejected by chance; a pair at the threshold is found with probability 0.98 or
// more from a threshold of 0.6 up.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "modules/data/overlap/questions.h"

namespace saucier::teach {

class NearDuplicates {
 public:
  explicit NearDuplicates(double threshold);
  // The number that was given with the first text that is near enough; else nothing, and the text is kept under `number`.
  std::optional<std::int64_t> find_or_add(std::string_view text, std::int64_t number);

 private:
  double threshold_;
  std::vector<data::QuestionMark> kept_;
  std::vector<std::int64_t> numbers_;
  std::unordered_multimap<std::uint64_t, size_t> bands_;  // digest of a band with its place → kept text
};

}  // namespace saucier::teach
