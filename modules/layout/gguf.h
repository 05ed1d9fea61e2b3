// A GGUF file's key-values as a language model's config.
#pragma once

#include "modules/layout/language.h"

namespace saucier::layout {

struct GgufLanguage {
  LanguageConfig config;
  // llama.cpp turns neighbouring pairs where Hugging Face turns halves: rows of queries and keys stand in another order.
  bool permuted = false;
};

// `shapes`: of the file's tensors under GGUF's names. Architectures llama (also Mistral's), qwen2, qwen3, phi3. A tensor
// rope_freqs.weight becomes Rope type "factors" whose short_factor the caller fills.
GgufLanguage language_config_of_gguf(const Json& metadata, const Shapes& shapes);

}  // namespace saucier::layout
