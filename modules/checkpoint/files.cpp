#include "modules/checkpoint/files.h"

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"

namespace saucier::checkpoint {

Json read_json(const fs::path& file) { return parse_json(read_file(file), "'" + file.string() + "'"); }

void write_json(const fs::path& file, const Json& value) { write_file_atomic(file, value.dump(2) + "\n"); }

Json read_config(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(fmt::format("no such folder: '{}'", folder.string()));
  return read_json(folder / paths::kModelConfig);
}

bool is_gguf(const fs::path& path) { return begins_with(path, paths::kGgufMagic); }

void check_vocabulary(const text::Tokenizer& tokenizer, const model::LanguageModel& language, const fs::path& path) {
  if (tokenizer.vocab_size() > language.config().vocab_size)
    throw Error(fmt::format("the tokenizer of '{}' has {} tokens, its language model {}", path.string(), tokenizer.vocab_size(),
                            language.config().vocab_size));
}

void join(model::JoinedModel& model, model::VisionTower tower, model::Projector projector) {
  const std::int64_t width = tower.config().hidden_size * static_cast<std::int64_t>(model.vision_layers.size());
  if (layout::projector_layers(projector.config().kind) > 0) {
    const at::Tensor& first = projector.parameters().at("linear_1.weight");
    if (first.size(1) != width || first.size(0) != model.language.config().hidden_size)
      throw Error(fmt::format("the projector leads from width {} to {}, the vision tower has {} and the language model {}",
                              first.size(1), first.size(0), width, model.language.config().hidden_size));
  } else if (width != model.language.config().hidden_size) {
    throw Error(fmt::format("an 'identity' projector needs equal widths, the vision tower has {} and the language model {}",
                            width, model.language.config().hidden_size));
  }
  model.tower = std::move(tower);
  model.projector = std::move(projector);
}

Shelf::Shelf(weights::Container container) : container_(std::move(container)) {
  for (const auto& [name, tensor] : container_.tensors()) {
    const layout::Place place = layout::place_of(name);
    if (place.part == layout::Part::ignored) continue;
    if (!parts_[place.part].emplace(place.name, &tensor).second)
      throw Error(fmt::format("the {}'s tensor '{}' is there twice, once as '{}'", layout::name_of(place.part), place.name, name));
  }
}

Tensors Shelf::take(layout::Part part) const {
  Tensors out;
  const auto found = parts_.find(part);
  if (found == parts_.end()) return out;
  for (const auto& [name, tensor] : found->second) out.emplace(name, to_torch(*tensor, container_.memory()));
  return out;
}

}  // namespace saucier::checkpoint
