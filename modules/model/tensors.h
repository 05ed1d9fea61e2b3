// Named tensors: their shapes, and tensors made from nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "modules/model/parts.h"

namespace saucier::model {

layout::Shapes shapes_of(const Parameters& parameters);

// A function of (seed, name) and the sizes, so that one tensor does not depend on the others.
at::Tensor normal_tensor(const std::vector<std::int64_t>& sizes, double deviation, std::uint64_t seed,
                         std::string_view name);
at::Tensor uniform_tensor(const std::vector<std::int64_t>& sizes, double bound, std::uint64_t seed,
                          std::string_view name);

// Says that nobody will read this memory soon: pages of a mapped file leave it, and come back with their content when they
// are read after all.
void let_go(const at::Tensor& tensor);

// Turns those that want no gradient into `dtype`: what is trained keeps its digits.
void keep_frozen_in(Parameters& parameters, at::ScalarType dtype);

}  // namespace saucier::model
