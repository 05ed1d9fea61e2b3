// A model as a folder for other programs.
#pragma once

#include "modules/checkpoint/checkpoint.h"

namespace saucier::checkpoint {

struct ExportOptions {
  // "transformers": LlavaForConditionalGeneration (LlavaNext… where pictures are shown as "anyres") with the names it has on
  // disk and its processor's files; "original": as
  // the LLaVA code saves it, with fields mm_… and the tower inside. A language model alone is the same in both.
  std::string layout = "transformers";
  bool bfloat16 = false;
  size_t shard_bytes = 5'000'000'000;
  std::string tower_name = "vision_tower";  // what mm_vision_tower says; the tower itself goes to FOLDER/vision_tower
};

// Adapters are merged. Where the tokenizer has no "<image>", that and "<pad>" are added behind its last token, and the
// embeddings grow to a multiple of 64 by rows equal to their mean, as LLaVA's converter makes room. Returns what the folder
// holds in words, a line each.
std::vector<std::string> export_model(const fs::path& folder, const model::JoinedModel& model, const ExportOptions& options);

}  // namespace saucier::checkpoint
