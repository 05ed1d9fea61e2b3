// How files call a model's tensors, and how its parts do.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "modules/layout/language.h"

namespace saucier::layout {

enum class Part { language, tower, projector, newline, ignored };
std::string_view name_of(Part part);

struct Place {
  Part part = Part::language;
  std::string name;  // as the part has it when it stands alone; the projector's as "linear_1.weight"
};

// Where a tensor of a file belongs: of a language model, a tower, CLIP or SigLIP as a whole, LLaVA in transformers' layouts
// (on disk, and in memory since 4.52) and in the original one, or a projector alone. `ignored`: of a text tower, a buffer,
// or a pooling head. A name that no layout has stays as it is, with the language model.
Place place_of(std::string_view name);

// What PEFT puts before every name in an adapter, and place_of leaves out.
inline constexpr std::string_view kAdapterPrefix = "base_model.model.";

// What stands before a part's names in a file.
enum class Layout { transformers, transformers_memory, original };
// `one_layer`: of a projector, which the original code then names without a number.
std::string file_name(const Place& place, Layout layout, bool one_layer = false);

// GGUF: "blk.0.attn_q.weight" → "model.layers.0.self_attn.q_proj.weight"; nothing for what is not the model's.
std::optional<std::string> name_of_gguf(std::string_view name, const LanguageConfig& config);

}  // namespace saucier::layout
