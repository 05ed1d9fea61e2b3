// Decoders of the Llama kind, as their config.json describes them: LlamaForCausalLM (Vicuna, TinyLlama, SmolLM2),
// MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, Phi3ForCausalLM. They differ in what is said here alone.
#pragma once

#include "modules/layout/rope.h"
#include "modules/layout/tensors.h"

namespace saucier::layout {

struct LanguageConfig {
  std::string model_type = "llama";  // llama | mistral | qwen2 | qwen3 | phi3
  std::int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008, layers = 32, heads = 32,
               kv_heads = 32, head_dim = 128, max_positions = 2048;
  double rms_norm_eps = 1e-5;
  Rope rope;
  bool tied_embeddings = false;
  bool qkv_bias = false, output_bias = false, mlp_bias = false;
  bool qk_norm = false;             // queries and keys are normalised by head, before they turn (Qwen3)
  std::int64_t sliding_window = 0;  // a token sees so many, itself included; 0: all before it
  std::vector<bool> sliding;        // by layer: whether the window holds there; empty: in all
  std::int64_t bos = 1, eos = 2, pad = -1;
  std::vector<std::int64_t> further_eos;  // where eos_token_id is a list

  bool fused() const { return model_type == "phi3"; }  // q, k, v in one matrix, gate and up in one
  bool slides(std::int64_t layer) const { return sliding_window > 0 && (sliding.empty() || sliding[static_cast<size_t>(layer)]); }
};

// Of a language model's own config.json, or of the text_config in a LLaVA model's. Error naming a field whose value changes
// the result and is not supported.
LanguageConfig language_config(const Json& config);
Json to_json(const LanguageConfig& config);

// "model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight", …, "lm_head.weight" unless tied.
Shapes language_shapes(const LanguageConfig& config);

}  // namespace saucier::layout
