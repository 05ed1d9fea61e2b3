// Tensors of libtorch from and to the files of modules/weights.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <vector>

#include "modules/base/error.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/weights/container.h"

namespace saucier::checkpoint {
namespace {

struct Type {
  weights::Dtype dtype;
  at::ScalarType type;
};
constexpr Type kTypes[] = {{weights::Dtype::f64, at::kDouble},    {weights::Dtype::f32, at::kFloat}, {weights::Dtype::f16, at::kHalf},
                           {weights::Dtype::bf16, at::kBFloat16}, {weights::Dtype::i64, at::kLong},  {weights::Dtype::i32, at::kInt},
                           {weights::Dtype::i16, at::kShort},     {weights::Dtype::i8, at::kChar},   {weights::Dtype::u8, at::kByte},
                           {weights::Dtype::boolean, at::kBool}};

// Half numbers and quantised blocks become float32 in memory of their own; all others stay where they are mapped.
at::Tensor tensor_of(const weights::Tensor& from, const std::shared_ptr<const void>& memory) {
  const bool narrow = from.dtype == weights::Dtype::f16 || from.dtype == weights::Dtype::bf16;
  const auto same = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& t) { return t.dtype == from.dtype; });
  const bool converted = narrow || same == std::end(kTypes);
  const at::TensorOptions options(converted ? at::kFloat : same->type);
  if (from.bytes == 0 || converted) {
    at::Tensor out = at::empty(from.shape, options);
    if (from.bytes > 0) weights::to_float(from, std::span(out.mutable_data_ptr<float>(), static_cast<size_t>(out.numel())));
    return out;
  }
  if (reinterpret_cast<std::uintptr_t>(from.data) % weights::block_bytes(from.dtype) != 0) {
    at::Tensor out = at::empty(from.shape, options);
    std::memcpy(out.mutable_data_ptr(), from.data, from.bytes);
    return out;
  }
  return at::from_blob(const_cast<std::byte*>(from.data), from.shape, [memory](void*) {}, options);  // the pages are ours to write to
}

weights::Output output_of(const std::string& name, const at::Tensor& tensor) {
  const auto type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& t) { return t.type == tensor.scalar_type(); });
  if (type == std::end(kTypes)) throw Error(fmt::format("tensors of type '{}' cannot be written", at::toString(tensor.scalar_type())));
  return {name, type->dtype, tensor.sizes().vec(), tensor.const_data_ptr(), tensor.nbytes()};
}

}  // namespace

std::map<std::string, at::Tensor> read_safetensors(const fs::path& file) {
  const weights::Container container = weights::Container::safetensors(file);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : container.tensors()) tensors.emplace(name, tensor_of(tensor, container.memory()));
  return tensors;
}

void write_safetensors(const fs::path& file, const std::map<std::string, at::Tensor>& tensors, bool bfloat16) {
  std::vector<at::Tensor> held;
  std::vector<weights::Output> outputs;
  for (const auto& [name, tensor] : tensors) {
    const bool narrow = bfloat16 && at::isFloatingType(tensor.scalar_type());
    held.push_back(tensor.detach().cpu().to(narrow ? at::kBFloat16 : tensor.scalar_type()).contiguous());
    outputs.push_back(output_of(name, held.back()));
  }
  weights::write_safetensors(file, outputs);
}

}  // namespace saucier::checkpoint
