#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/model/linear.h"
#include "modules/model/parts.h"
#include "modules/model/tensors.h"

namespace saucier::model {
namespace {

constexpr std::string_view kWeight = ".weight", kBias = ".bias", kA = ".lora_A.weight", kB = ".lora_B.weight";
constexpr std::string_view kAllLinear = "all-linear";

// A text in which * stands for any text.
bool fits(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  for (size_t from = star; from <= text.size(); ++from)
    if (fits(pattern, text.substr(from))) return true;
  return false;
}

// As PEFT takes target_modules: the whole path, or what stands behind one of its dots.
bool names(std::string_view pattern, std::string_view path) {
  if (fits(pattern, path)) return true;
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1))
    if (fits(pattern, path.substr(dot + 1))) return true;
  return false;
}

std::string without(const std::string& name, std::string_view end) { return name.substr(0, name.size() - end.size()); }

// Paths of what can have an update: matrices that something is multiplied with.
std::vector<std::string> linear_layers(const Parameters& parameters) {
  std::vector<std::string> paths;
  for (const auto& [name, tensor] : parameters)
    if (name.ends_with(kWeight) && tensor.dim() == 2 && name.find("embed") == std::string::npos) paths.push_back(without(name, kWeight));
  return paths;
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

// Of single layers: the longest name counts.
std::optional<double> pattern_of(const std::map<std::string, double>& patterns, const std::string& path) {
  const std::pair<const std::string, double>* found = nullptr;
  for (const auto& entry : patterns)
    if (names(entry.first, path) && (!found || entry.first.size() > found->first.size())) found = &entry;
  return found ? std::optional(found->second) : std::nullopt;
}

std::vector<std::string> chosen_layers(const Parameters& parameters, const LoraConfig& config) {
  const std::vector<std::string> all = linear_layers(parameters);
  std::vector<std::string> chosen;
  for (const std::string& pattern : config.modules) {
    size_t found = 0;
    for (const std::string& path : all) {
      if (pattern == kAllLinear ? path == "lm_head" : !names(pattern, path)) continue;
      ++found;
      if (std::find(chosen.begin(), chosen.end(), path) == chosen.end()) chosen.push_back(path);
    }
    if (found > 0) continue;
    std::vector<std::string> known;
    for (const std::string& path : all)
      if (std::find(known.begin(), known.end(), last_part(path)) == known.end()) known.push_back(last_part(path));
    throw Error(fmt::format("lora: the model has no linear layer '{}'", pattern), suggestion(pattern, known));
  }
  if (chosen.empty()) throw Error("lora: no linear layer is named", "name some in lora.modules");
  return chosen;
}

}  // namespace

void Part::compute_in(at::ScalarType dtype) {
  dtype_ = dtype;
  keep_frozen_in(parameters_, dtype);
}

void Part::add_lora(const LoraConfig& config, std::uint64_t seed) {
  if (config.rank < 1) throw Error(fmt::format("lora: rank is '{}', not a positive integer", config.rank));
  Parameters lora;
  for (const std::string& path : chosen_layers(parameters_, config)) {
    const at::Tensor& weight = parameters_.at(path + std::string(kWeight));
    const auto rank = static_cast<std::int64_t>(pattern_of(config.ranks, path).value_or(static_cast<double>(config.rank)));
    const std::string a = path + std::string(kA);
    // Kaiming-uniform with a = √5 is uniform within 1 / √in.
    lora[a] = uniform_tensor({rank, weight.size(1)}, 1 / std::sqrt(static_cast<double>(weight.size(1))), seed, a);
    lora[path + std::string(kB)] = at::zeros({weight.size(0), rank});
  }
  set_lora(config, std::move(lora));
}

