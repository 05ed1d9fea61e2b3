// Files of named tensors: safetensors (one file or shards), what torch.save wrote, GGUF. Files are mapped, so that only
// what is looked at is read. Whatever the file holds, the answer is its tensors or an Error that names file and field;
// nothing in it is executed, and nothing is allocated that its size does not account for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"

namespace saucier::weights {

namespace fs = std::filesystem;

// Plain numbers, and GGUF's blocks of quantised ones.
enum class Dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean, q8_0, q4_0, q4_1, q4_k, q6_k };

std::string_view name_of(Dtype dtype);  // "BF16", "BOOL", "Q4_K": as safetensors and GGUF spell them
size_t block_elements(Dtype dtype);     // numbers in one block: 1 for plain ones, 32 or 256
size_t block_bytes(Dtype dtype);        // what such a block takes
inline bool is_quantised(Dtype dtype) { return block_elements(dtype) > 1; }

struct Tensor {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;  // outermost side first, as torch has it (GGUF's order turned round); none: one number
  const std::byte* data = nullptr;  // row-major, little-endian, at any address; lives as long as Container::memory()
  size_t bytes = 0;

  size_t elements() const;
};

// What a file holds. The bytes lie in private, writable memory: whoever takes them over may change them in place, which
// never reaches the file. The file itself must stay as it is meanwhile (a new one renamed over it does no harm).
class Container {
 public:
  static Container safetensors(const fs::path& file);
  // A GGUF file, version 2 or 3. Tensors have the names and rows that stand there: llama.cpp's.
  static Container gguf(const fs::path& file);
  // A file of torch.save (.bin, .pt, .pth), in its zip format or the one before it: a dict of tensors, or one that holds
  // such dicts: one called 'state_dict' is taken for the whole, else names are joined by a point. What is no tensor, or
  // deeper, is left out.
  static Container torch_pickle(const fs::path& file);
  // The first that exists of STEM.safetensors, the shards of STEM.safetensors.index.json, and torch's STEM.bin and
  // STEM.bin.index.json, where 'model' is called 'pytorch_model'. STEM is 'adapter_model' for PEFT's adapters.
  static Container folder(const fs::path& folder, std::string_view stem = "model");

  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  // GGUF's keys and values (arrays too), safetensors' __metadata__; else an empty object. GGUF's texts are bytes as they
  // stand there, which may be no UTF-8.
  const Json& metadata() const { return metadata_; }
  // Keeps the bytes of the tensors without the Container.
  std::shared_ptr<const void> memory() const { return memory_; }

 private:
  friend struct Builder;
  std::map<std::string, Tensor> tensors_;
  Json metadata_ = Json::object();
  std::shared_ptr<const void> memory_;
};

// The tensor's numbers as float32, whatever it holds; `out` has elements() places. Quantised blocks come bit for bit as
// the `gguf` package's gguf.quants.dequantize gives them. Large tensors are shared out to threads that end with the call.
void to_float(const Tensor& tensor, std::span<float> out);

struct Output {
  std::string name;
  Dtype dtype = Dtype::f32;  // a plain one
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
  size_t bytes = 0;
};
using Metadata = std::map<std::string, std::string>;

// Tensor by tensor, so that no copy of the whole is made; the file is whole or not there. transformers refuses files
// whose metadata do not say where they come from.
void write_safetensors(const fs::path& file, std::span<const Output> tensors, const Metadata& metadata = {{"format", "pt"}});
// STEM.safetensors, or if that would be larger than `shard_bytes` STEM-00001-of-0000N.safetensors ... and
// STEM.safetensors.index.json, filled in the given order and named as transformers does. Weights of an earlier save with
// that stem are removed.
void write_shards(const fs::path& folder, std::span<const Output> tensors, size_t shard_bytes, std::string_view stem = "model",
                  const Metadata& metadata = {{"format", "pt"}});

}  // namespace saucier::weights
