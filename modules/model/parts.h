// The three parts of a LLaVA model as functions over named tensors, and LoRA. Shapes: docs/shapes.md.
//   B rows, T tokens, D width of the language model, P patches, C width of the tower, H heads, V vocabulary.
// A part owns its tensors by their Hugging Face names; whoever trains marks them requires_grad. They are float32, and so is what
// is computed, until compute_in(bfloat16): from then on tower and language model keep those that want no gradient in bfloat16,
// and every operation casts the others (and LoRA, and the projector by its input) where it uses them, so that gradients and
// optimizer see float32.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "modules/model/config.h"

namespace saucier::model {

using Parameters = std::map<std::string, at::Tensor>;

class VisionTower {  // CLIPVisionModel: "vision_model.embeddings.…", "vision_model.encoder.layers.0.…"
 public:
  static VisionTower random(const VisionConfig& config, std::uint64_t seed);
  VisionTower(VisionConfig config, Parameters parameters);  // checks names and shapes: Error names the tensor

  // pixels [B, 3, S, S], normalised → [B, P, C] (or [B, P + 1, C] with the class token first). `layer` counts hidden
  // states as transformers does: 0 is the embeddings, -1 the last layer's output, before post_layernorm.
  at::Tensor forward(const at::Tensor& pixels, std::int64_t layer, bool keep_class) const;
  // The class token after post_layernorm: [B, C].
  at::Tensor pooled(const at::Tensor& pixels) const;

  void compute_in(at::ScalarType dtype);

  const VisionConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  VisionConfig config_;
  Parameters parameters_;
  at::ScalarType dtype_ = at::kFloat;
};

class Projector {  // "linear_1.weight", … as in multi_modal_projector; exact GELU between
 public:
  static Projector random(const std::string& kind, std::int64_t in, std::int64_t out, std::uint64_t seed);
  Projector(std::string kind, Parameters parameters);
  at::Tensor forward(const at::Tensor& features) const;  // [..., C] → [..., D]
  const std::string& kind() const { return kind_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  std::string kind_;
  Parameters parameters_;
};

struct LoraConfig {
  std::int64_t rank = 64;
  double alpha = 16;
  double dropout = 0;
  std::vector<std::string> modules;  // "q_proj", …
};

// Keys and values of every layer for rows of different lengths: [B, Hkv, capacity, head_dim] each.
struct KeyValueCache {
  std::vector<at::Tensor> keys, values;
  std::vector<std::int64_t> lengths;  // filled positions of each row
};

class LanguageModel {  // LlamaForCausalLM: "model.embed_tokens.weight", "model.layers.0.…", "model.norm.weight"
 public:
  static LanguageModel random(const LanguageConfig& config, std::uint64_t seed);  // normal(0, 0.02), as transformers
  LanguageModel(LanguageConfig config, Parameters parameters);

  at::Tensor embed(const at::Tensor& ids) const;  // ids int64 [...] → [..., D]
  // Causal over each row, padding on the right (so that no mask is needed): embeds [B, T, D] → final-norm hidden
  // states [B, T, D]. Position t of a row has rotary position t.
  at::Tensor forward(const at::Tensor& embeds) const;
  // The same, and keeps keys and values; lengths [B] are the rows' real lengths.
  at::Tensor prefill(const at::Tensor& embeds, const std::vector<std::int64_t>& lengths, std::int64_t capacity,
                     KeyValueCache& cache) const;
  // One further token a row: embeds [B, 1, D] → [B, 1, D]; row b is at position cache.lengths[b], which grows by one.
  at::Tensor decode(const at::Tensor& embeds, KeyValueCache& cache) const;
  at::Tensor logits(const at::Tensor& hidden) const;  // [..., D] → [..., V]

  // Adds trainable updates to the named linear layers: A kaiming-uniform(√5), B zero, as PEFT does.
  void add_lora(const LoraConfig& config, std::uint64_t seed);
  void set_lora(const LoraConfig& config, Parameters lora);  // "model.layers.0.self_attn.q_proj.lora_A.weight", …
  const std::optional<LoraConfig>& lora_config() const { return lora_config_; }
  Parameters& lora() { return lora_; }
  const Parameters& lora() const { return lora_; }
  void merge_lora();  // W += alpha / rank · B A; for generation
  void set_training(bool training) { training_ = training; }  // LoRA dropout

  void compute_in(at::ScalarType dtype);
  at::ScalarType dtype() const { return dtype_; }

  const LanguageConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  // The outputs of some linear layers of one input, side by side: x [N, in] → [N, sum of out].
  at::Tensor weight(const std::string& name) const { return parameters_.at(name).to(dtype_); }
  at::Tensor linear(const std::string& prefix, std::initializer_list<const char*> modules, const at::Tensor& x) const;
  bool folds_lora(std::int64_t rows, std::int64_t in, std::int64_t out) const;
  template <class Attend>
  at::Tensor layers(const at::Tensor& embeds, const at::Tensor& positions, Attend attend) const;
  LanguageConfig config_;
  Parameters parameters_;
  Parameters lora_;
  std::optional<LoraConfig> lora_config_;
  bool training_ = false;
  at::ScalarType dtype_ = at::kFloat;
};

}  // namespace saucier::model
