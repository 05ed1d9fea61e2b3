#include "modules/model/tensors.h"

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

void keep_frozen_in(Parameters& parameters, at::ScalarType dtype) {
  for (auto& [name, tensor] : parameters)
    if (!tensor.requires_grad()) tensor = tensor.to(dtype);
}

}  // namespace saucier::model
