#include "modules/checkpoint/tensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>

#include "modules/base/error.h"

namespace saucier::checkpoint {
namespace {

using weights::Dtype;

struct Type {
  Dtype ours;
  at::ScalarType torch;
};
constexpr Type kTypes[] = {{Dtype::f64, at::kDouble}, {Dtype::f32, at::kFloat},     {Dtype::f16, at::kHalf},
                           {Dtype::bf16, at::kBFloat16}, {Dtype::i64, at::kLong},   {Dtype::i32, at::kInt},
                           {Dtype::i16, at::kShort},  {Dtype::i8, at::kChar},       {Dtype::u8, at::kByte},
                           {Dtype::boolean, at::kBool}};

// What the numbers are once loaded.
at::ScalarType loaded_type(Dtype dtype) {
  if (weights::is_quantised(dtype) || dtype == Dtype::f16 || dtype == Dtype::bf16) return at::kFloat;
  return std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& type) { return type.ours == dtype; })->torch;
}

Dtype stored_type(at::ScalarType type) {
  for (const Type& entry : kTypes)
    if (entry.torch == type) return entry.ours;
  throw Error(fmt::format("tensors of type '{}' cannot be written", at::toString(type)));
}

}  // namespace

at::Tensor to_torch(const weights::Tensor& tensor, const std::shared_ptr<const void>& memory) {
  const at::ScalarType type = loaded_type(tensor.dtype);
  const size_t size = at::elementSize(type);
  const bool same = type != at::kFloat || tensor.dtype == Dtype::f32;
  if (same && tensor.bytes > 0 && reinterpret_cast<std::uintptr_t>(tensor.data) % size == 0) {
    // The mapping is writable and private; the pointer is const for readers that need no more.
    void* data = const_cast<std::byte*>(tensor.data);
    return at::from_blob(data, tensor.shape, [memory](void*) {}, at::TensorOptions(type));
  }
  at::Tensor out = at::empty(tensor.shape, at::TensorOptions(type));
  if (same)
    std::memcpy(out.mutable_data_ptr(), tensor.data, tensor.bytes);
  else
    weights::to_float(tensor, std::span(out.mutable_data_ptr<float>(), tensor.elements()));
  return out;
}

Tensors to_torch(const weights::Container& container) {
  Tensors tensors;
  for (const auto& [name, tensor] : container.tensors()) tensors.emplace(name, to_torch(tensor, container.memory()));
  return tensors;
}

Tensors read_safetensors(const fs::path& file) { return to_torch(weights::Container::safetensors(file)); }

Packed pack(const Tensors& tensors, bool bfloat16) {
  std::vector<std::pair<std::string, at::Tensor>> order;
  for (const auto& [name, tensor] : tensors) {
    const bool narrow = bfloat16 && at::isFloatingType(tensor.scalar_type());
    order.emplace_back(name, tensor.detach().cpu().to(narrow ? at::kBFloat16 : tensor.scalar_type()).contiguous());
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second.element_size() > b.second.element_size(); });
  Packed packed;
  for (auto& [name, tensor] : order) {
    packed.outputs.push_back({.name = name,
                              .dtype = stored_type(tensor.scalar_type()),
                              .shape = tensor.sizes().vec(),
                              .data = tensor.const_data_ptr(),
                              .bytes = tensor.nbytes()});
    packed.kept.push_back(std::move(tensor));
  }
  return packed;
}

void write_safetensors(const fs::path& file, const Tensors& tensors, bool bfloat16) {
  const Packed packed = pack(tensors, bfloat16);
  weights::write_safetensors(file, packed.outputs);
}

}  // namespace saucier::checkpoint
