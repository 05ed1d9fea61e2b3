#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include <cmath>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

// Linear layers of each kind; GELU stands between two.
struct Kind {
  const char* name;
  std::int64_t layers;
};
constexpr Kind kKinds[] = {{"identity", 0}, {"linear", 1}, {"mlp2x_gelu", 2}, {"mlp3x_gelu", 3}};

std::int64_t layers_of(const std::string& kind) {
  std::vector<std::string> known;
  for (const Kind& entry : kKinds) {
    if (kind == entry.name) return entry.layers;
    known.emplace_back(entry.name);
  }
  throw Error(fmt::format("unknown projector kind '{}'", kind), suggestion(kind, known));
}

std::string layer_name(std::int64_t number) { return fmt::format("linear_{}", number); }

}  // namespace

Shapes projector_shapes(const std::string& kind, std::int64_t in, std::int64_t out) {
  Shapes shapes;
  for (std::int64_t number = 1; number <= layers_of(kind); ++number) {
    shapes[layer_name(number) + ".weight"] = {out, number == 1 ? in : out};
    shapes[layer_name(number) + ".bias"] = {out};
  }
  return shapes;
}

// As LLaVA's projectors start: uniform within 1 / √in, weights and biases.
Projector Projector::random(const std::string& kind, std::int64_t in, std::int64_t out, std::uint64_t seed) {
  if (layers_of(kind) == 0 && in != out)
    throw Error(fmt::format("an 'identity' projector needs equal widths, the vision tower has {} and the language "
                            "model {}", in, out),
                "use projector.kind = \"linear\"");
  Parameters parameters;
  for (const auto& [name, shape] : projector_shapes(kind, in, out)) {
    const bool first = name.starts_with("linear_1.");
    const double bound = 1 / std::sqrt(static_cast<double>(first ? in : out));
    parameters[name] = uniform_tensor(shape, bound, seed, "projector." + name);
  }
  return Projector(kind, std::move(parameters));
}

Projector::Projector(std::string kind, Parameters parameters)
    : kind_(std::move(kind)), parameters_(std::move(parameters)) {
  if (layers_of(kind_) == 0) {
    check_tensors(parameters_, {}, "projector");
    return;
  }
  const auto first = parameters_.find("linear_1.weight");
  if (first == parameters_.end() || first->second.dim() != 2)
    throw Error("projector: tensor 'linear_1.weight' is missing or not a matrix");
  check_tensors(parameters_, projector_shapes(kind_, first->second.size(1), first->second.size(0)),
                fmt::format("projector '{}'", kind_));
}

at::Tensor Projector::forward(const at::Tensor& features) const {
  at::Tensor x = features;
  for (std::int64_t number = 1; number <= layers_of(kind_); ++number) {
    if (number > 1) x = at::gelu(x);
    const auto get = [&](const char* name) { return parameters_.at(layer_name(number) + name).to(x.scalar_type()); };
    x = at::linear(x, get(".weight"), get(".bias"));
  }
  return x;
}

}  // namespace saucier::model