void Part::set_lora(const LoraConfig& config, Parameters lora) {
  SAUCIER_CHECK(!merged_, "an update set on merged weights");
  layout::Shapes expected;
  for (const auto& [name, tensor] : lora) {
    const bool is_a = name.ends_with(kA);
    if (!is_a && !name.ends_with(kB)) throw Error(fmt::format("lora: tensor '{}' is no LoRA weight", name));
    const std::string path = without(name, is_a ? kA : kB);
    const auto weight = parameters_.find(path + std::string(kWeight));
    if (weight == parameters_.end() || weight->second.dim() != 2)
      throw Error(fmt::format("lora: the model has no linear layer '{}'", path), suggestion(path, linear_layers(parameters_)));
    const std::int64_t rank = tensor.dim() == 2 ? tensor.size(is_a ? 0 : 1) : 0;
    if (rank < 1) throw Error(fmt::format("lora: tensor '{}' is not a matrix", name));
    if (!is_a && lora.contains(path + std::string(kA))) continue;  // A says the rank
    expected[path + std::string(kA)] = {rank, weight->second.size(1)};
    expected[path + std::string(kB)] = {weight->second.size(0), rank};
  }
  if (expected.empty()) throw Error("lora: no linear layer is named", "name some in lora.modules");
  layout::check_tensors(shapes_of(lora), expected, "lora");
  lora_config_ = config;
  lora_ = std::move(lora);
  for (auto& [name, tensor] : lora_) tensor = tensor.to(device());
}

double Part::scale_of(const std::string& path) const {
  const double alpha = pattern_of(lora_config_->alphas, path).value_or(lora_config_->alpha);
  const auto rank = static_cast<double>(lora_.at(path + std::string(kA)).size(0));
  return alpha / (lora_config_->rank_stabilised ? std::sqrt(rank) : rank);
}

void Part::add_updates(double sign) {
  at::NoGradGuard no_grad;
  for (const auto& [name, a] : lora_) {
    if (!name.ends_with(kA)) continue;
    const std::string path = without(name, kA);
    at::Tensor& weight = parameters_.at(path + std::string(kWeight));
    const at::Tensor update = at::mm(lora_.at(path + std::string(kB)).detach().to(at::kFloat), a.detach().to(at::kFloat));
    // A new tensor: a copy of this model may share the old one.
    weight = weight.detach().to(at::kFloat).add(update, sign * scale_of(path)).to(weight.scalar_type());
  }
}

void Part::merge_lora() {
  if (!lora_config_ || merged_) return;
  SAUCIER_CHECK(dtype_ == at::kFloat, "LoRA merged into weights of too few digits");
  add_updates(1);
  merged_ = true;
}

void Part::unmerge_lora() {
  if (!merged_) return;
  add_updates(-1);
  merged_ = false;
}

void Part::move_to(const at::Device& device) {
  for (Parameters* all : {&parameters_, &lora_})
    for (auto& [name, tensor] : *all) tensor = tensor.detach().to(device);
}

bool Part::trains() const {
  const auto any = [](const Parameters& all) { return std::any_of(all.begin(), all.end(), [](const auto& entry) { return entry.second.requires_grad(); }); };
  return any(parameters_) || any(lora_);
}

void Part::join(const std::string& prefix, std::span<const std::string> modules) {
  std::vector<at::Tensor> weights;
  for (const std::string& module : modules) weights.push_back(parameters_.at(prefix + module + std::string(kWeight)));
  if (weights.size() < 2 || std::any_of(weights.begin(), weights.end(), [](const at::Tensor& weight) { return weight.requires_grad(); }) || as_one(weights).defined()) return;
  const at::Tensor all = at::cat(weights);
  std::int64_t row = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    parameters_.at(prefix + modules[i] + std::string(kWeight)) = all.narrow(0, row, weights[i].size(0));
    let_go(weights[i]);
    row += weights[i].size(0);
  }
}

c10::intrusive_ptr<LinearGroup> Part::group(const std::string& prefix, std::span<const std::string> modules) const {
  std::vector<LinearLayer> layers;
  for (const std::string& module : modules) {
    const std::string path = prefix + module;
    LinearLayer layer{.weight = parameters_.at(path + std::string(kWeight))};
    if (const auto bias = parameters_.find(path + std::string(kBias)); bias != parameters_.end()) layer.bias = bias->second;
    if (const auto a = lora_config_ && !merged_ ? lora_.find(path + std::string(kA)) : lora_.end(); a != lora_.end()) {
      layer.a = a->second;
      layer.b = lora_.at(path + std::string(kB));
      layer.scale = scale_of(path);
    }
    layers.push_back(std::move(layer));
  }
  return c10::make_intrusive<LinearGroup>(std::move(layers), dtype_, training_ && lora_config_ ? lora_config_->dropout : 0);
}

at::Tensor Part::linear(const std::string& prefix, std::span<const std::string> modules, const at::Tensor& x) const {
  return run(group(prefix, modules), x);
}

}  // namespace saucier::model
