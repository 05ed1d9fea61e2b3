// The vocabulary in a GGUF file's metadata, as a tokenizer.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "modules/base/json.h"

namespace saucier::text {

// The fields tokenizer.ggml.* of a GGUF file, as they stand there.
struct GgufVocabulary {
  std::string model;                          // "gpt2" (byte-level BPE) or "llama" (SentencePiece BPE)
  std::string pre = {};                       // how gpt2 splits: "llama-bpe", "qwen2"; empty: "default"
  std::vector<std::string> tokens = {};
  std::vector<float> scores = {};             // of llama
  std::vector<std::int32_t> token_types = {}; // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<std::string> merges = {};       // of gpt2, "a b"
  std::int32_t bos = -1, eos = -1, unk = -1, pad = -1;
  std::optional<bool> add_bos = {}, add_eos = {}, add_space_prefix = {};  // not there: the model's own default
};

// Of a file's metadata. Throws Error naming the key that is wrong.
GgufVocabulary read_gguf_vocabulary(const std::filesystem::path& file);

struct GgufDocuments {
  Json tokenizer;  // tokenizer.json
  Json config;     // tokenizer_config.json
};
// Throws Error naming the field that is wrong or not supported.
GgufDocuments documents_of(const GgufVocabulary& vocabulary);

}  // namespace saucier::text
