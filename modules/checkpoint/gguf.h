// Language models in GGUF files, as llama.cpp has them.
#pragma once

#include "modules/checkpoint/checkpoint.h"

namespace saucier::checkpoint {

model::LanguageModel load_gguf_language(const fs::path& file);

}  // namespace saucier::checkpoint
