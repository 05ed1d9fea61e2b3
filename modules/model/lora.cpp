// Low-rank adaptation (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021), laid out as PEFT does.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

// Linear layers of a decoder layer that can have an update.
const std::vector<std::string> kModules = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

// From so many rows on, the weights of neighbouring layers are put together for one product; below, copying them costs
// more than it saves.
constexpr std::int64_t kRowsWorthJoining = 128;

Shapes lora_shapes(const LanguageConfig& config, const LoraConfig& lora) {
  if (lora.rank < 1) throw Error(fmt::format("lora: rank is '{}', not a positive integer", lora.rank));
  for (const std::string& module : lora.modules)
    if (std::find(kModules.begin(), kModules.end(), module) == kModules.end())
      throw Error(fmt::format("lora: the language model has no linear layer '{}'", module), suggestion(module, kModules));
  Shapes shapes;
  for (const auto& [name, shape] : language_shapes(config)) {
    if (!name.starts_with("model.layers.") || !name.ends_with("_proj.weight")) continue;
    const std::string path = name.substr(0, name.size() - std::string(".weight").size());
    const std::string module = path.substr(path.rfind('.') + 1);
    if (std::find(lora.modules.begin(), lora.modules.end(), module) == lora.modules.end()) continue;
    shapes[path + ".lora_A.weight"] = {lora.rank, shape[1]};
    shapes[path + ".lora_B.weight"] = {shape[0], lora.rank};
  }
  if (shapes.empty()) throw Error("lora: no linear layer is named", "name some in lora.modules");
  return shapes;
}

double scale_of(const LoraConfig& config) { return config.alpha / static_cast<double>(config.rank); }

}  // namespace

void LanguageModel::add_lora(const LoraConfig& config, std::uint64_t seed) {
  Parameters lora;
  for (const auto& [name, shape] : lora_shapes(config_, config)) {
    // Kaiming-uniform with a = √5 is uniform within 1 / √in.
    lora[name] = name.ends_with(".lora_A.weight")
                     ? uniform_tensor(shape, 1 / std::sqrt(static_cast<double>(shape[1])), seed, name)
                     : at::zeros(shape);
  }
  set_lora(config, std::move(lora));
}

void LanguageModel::set_lora(const LoraConfig& config, Parameters lora) {
  check_tensors(lora, lora_shapes(config_, config), "lora");
  lora_config_ = config;
  lora_ = std::move(lora);
}

void LanguageModel::merge_lora() {
  if (!lora_config_) return;
  SAUCIER_CHECK(dtype_ == at::kFloat, "LoRA merged into weights of too few digits");
  at::NoGradGuard no_grad;
  for (const auto& [name, a] : lora_) {
    if (!name.ends_with(".lora_A.weight")) continue;
    const std::string path = name.substr(0, name.size() - std::string(".lora_A.weight").size());
    at::Tensor& weight = parameters_.at(path + ".weight");
    // A new tensor: a copy of this model may share the old one.
    weight = at::addmm(weight.detach(), lora_.at(path + ".lora_B.weight").detach(), a.detach(), 1, scale_of(*lora_config_));
  }
  lora_.clear();
  lora_config_.reset();
}

// The update is either added to the weight before the product or to the product. The first costs a full weight gradient
// but no further product over the rows, and is the cheaper one for narrow layers of a high rank (multiply-adds per
// row: in * out against 3 r (in + out), forward and backward). Dropout stands between the two products, so it needs the
// second; so does bfloat16, in which a weight would swallow a small update.
bool LanguageModel::folds_lora(std::int64_t rows, std::int64_t in, std::int64_t out) const {
  if ((training_ && lora_config_->dropout > 0) || dtype_ != at::kFloat) return false;
  const std::int64_t rank = lora_config_->rank;
  if (!at::GradMode::is_enabled()) return in * out < rows * (in + out);
  return in * out * (rows + 3 * rank) < 3 * rank * (in + out) * rows;
}

at::Tensor LanguageModel::linear(const std::string& prefix, std::initializer_list<const char*> modules,
                                 const at::Tensor& x) const {
  const std::int64_t rows = x.size(0);
  std::vector<at::Tensor> weights, outputs;
  bool plain = true;  // every weight stands for its whole module
  for (const char* module : modules) {
    const std::string path = prefix + module;
    const at::Tensor weight = this->weight(path + ".weight");
    const auto a = lora_config_ ? lora_.find(path + ".lora_A.weight") : lora_.end();
    if (a == lora_.end()) {
      weights.push_back(weight);
      continue;
    }
    const at::Tensor& b = lora_.at(path + ".lora_B.weight");
    if (folds_lora(rows, weight.size(1), weight.size(0))) {
      weights.push_back(at::addmm(weight, b, a->second, 1, scale_of(*lora_config_)));
      continue;
    }
    plain = false;
    weights.push_back(weight);
  }
  if (plain && (weights.size() == 1 || rows >= kRowsWorthJoining))
    return at::linear(x, weights.size() == 1 ? weights.front() : at::cat(weights));
  size_t number = 0;
  for (const char* module : modules) {
    const std::string path = prefix + module;
    const at::Tensor& weight = weights[number++];
    at::Tensor y = at::linear(x, weight);
    const auto a = lora_config_ ? lora_.find(path + ".lora_A.weight") : lora_.end();
    if (a != lora_.end() && !folds_lora(rows, weight.size(1), weight.size(0))) {
      const at::Tensor dropped = at::dropout(x, lora_config_->dropout, training_);
      y = at::addmm(y, at::linear(dropped, a->second.to(dtype_)), lora_.at(path + ".lora_B.weight").to(dtype_).t(), 1,
                    scale_of(*lora_config_));
    }
    outputs.push_back(y);
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 1);
}

}  // namespace saucier::model
