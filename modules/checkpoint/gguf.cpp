#include "modules/checkpoint/gguf.h"

#include "modules/base/error.h"
#include "modules/layout/gguf.h"
#include "modules/layout/names.h"

namespace saucier::checkpoint {
namespace {

constexpr const char* kFactors = "rope_freqs.weight";

// llama.cpp keeps the two halves of a head interleaved: row 2 i is row i of the first half. [H E, ...] → the same.
at::Tensor in_halves(const at::Tensor& rows, std::int64_t heads) {
  const std::int64_t half = rows.size(0) / heads / 2;
  return rows.reshape({heads, half, 2, -1}).transpose(1, 2).reshape(rows.sizes()).contiguous();
}

}  // namespace

model::LanguageModel load_gguf_language(const fs::path& file) {
  const weights::Container container = weights::Container::gguf(file);
  layout::Shapes shapes;
  for (const auto& [name, tensor] : container.tensors()) shapes[name] = tensor.shape;
  layout::GgufLanguage language = layout::language_config_of_gguf(container.metadata(), shapes);
  layout::LanguageConfig& config = language.config;
  Tensors tensors;
  for (const auto& [name, tensor] : container.tensors()) {
    if (name == kFactors) {
      const at::Tensor factors = to_torch(tensor, container.memory()).to(at::kFloat).contiguous();
      const float* data = factors.const_data_ptr<float>();
      config.rope.short_factor.assign(data, data + factors.numel());
      continue;
    }
    const std::optional<std::string> ours = layout::name_of_gguf(name, config);
    if (!ours) throw Error(fmt::format("tensor '{}' is not part of a language model of this kind", name));
    at::Tensor value = to_torch(tensor, container.memory());
    const bool query = ours->find(".q_proj.") != std::string::npos, key = ours->find(".k_proj.") != std::string::npos;
    const std::int64_t heads = query ? config.heads : config.kv_heads;
    if (language.permuted && (query || key)) {
      if (value.dim() < 1 || value.size(0) % (2 * heads) != 0)
        throw Error(fmt::format("tensor '{}' has {} rows for {} heads", name, value.dim() < 1 ? 0 : value.size(0), heads));
      value = in_halves(value, heads);
    }
    tensors[*ours] = value;
  }
  return model::LanguageModel(std::move(config), std::move(tensors));
}

}  // namespace saucier::checkpoint
