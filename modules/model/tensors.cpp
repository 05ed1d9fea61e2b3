#include "modules/model/tensors.h"

#include <sys/mman.h>
#include <unistd.h>

#include <ATen/ops/empty.h>
#include <ATen/CPUGeneratorImpl.h>

#include "modules/base/rng.h"

namespace saucier::model {
namespace {

at::Generator generator(std::uint64_t seed, std::string_view name) {
  return at::make_generator<at::CPUGeneratorImpl>(Rng(seed, "model." + std::string(name)).next64());
}

}  // namespace

layout::Shapes shapes_of(const Parameters& parameters) {
  layout::Shapes shapes;
  for (const auto& [name, tensor] : parameters) shapes[name] = tensor.sizes().vec();
  return shapes;
}

at::Tensor normal_tensor(const std::vector<std::int64_t>& sizes, double deviation, std::uint64_t seed,
                         std::string_view name) {
  return at::empty(sizes, at::kFloat).normal_(0, deviation, generator(seed, name));
}

at::Tensor uniform_tensor(const std::vector<std::int64_t>& sizes, double bound, std::uint64_t seed,
                          std::string_view name) {
  return at::empty(sizes, at::kFloat).uniform_(-bound, bound, generator(seed, name));
}

void let_go(const at::Tensor& tensor) {
#ifdef MADV_PAGEOUT
  if (!tensor.is_cpu() || !tensor.is_contiguous()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()), end = (begin + tensor.nbytes()) / page * page;
  const std::uintptr_t first = (begin + page - 1) / page * page;
  if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_PAGEOUT);  // advice: a refusal changes nothing
#endif
}

void keep_frozen_in(Parameters& parameters, at::ScalarType dtype) {
  for (auto& [name, tensor] : parameters) {
    if (tensor.requires_grad() || tensor.scalar_type() == dtype) continue;
    const at::Tensor narrow = tensor.to(dtype);
    let_go(tensor);
    tensor = narrow;
  }
}

}  // namespace saucier::model
