// What a model's folder or file is: its parts, their sizes, and what is missing. Reads names and shapes, never the numbers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runner/report/table.h"

namespace saucier::cli {

struct ModelDescription {
  std::string kind;      // "LlavaForConditionalGeneration", "CLIPModel", "GGUF file (llama)", "PEFT adapter over 'models/base'"
  report::Table parts;   // part, what, tensors, parameters, file_bytes, number_formats, float32_bytes, bfloat16_bytes
  std::vector<std::string> problems;  // missing, unexpected or misshapen tensors, missing files; a sentence each
};

// Throws Error where nothing there is a model.
ModelDescription describe_model(const std::filesystem::path& path);

}  // namespace saucier::cli
