// Rotary position embeddings (Su et al., "RoFormer", 2021) and the ways in which they are stretched to longer texts, as
// transformers' modeling_rope_utils computes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "modules/base/json.h"

namespace saucier::layout {

struct Rope {
  double theta = 10000;
  double partial = 1;            // share of a head that turns, from its front
  std::string type = "default";  // linear | dynamic | llama3 | yarn | longrope | factors
  double factor = 1;
  double low_frequency_factor = 1, high_frequency_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;                        // yarn
  bool truncate = true;                                        // yarn
  std::optional<double> attention_factor, mscale, mscale_all_dim;
  std::vector<double> short_factor, long_factor;  // longrope; `factors` (GGUF's rope_freqs) has short_factor alone
  std::int64_t original_positions = 0;            // what it was trained for; 0: not said
};

// What positions are multiplied with, [rotary width / 2], and what cosines and sines are scaled by.
struct Frequencies {
  std::vector<float> inverse;
  double scale = 1;
};

// `max_positions` of the config; `tokens`: the longest row computed at once, on which `dynamic` and `longrope` depend.
Frequencies frequencies(const Rope& rope, std::int64_t head_dim, std::int64_t max_positions, std::int64_t tokens);

// Both the fields of transformers 4 (rope_theta, rope_scaling) and those of 5 (rope_parameters); written as 4 has them.
Rope read_rope(const Json& config, double missing_theta);
void write_rope(const Rope& rope, Json& config);

}  // namespace saucier::layout
