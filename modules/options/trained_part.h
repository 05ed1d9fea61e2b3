// What an entry of `trains` names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace saucier::options {

struct TrainedPart {
  enum class Of { projector, language_model, vision_tower };
  enum class Which { all, lora, norms, embeddings, layers, last };
  Of of = Of::projector;
  Which which = Which::all;
  std::int64_t first = 0, last = 0;  // layers: both included, counted from 0
  std::int64_t count = 0;            // last: so many

  bool by_layers() const { return which == Which::layers || which == Which::last; }
};

// 'projector', 'vision_tower', 'vision_tower.last.2', 'vision_tower.lora', 'language_model' and of it '.lora', '.norms',
// '.embeddings', '.layers.24-31', '.layers.3', '.last.8'. Nothing for another word.
std::optional<TrainedPart> trained_part(std::string_view word);

// Its first name: 'projector', 'language_model', 'vision_tower'.
std::string_view name_of(TrainedPart::Of of);

}  // namespace saucier::options
