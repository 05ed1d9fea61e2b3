#include "modules/model/tensors.h"

#include <ATen/ops/empty.h>
#include <ATen/CPUGeneratorImpl.h>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/base/suggest.h"

namespace saucier::model {
namespace {

at::Generator generator(std::uint64_t seed, std::string_view name) {
  return at::make_generator<at::CPUGeneratorImpl>(Rng(seed, "model." + std::string(name)).next64());
}

}  // namespace

void check_tensors(const Parameters& parameters, const Shapes& shapes, std::string_view part) {
  std::vector<std::string> known, given;
  for (const auto& [name, shape] : shapes) known.push_back(name);
  for (const auto& [name, tensor] : parameters) given.push_back(name);
  for (const auto& [name, shape] : shapes) {
    const auto found = parameters.find(name);
    if (found == parameters.end())
      throw Error(fmt::format("{}: tensor '{}' is missing", part, name), suggestion(name, given));
    if (found->second.sizes() != at::IntArrayRef(shape))
      throw Error(fmt::format("{}: tensor '{}' has shape [{}], its config says [{}]", part, name,
                              fmt::join(found->second.sizes(), ", "), fmt::join(shape, ", ")));
  }
  for (const std::string& name : given)
    if (!shapes.contains(name))
      throw Error(fmt::format("{}: tensor '{}' is not part of this model", part, name), suggestion(name, known));
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
