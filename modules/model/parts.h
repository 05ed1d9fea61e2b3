// The three parts of a LLaVA model as functions over named tensors. Shapes: docs/shapes.md.
//   B rows, T tokens of a row, N of all rows, D width of the language model, P patches, C width of the tower, H heads, V vocabulary.
// A part owns its tensors by the names that modules/layout gives them; whoever trains marks them requires_grad. They are
// float32, and so is what is computed, until compute_in(bfloat16): from then on a part keeps those that want no gradient in
// bfloat16, and every operation casts the others (and LoRA) where it uses them, so that gradients and optimizer see
// float32.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "modules/layout/pictures.h"
#include "modules/model/attention.h"

namespace saucier::model {

using layout::LanguageConfig;
using layout::VisionConfig;

using Parameters = std::map<std::string, at::Tensor>;

class AttentionHalf;
class LinearGroup;
class MlpHalf;
struct Loss;

// Low-rank adaptation (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021), as PEFT has it.
struct LoraConfig {
  std::int64_t rank = 64;
  double alpha = 16;
  double dropout = 0;
  bool rank_stabilised = false;  // the update is scaled by alpha / √rank (Kalajdzievski, 2023), else by alpha / rank
  // Which linear layers: a layer's path, or the end of it behind a dot, with * for any text ("q_proj",
  // "layers.1*.mlp.*"); "all-linear": all but lm_head.
  std::vector<std::string> modules = {};
  std::map<std::string, double> ranks = {}, alphas = {};  // of single layers, by path or the end of it (PEFT's patterns)
};

class Part {
 public:
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  // Call it behind whoever marks what is trained.
  void compute_in(at::ScalarType dtype);
  at::ScalarType dtype() const { return dtype_; }
  bool trains() const;  // whether a parameter or an update wants a gradient
  void move_to(const at::Device& device);  // before anybody marks what is trained
  at::Device device() const { return parameters_.empty() ? at::Device(at::kCPU) : parameters_.begin()->second.device(); }

  // Adds trainable updates to linear layers: A kaiming-uniform(√5), B zero, as PEFT does. Error where a pattern fits none.
  void add_lora(const LoraConfig& config, std::uint64_t seed);
  // "PATH.lora_A.weight" [rank, in] and "PATH.lora_B.weight" [out, rank] of the layers that have an update.
  void set_lora(const LoraConfig& config, Parameters lora);
  const std::optional<LoraConfig>& lora_config() const { return lora_config_; }
  Parameters& lora() { return lora_; }
  const Parameters& lora() const { return lora_; }
  void merge_lora();    // W += scale B A; the updates stay, aside
  void unmerge_lora();  // and takes them out again: the weights are those before to the last rounding
  bool merged() const { return merged_; }
  void set_training(bool training) { training_ = training; }  // LoRA dropout

 protected:
  explicit Part(Parameters parameters) : parameters_(std::move(parameters)) {}
  // Puts the frozen weights of layers of one input side by side in memory, where one product takes them all.
  void join(const std::string& prefix, std::span<const std::string> modules);

  at::Tensor get(const std::string& name) const { return parameters_.at(name).to(dtype_); }
  // Linear layers of one input, "PREFIX MODULE" each, as they are now.
  c10::intrusive_ptr<LinearGroup> group(const std::string& prefix, std::span<const std::string> modules) const;
  // Their outputs side by side: x [N, in] → [N, sum of out].
  at::Tensor linear(const std::string& prefix, std::span<const std::string> modules, const at::Tensor& x) const;
  at::Tensor linear(const std::string& path, const at::Tensor& x) const { return linear("", std::span(&path, 1), x); }

  Parameters parameters_;
  at::ScalarType dtype_ = at::kFloat;
  bool training_ = false;

 private:
  double scale_of(const std::string& path) const;
  void add_updates(double sign);

  Parameters lora_;
  std::optional<LoraConfig> lora_config_;
  bool merged_ = false;
};

class VisionTower : public Part {  // names and families: modules/layout/vision.h
 public:
  static VisionTower random(const VisionConfig& config, std::uint64_t seed);
  // Checks names and shapes, and that pictures come out in the tower's size: Error names the tensor.
  VisionTower(VisionConfig config, Parameters parameters, image::Processor processor);
  VisionTower(VisionConfig config, Parameters parameters);
  void compute_in(at::ScalarType dtype);

  // pixels [B, 3, S, S], normalised → [B, P, C] (or [B, P + 1, C] with the class token first). `layer` counts hidden
  // states as transformers does: 0 is the embeddings, -1 the last layer's output, before the norm behind it. Of several
  // layers the features stand side by side: [B, P, n C]. Registers are never features. S is config().image_size, or for
  // Dinov2 any multiple of patch_size, to which its positions are stretched.
  at::Tensor forward(const at::Tensor& pixels, std::span<const std::int64_t> layers, bool keep_class) const;
  at::Tensor forward(const at::Tensor& pixels, std::int64_t layer, bool keep_class) const;
  // All of them: [B, T, C] each, extra tokens included.
  std::vector<at::Tensor> hidden_states(const at::Tensor& pixels) const;
  // The class token after the last norm: [B, C].
  at::Tensor pooled(const at::Tensor& pixels) const;

