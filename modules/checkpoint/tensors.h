// Files of named tensors (modules/weights) as libtorch's.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "modules/weights/container.h"

namespace saucier::checkpoint {

namespace fs = std::filesystem;

using Tensors = std::map<std::string, at::Tensor>;

// float32, whatever number format or quantisation the file has; integers and float64 as they are. Numbers that need no
// change are the mapped file itself (privately: writing to them changes no file), so that loading costs no copy.
at::Tensor to_torch(const weights::Tensor& tensor, const std::shared_ptr<const void>& memory);
Tensors to_torch(const weights::Container& container);

Tensors read_safetensors(const fs::path& file);

// Tensors on their way to a file: on the CPU, contiguous, floating ones in bfloat16 if asked for; wide numbers first, so
// that each stands on a multiple of its size.
struct Packed {
  std::vector<weights::Output> outputs;
  std::vector<at::Tensor> kept;  // what the outputs point at
};
Packed pack(const Tensors& tensors, bool bfloat16);
void write_safetensors(const fs::path& file, const Tensors& tensors, bool bfloat16 = false);

}  // namespace saucier::checkpoint
