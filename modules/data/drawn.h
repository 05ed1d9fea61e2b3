// What was really drawn of a data source: sums over batches, so that those of a resumed run add up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "modules/base/json.h"
#include "modules/data/mixture.h"

namespace saucier::data {

struct Drawn {
  std::int64_t draws = 0;     // samples taken from the source, dropped ones included
  std::int64_t samples = 0;   // rows trained on: one a draw, none of a dropped one, several of one that was split
  std::int64_t tokens = 0;    // pictures included
  std::int64_t learned = 0;   // supervised tokens
  std::int64_t pictures = 0;  // shown; one that two samples share counts twice
  std::int64_t cut_pairs = 0;    // question-answer pairs lost to max_length
  std::int64_t cut_answers = 0;  // answers that lost their end to it
  std::map<std::string, std::int64_t> dropped = {};  // samples, or parts of split ones, by reason

  bool operator==(const Drawn&) const = default;
  Drawn& operator+=(const Drawn& other) {
    draws += other.draws;
    samples += other.samples;
    tokens += other.tokens;
    learned += other.learned;
    pictures += other.pictures;
    cut_pairs += other.cut_pairs;
    cut_answers += other.cut_answers;
    for (const auto& [reason, count] : other.dropped) dropped[reason] += count;
    return *this;
  }
};

// The "sources" of a drawn event (modules/base/protocol.h), one for each of the mixture's.
inline Json to_json(const std::vector<Drawn>& drawn, const Mixture& mixture) {
  Json out = Json::array();
  for (size_t j = 0; j < drawn.size(); ++j) {
    const Drawn& one = drawn[j];
    const MixtureSource& source = mixture.sources()[j];
    out.push_back({{"source", source.name}, {"share", mixture.share(j)}, {"size", source.samples->size()}, {"draws", one.draws},
                   {"samples", one.samples}, {"tokens", one.tokens}, {"learned_tokens", one.learned}, {"pictures", one.pictures},
                   {"cut_pairs", one.cut_pairs}, {"cut_answers", one.cut_answers}, {"dropped", one.dropped}});
  }
  return out;
}

}  // namespace saucier::data
