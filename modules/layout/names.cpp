#include "modules/layout/names.h"

#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace saucier::layout {
namespace {

// What stands before a name in a file: that goes, and `kept` takes its place. The longest line that fits counts.
struct Prefix {
  std::string_view file;
  Part part;
  std::string_view kept;
};
constexpr Prefix kPrefixes[] = {
    {"model.", Part::language, "model."},
    {"lm_head.", Part::language, "lm_head."},
    {"language_model.model.", Part::language, "model."},      // LlavaForConditionalGeneration on disk
    {"language_model.lm_head.", Part::language, "lm_head."},
    {"model.language_model.", Part::language, "model."},      // the same in memory, transformers >= 4.52
    {"vision_model.", Part::tower, "vision_model."},          // CLIPVisionModel, CLIPModel, SiglipVisionModel, SiglipModel
    {"vision_tower.", Part::tower, ""},
    {"model.vision_tower.", Part::tower, ""},
    {"model.vision_tower.vision_tower.", Part::tower, ""},    // the original code
    {"embeddings.", Part::tower, "embeddings."},              // Dinov2Model
    {"encoder.", Part::tower, "encoder."},
    {"layernorm.", Part::tower, "layernorm."},
    {"dinov2.", Part::tower, ""},                             // Dinov2ForImageClassification
    {"dinov2_with_registers.", Part::tower, ""},
    {"multi_modal_projector.", Part::projector, ""},
    {"model.multi_modal_projector.", Part::projector, ""},
    {"mm_projector.", Part::projector, "mm_projector."},
    {"model.mm_projector.", Part::projector, "mm_projector."},
    {"image_newline", Part::newline, "image_newline"},
    {"model.image_newline", Part::newline, "image_newline"},
    {"text_model.", Part::ignored, ""},
    {"text_projection.", Part::ignored, ""},
    {"visual_projection.", Part::ignored, ""},
    {"logit_scale", Part::ignored, ""},
    {"logit_bias", Part::ignored, ""},
    {"classifier.", Part::ignored, ""},
};

// Computed from the config, or not part of the features that LLaVA takes.
bool is_ignored(std::string_view name) {
  return name.ends_with("position_ids") || name.ends_with("rotary_emb.inv_freq") || name.ends_with("embeddings.mask_token") ||
         name.find("vision_model.head.") != std::string_view::npos;
}

// The original code's projector is a sequence in which every second module is a layer: "0.weight" → "linear_1.weight",
// "2.bias" → "linear_2.bias"; alone it is "weight".
std::string projector_name(std::string_view rest) {
  constexpr std::string_view kOriginal = "mm_projector.";
  if (!rest.starts_with(kOriginal)) return std::string(rest);
  rest.remove_prefix(kOriginal.size());
  int number = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (problem != std::errc() || end == rest.data() + rest.size() || *end != '.') return fmt::format("linear_1.{}", rest);
  return fmt::format("linear_{}{}", number / 2 + 1, rest.substr(static_cast<size_t>(end - rest.data())));
}

// "linear_2.bias" → "2.bias", "linear_1.bias" → "bias" where it is the only layer.
std::string original_projector_name(std::string_view name, bool one_layer) {
  constexpr std::string_view kLayer = "linear_";
  int number = 0;
  if (!name.starts_with(kLayer)) return std::string(name);
  const auto [end, problem] = std::from_chars(name.data() + kLayer.size(), name.data() + name.size(), number);
  if (problem != std::errc()) return std::string(name);
  if (one_layer) return std::string(name.substr(static_cast<size_t>(end - name.data()) + 1));
  return fmt::format("{}{}", 2 * (number - 1), name.substr(static_cast<size_t>(end - name.data())));
}

struct GgufName {
  std::string_view gguf, ours;
};
constexpr GgufName kGgufModel[] = {
    {"token_embd.weight", "model.embed_tokens.weight"}, {"output_norm.weight", "model.norm.weight"}, {"output.weight", "lm_head.weight"}};
constexpr GgufName kGgufLayer[] = {
    {"attn_norm", "input_layernorm"},       {"attn_q", "self_attn.q_proj"},       {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},         {"attn_qkv", "self_attn.qkv_proj"},   {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},    {"attn_k_norm", "self_attn.k_norm"},  {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},          {"ffn_up", "mlp.up_proj"},            {"ffn_down", "mlp.down_proj"}};

}  // namespace

std::string_view name_of(Part part) {
  switch (part) {
    case Part::language: return "language model";
    case Part::tower: return "vision tower";
    case Part::projector: return "projector";
    case Part::newline: return "image newline";
    case Part::ignored: return "ignored";
  }
  return "";
}

Place place_of(std::string_view name) {
  if (name.starts_with(kAdapterPrefix)) name.remove_prefix(kAdapterPrefix.size());  // also of "non_lora_trainables.bin"
  if (is_ignored(name)) return {Part::ignored, std::string(name)};
  const Prefix* found = nullptr;
  for (const Prefix& prefix : kPrefixes)
    if (name.starts_with(prefix.file) && (!found || prefix.file.size() > found->file.size())) found = &prefix;
  if (!found) return {Part::language, std::string(name)};
  const std::string rest = fmt::format("{}{}", found->kept, name.substr(found->file.size()));
  return {found->part, found->part == Part::projector ? projector_name(rest) : rest};
}

std::string file_name(const Place& place, Layout layout, bool one_layer) {
  const std::string& name = place.name;
  switch (place.part) {
    case Part::language:
      if (layout == Layout::original || (layout == Layout::transformers_memory && name.starts_with("lm_head."))) return name;
      if (layout == Layout::transformers) return "language_model." + name;
      return "model.language_model." + name.substr(std::string_view("model.").size());
    case Part::tower:
      return (layout == Layout::original             ? "model.vision_tower.vision_tower."
              : layout == Layout::transformers_memory ? "model.vision_tower."
                                                      : "vision_tower.") + name;
    case Part::projector:
      if (layout == Layout::original) return "model.mm_projector." + original_projector_name(name, one_layer);
      return (layout == Layout::transformers_memory ? "model.multi_modal_projector." : "multi_modal_projector.") + name;
    default: return layout == Layout::transformers ? name : "model." + name;
  }
}

std::optional<std::string> name_of_gguf(std::string_view name, const LanguageConfig& config) {
  for (const GgufName& entry : kGgufModel)
    if (name == entry.gguf) return std::string(entry.ours);
  constexpr std::string_view kBlock = "blk.";
  if (!name.starts_with(kBlock)) return std::nullopt;
  const size_t number = name.find('.', kBlock.size()), kind = name.rfind('.');
  if (number == std::string_view::npos || kind <= number) return std::nullopt;
  const std::string_view module = name.substr(number + 1, kind - number - 1);
  for (const GgufName& entry : kGgufLayer) {
    if (module != entry.gguf) continue;
    const std::string_view ours = config.fused() && module == "ffn_up" ? "mlp.gate_up_proj" : entry.ours;
    return fmt::format("model.layers.{}.{}{}", name.substr(kBlock.size(), number - kBlock.size()), ours, name.substr(kind));
  }
  return std::nullopt;
}

}  // namespace saucier::layout
