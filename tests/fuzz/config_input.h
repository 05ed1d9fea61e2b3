// A model's config.json out of any bytes, and all that is made of it before a tensor is read.
#pragma once

#include "modules/base/error.h"
#include "modules/layout/joined.h"
#include "modules/layout/pictures.h"

namespace saucier::fuzz {

inline void look_at_tower(const layout::VisionConfig& config) {
  layout::vision_config(layout::to_json(config));
  layout::parameters(layout::vision_shapes(config));
  layout::patches(config, layout::usual_processor(config));
}

inline void look_at_language(const layout::LanguageConfig& config) {
  layout::language_config(layout::to_json(config));
  layout::parameters(layout::language_shapes(config));
}

// Whether the bytes are a model's config; else they end in an Error.
inline bool read_config(std::string_view bytes) {
  try {
    const Json config = parse_json(bytes, "'config.json'");
    if (layout::is_llava(config)) {
      const layout::LlavaConfig llava = layout::llava_config(config);
      layout::llava_config(layout::to_json(llava));
      look_at_language(llava.language);
      if (llava.vision) look_at_tower(*llava.vision);
      layout::parameters(layout::projector_shapes(llava.projector, llava.vision ? llava.vision->hidden_size : 1024, llava.language.hidden_size));
    } else if (config.is_object() && (config.contains("vision_config") || config.contains("patch_size"))) {
      look_at_tower(layout::vision_config(config));
    } else {
      look_at_language(layout::language_config(config));
    }
    return true;
  } catch (const Error& error) {
    static_cast<void>(error.render());
    return false;
  }
}

}  // namespace saucier::fuzz
