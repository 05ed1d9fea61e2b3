// Named tensors: what a part needs, checked, and tensors made from nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "modules/model/parts.h"

namespace saucier::model {

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

Shapes vision_shapes(const VisionConfig& config);
Shapes language_shapes(const LanguageConfig& config);
Shapes projector_shapes(const std::string& kind, std::int64_t in, std::int64_t out);

// Throws Error naming the first tensor that is missing, unknown or of another shape, with the nearest names.
void check_tensors(const Parameters& parameters, const Shapes& shapes, std::string_view part);

// A function of (seed, name) and the sizes, so that one tensor does not depend on the others.
at::Tensor normal_tensor(const std::vector<std::int64_t>& sizes, double deviation, std::uint64_t seed,
                         std::string_view name);
at::Tensor uniform_tensor(const std::vector<std::int64_t>& sizes, double bound, std::uint64_t seed,
                          std::string_view name);

// Turns those that want no gradient into `dtype`: what is trained keeps its digits.
void keep_frozen_in(Parameters& parameters, at::ScalarType dtype);

}  // namespace saucier::model
