#include "modules/base/error.h"
#include "modules/base/paths.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/checkpoint/files.h"

namespace saucier::checkpoint {
namespace {

using layout::Part;

// Where the original code's config says that the tower lies: a path, or a name on a hub, which is no folder here.
fs::path original_tower(const fs::path& folder, const std::string& named, const Shelf& shelf) {
  if (shelf.has(Part::tower)) return folder;
  if (const fs::path found = layout::tower_folder(folder, named); !found.empty()) return found;
  throw Error(fmt::format("'{}' names the vision tower '{}', which is no folder here", folder.string(), named),
              "name its folder with --vision-tower");
}

// The processor makes the tiles, the model counts them: both must mean the same.
void check_grid(model::VisionTower& tower, const layout::LlavaConfig& config) {
  std::vector<image::Size> grid;
  for (const auto& [height, width] : config.grid) grid.push_back({static_cast<int>(height), static_cast<int>(width)});
  image::Processor processor = tower.processor();
  if (!processor.image_grid_pinpoints.empty() && processor.image_grid_pinpoints != grid)
    throw Error("'image_grid_pinpoints' of config.json and of preprocessor_config.json are not the same");
  processor.image_grid_pinpoints = std::move(grid);
  tower.set_processor(std::move(processor));
}

bool has_tokenizer(const fs::path& path) {
  return !fs::is_directory(path) || fs::exists(path / "tokenizer.json") || fs::exists(path / "tokenizer.model");
}

void add_pictures(model::JoinedModel& model, const fs::path& path, const layout::LlavaConfig& config, const Beside& beside) {
  const Shelf shelf(weights::Container::folder(path));
  model.vision_layers = config.vision_layers;
  model.keep_class = config.keep_class;
  const fs::path tower = !beside.tower.empty() ? beside.tower
                         : config.original     ? original_tower(path, config.vision_path, shelf)
                                               : path;
  const fs::path projector = beside.projector.empty() ? path : beside.projector;
  join(model, load_tower(tower), load_projector(projector, beside.projector.empty() ? config.projector : layout::ProjectorConfig{.kind = ""}));
  model.aspect = config.aspect;
  if (config.aspect == "anyres") check_grid(*model.tower, config);
  if (!config.original && model.tokenizer && model.tokenizer->image() >= 0 && model.tokenizer->image() != config.image_token)
    throw Error(fmt::format("'image_token_index' is {}, the tokenizer's '<image>' is {}", config.image_token, model.tokenizer->image()));
}

}  // namespace

model::JoinedModel open_model(const fs::path& path, const Beside& beside) {
  if (!fs::exists(path)) throw Error(fmt::format("there is no model at '{}'", path.string()));
  if (fs::is_directory(path) && !fs::exists(path / paths::kModelConfig) && fs::exists(path / paths::kAdapterConfig))
    throw Error(fmt::format("'{}' is an adapter, not a model", path.string()), "name its base model with --model and this with --adapter");
  model::JoinedModel model{.tower = std::nullopt, .projector = std::nullopt, .language = load_language(path), .tokenizer = nullptr};
  if (has_tokenizer(path)) {
    model.tokenizer = load_tokenizer(path);
    check_vocabulary(*model.tokenizer, model.language, path);
  }
  const Json config = is_gguf(path) ? Json() : read_config(path);
  if (layout::is_llava(config)) {
    add_pictures(model, path, layout::llava_config(config), beside);
  } else if (!beside.tower.empty() || !beside.projector.empty()) {
    if (beside.tower.empty() || beside.projector.empty())
      throw Error("a language model sees pictures with a vision tower and a projector, one of them is named",
                  beside.tower.empty() ? "name the tower with --vision-tower" : "name the projector with --projector");
    join(model, load_tower(beside.tower), load_projector(beside.projector));
  }
  if (!beside.adapter.empty()) load_adapter(beside.adapter, model);
  return model;
}

}  // namespace saucier::checkpoint
