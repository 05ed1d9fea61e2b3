// Ways to begin a language model from nothing.
#pragma once

#include <cstdint>

#include "modules/model/parts.h"

namespace saucier::model {

// As LanguageModel::random, but with attention that finds equal words from the first step on: in every layer but the
// first, half of the heads have key weights equal to their query weights, so that a token looks at tokens like itself
// (after Trockman & Kolter, "Mimetic Initialization of Self-Attention Layers", ICML 2023, who start W_Q W_K^T near the
// identity). Their fast rotary dimensions are turned down, since those would make a token find itself rather than an
// equal one far away. Embeddings are wide and the branches' last layers narrow, so that words keep their identity
// through the residual stream. For tiny models; its gain has not been measured on its own.
LanguageModel matching_language_model(const LanguageConfig& config, std::uint64_t seed);

}  // namespace saucier::model
