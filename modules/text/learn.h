// Learning merges from counted words.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "modules/text/string_map.h"

namespace saucier::text {

struct Learned {
  StringMap<std::int32_t> vocab;  // the 256 bytes in order from `first_id` on, then one token a merge
  std::vector<std::pair<std::string, std::string>> merges;
};

// Merges the most frequent pair until the vocab has `tokens` tokens or no pair occurs twice; ties go to the pair whose
// text (left, then right, in GPT-2's alphabet) is smaller in byte order. `words`: raw bytes and how often.
Learned learn_merges(const StringMap<std::int64_t>& words, std::int64_t tokens, std::int32_t first_id);

}  // namespace saucier::text