  const VisionConfig& config() const { return config_; }
  const image::Processor& processor() const { return processor_; }
  void set_processor(image::Processor processor);  // of the same size
  std::int64_t picture_side() const { return processor_.height(); }
  std::int64_t patches() const;  // of a prepared picture

 private:
  at::Tensor embed(const at::Tensor& pixels) const;
  at::Tensor positions(std::int64_t side) const;
  at::Tensor layer(const at::Tensor& x, std::int64_t rows, std::int64_t number) const;
  at::Tensor norm(const std::string& name, const at::Tensor& x) const;
  std::int64_t index_of(std::int64_t layer) const;

  VisionConfig config_;
  image::Processor processor_;
};

using layout::ProjectorConfig;

// "linear_1.weight", … as in multi_modal_projector. Its parameters may hold "image_newline" [D] too, which stands behind
// each row of patches where pictures are cut into tiles (anyres): it is learned and kept with the projector.
class Projector : public Part {
 public:
  static Projector random(const ProjectorConfig& config, std::int64_t in, std::int64_t out, std::uint64_t seed);
  Projector(ProjectorConfig config, Parameters parameters);  // config.bias is what the parameters have
  at::Tensor forward(const at::Tensor& features) const;      // [N, P, C] → [N, layout::tokens(P), D]
  void compute_in(at::ScalarType dtype) { dtype_ = dtype; }  // keeps all its digits: it is small, and saved by every stage
  const ProjectorConfig& config() const { return config_; }

  bool has_newline() const { return parameters_.contains(kNewline); }
  void add_newline(std::int64_t out, std::uint64_t seed);  // normal(0, 1 / √D), as transformers
  at::Tensor newline() const { return get(kNewline); }     // [D]

  static constexpr const char* kNewline = "image_newline";

 private:
  at::Tensor resample(const at::Tensor& context) const;
  ProjectorConfig config_;
};

// Keys and values of every layer for rows of different lengths: [B, Hkv, capacity, head_dim] each.
struct KeyValueCache {
  std::vector<at::Tensor> keys, values;
  std::vector<std::int64_t> lengths;  // filled positions of each row
};

class LanguageModel : public Part {  // names and families: modules/layout/language.h
 public:
  static LanguageModel random(const LanguageConfig& config, std::uint64_t seed);  // normal(0, 0.02), as transformers
  LanguageModel(LanguageConfig config, Parameters parameters);
  void compute_in(at::ScalarType dtype);

  at::Tensor embed(const at::Tensor& ids) const;  // ids int64 [...] → [..., D]
  // Causal over each row, whose first token has position 0: embeds [N, D] → hidden states behind the last norm, [N, D], or
  // [M, D] at the positions `wanted` alone (int64 [M], each once). `prefix`: of each layer, where rows.prefix_kept.
  at::Tensor forward(const at::Tensor& embeds, const Rows& rows, const at::Tensor& wanted = {},
                     std::span<const KeptPrefix> prefix = {}) const;
  // Rows of one length: [B, T, D] → [B, T, D].
  at::Tensor forward(const at::Tensor& embeds) const;
  // As transformers has them: what goes into each layer, and last what `forward` gives.
  std::vector<at::Tensor> hidden_states(const at::Tensor& embeds) const;
  // What every layer keeps of a prefix: embeds [P, D]. No gradient goes through it.
  std::vector<KeptPrefix> keep_prefix(const at::Tensor& embeds) const;
  // The same as forward, and keeps keys and values.
  at::Tensor prefill(const at::Tensor& embeds, const Rows& rows, std::int64_t capacity, KeyValueCache& cache) const;
  // One further token a row: embeds [B, D] → [B, D]; row b is at position cache.lengths[b], which grows by one.
  at::Tensor decode(const at::Tensor& embeds, KeyValueCache& cache) const;
  at::Tensor logits(const at::Tensor& hidden) const;  // [..., D] → [..., V]

  // The loss of the next tokens, without all logits at once: see head.h.
  Loss loss(const at::Tensor& hidden, const at::Tensor& targets, double scale) const;

  const LanguageConfig& config() const { return config_; }

 private:
  struct Pass;
  c10::intrusive_ptr<AttentionHalf> attention_half(std::int64_t layer, const Pass& pass) const;
  c10::intrusive_ptr<MlpHalf> mlp_half(std::int64_t layer) const;
  Pass pass_over(const at::Tensor& embeds, const Rows& rows) const;
  template <class Observe>
  at::Tensor through_layers(const at::Tensor& embeds, const Pass& pass, Observe observe) const;
  Rotary angles_at(const at::Tensor& positions, std::int64_t longest) const;
  AttentionShape shape_of(std::int64_t layer) const;
  LanguageConfig config_;
};

}  // namespace saucier::model
