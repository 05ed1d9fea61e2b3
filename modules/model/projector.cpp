#include <ATen/ops/gelu.h>

#include <cmath>

#include "modules/base/error.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

using layout::projector_layers;

std::string layer_name(std::int64_t number) { return fmt::format("linear_{}", number); }

}  // namespace

// As LLaVA's projectors start: uniform within 1 / √in, weights and biases.
Projector Projector::random(const std::string& kind, std::int64_t in, std::int64_t out, std::uint64_t seed) {
  if (projector_layers(kind) == 0 && in != out)
    throw Error(fmt::format("an 'identity' projector needs equal widths, the vision tower has {} and the language "
                            "model {}", in, out),
                "use projector.kind = \"linear\"");
  Parameters parameters;
  for (const auto& [name, shape] : layout::projector_shapes(kind, in, out)) {
    const bool first = name.starts_with("linear_1.");
    const double bound = 1 / std::sqrt(static_cast<double>(first ? in : out));
    parameters[name] = uniform_tensor(shape, bound, seed, "projector." + name);
  }
  return Projector(kind, std::move(parameters));
}

Projector::Projector(std::string kind, Parameters parameters) : Part(std::move(parameters)), kind_(std::move(kind)) {
  const layout::Shapes given = shapes_of(parameters_);
  const auto first = parameters_.find("linear_1.weight");
  const bool some = projector_layers(kind_) > 0;
  if (some && (first == parameters_.end() || first->second.dim() != 2))
    throw Error("projector: tensor 'linear_1.weight' is missing or not a matrix");
  layout::check_tensors(given, some ? layout::projector_shapes(kind_, first->second.size(1), first->second.size(0), has_bias()) : layout::Shapes{},
                        fmt::format("projector '{}'", kind_));
}

bool Projector::has_bias() const { return parameters_.contains("linear_1.bias"); }

at::Tensor Projector::forward(const at::Tensor& features) const {
  at::Tensor x = features.reshape({-1, features.size(-1)});
  for (std::int64_t number = 1; number <= projector_layers(kind_); ++number) {
    if (number > 1) x = at::gelu(x);
    x = linear(layer_name(number), x);
  }
  std::vector<std::int64_t> sizes = features.sizes().vec();
  sizes.back() = x.size(1);
  return x.view(sizes);
}

}  // namespace saucier::model
