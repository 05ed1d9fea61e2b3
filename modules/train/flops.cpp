#include "modules/train/flops.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <string>

#include "modules/layout/pictures.h"

namespace saucier::train {
namespace {

bool learns(const at::Tensor& tensor) { return tensor.requires_grad(); }

bool any_learns(const model::Parameters& parameters) {
  return std::any_of(parameters.begin(), parameters.end(), [](const auto& entry) { return learns(entry.second); });
}

// Forward, gradient of the input where `flows`, gradient of the matrix where it learns.
double product(const at::Tensor& matrix, bool flows) {
  return 2.0 * static_cast<double>(matrix.numel()) * (1 + (flows ? 1 : 0) + (learns(matrix) ? 1 : 0));
}

bool is_matrix(const std::string& name, const at::Tensor& tensor) { return tensor.dim() == 2 && name.find("embed") == std::string::npos; }

struct Sum {
  double token = 0, attention = 0;
  bool flows = false;  // something up to here learns
};

// The layers whose tensors begin with `prefix` and a number; `flows`: something in front of them learns.
Sum layers(const model::Part& part, const std::string& prefix, std::int64_t count, bool flows, double attention) {
  Sum sum{.flows = flows};
  for (std::int64_t number = 0; number < count; ++number) {
    const std::string name = prefix + std::to_string(number) + ".";
    bool here = false;
    const auto each = [&](const model::Parameters& parameters, const auto& visit) {
      for (auto it = parameters.lower_bound(name); it != parameters.end() && it->first.starts_with(name); ++it) visit(it->first, it->second);
    };
    for (const model::Parameters* parameters : {&part.parameters(), &part.lora()})
      each(*parameters, [&](const std::string&, const at::Tensor& tensor) { here = here || learns(tensor); });
    const bool through = sum.flows || here;
    each(part.parameters(), [&](const std::string& own, const at::Tensor& tensor) {
      if (is_matrix(own, tensor)) sum.token += product(tensor, through);
    });
    each(part.lora(), [&](const std::string&, const at::Tensor& tensor) { sum.token += product(tensor, through); });
    sum.attention += attention * (through ? 3 : 1);
    sum.flows = through;
  }
  return sum;
}

}  // namespace

Flops::Flops(const model::JoinedModel& model) {
  bool flows = false;
  if (model.tower && model.projector) {
    const layout::VisionConfig& config = model.tower->config();
    std::int64_t used = 0;
    for (const std::int64_t layer : model.vision_layers) used = std::max(used, layer < 0 ? layer + config.layers + 1 : layer);
    const layout::VisionNames& names = layout::names_of(config);
    const at::Tensor& embedding = model.tower->parameters().at(names.patch + ".weight");
    patches_ = static_cast<double>(layout::patches(config, model.tower->processor()));
    tower_tokens_ = patches_ + static_cast<double>(config.extra_tokens());
    patch_ = product(embedding, false);
    const bool before = learns(embedding) || learns(model.tower->parameters().at(names.position));
    const Sum sum = layers(*model.tower, names.layer, used, before, 4 * static_cast<double>(config.hidden_size));
    tower_ = {.token = sum.token, .attention = sum.attention};
    flows = sum.flows;
    // A resampler reads every patch; so it is counted, which its few queries make a bit too much.
    bool first = true;
    for (const auto& [name, tensor] : model.projector->parameters()) {
      if (tensor.dim() != 2) continue;
      projector_ += product(tensor, flows || (!first && any_learns(model.projector->parameters()))) * patches_;
      first = false;
    }
    flows = flows || any_learns(model.projector->parameters());
  }
  const layout::LanguageConfig& config = model.language.config();
  const model::Parameters& parameters = model.language.parameters();
  const at::Tensor& embedding = parameters.at("model.embed_tokens.weight");
  flows = flows || learns(embedding);
  const Sum sum = layers(model.language, "model.layers.", config.layers, flows, 2 * static_cast<double>(config.heads * config.head_dim));
  language_ = {.token = sum.token, .attention = sum.attention};
  const bool to_head = sum.flows || learns(parameters.at("model.norm.weight"));
  head_ = product(config.tied_embeddings ? embedding : parameters.at("lm_head.weight"), to_head);
}

double Flops::of(std::span<const std::int64_t> lengths, std::int64_t learned, std::int64_t pictures) const {
  double flops = head_ * static_cast<double>(learned);
  for (const std::int64_t length : lengths) {
    const auto tokens = static_cast<double>(length);
    flops += language_.token * tokens + language_.attention * tokens * tokens;
  }
  const double tower = patch_ * patches_ + tower_.token * tower_tokens_ + tower_.attention * tower_tokens_ * tower_tokens_;
  return flops + static_cast<double>(pictures) * (tower + projector_);
}

}  // namespace saucier::train
