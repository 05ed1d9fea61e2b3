#include "modules/layout/pictures.h"

#include <cmath>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"

namespace saucier::layout {

image::Processor usual_processor(const VisionConfig& config) {
  const auto side = static_cast<int>(config.image_size);
  if (config.model_type == "clip_vision_model") return image::Processor::clip(side);
  const Json square = {{"height", side}, {"width", side}};
  if (!config.dino()) return image::Processor::read({{"image_processor_type", "SiglipImageProcessor"}, {"size", square}});
  return image::Processor::read({{"image_processor_type", "BitImageProcessor"},
                                 {"size", {{"shortest_edge", side}}},
                                 {"crop_size", square},
                                 {"image_mean", {0.485, 0.456, 0.406}},  // of ImageNet, which DINOv2 was trained with
                                 {"image_std", {0.229, 0.224, 0.225}}});
}

image::Processor read_processor(const std::filesystem::path& folder, const VisionConfig& config) {
  const std::filesystem::path file = folder / paths::kPreprocessorConfig;
  if (!std::filesystem::exists(file)) return usual_processor(config);
  return with_context(fmt::format("in '{}'", file.string()),
                      [&] { return image::Processor::read(parse_json(read_file(file), "'" + file.string() + "'")); });
}

image::Processor with_grid(const image::Processor& processor) {
  image::Processor out = processor;
  if (out.image_grid_pinpoints.empty())
    for (const auto& [height, width] : usual_grid(processor.height()))
      out.image_grid_pinpoints.push_back({static_cast<int>(height), static_cast<int>(width)});
  return out;
}

std::int64_t patches(const VisionConfig& config, const image::Processor& processor) {
  const std::int64_t side = processor.height() / config.patch_size;
  return side * side;
}

std::int64_t tokens(const ProjectorConfig& projector, std::int64_t patches) {
  return projector.kind == "resampler" ? projector.latents : patches;
}

image::PictureTokens picture_tokens(const VisionConfig& config, const image::Processor& processor, const ProjectorConfig& projector,
                                    bool keep_class, std::string_view aspect) {
  const bool with_class = keep_class && config.class_token();
  const std::int64_t grid = patches(config, processor);
  if (aspect != "anyres") return {.each = tokens(projector, grid + (with_class ? 1 : 0))};
  if (projector.kind == "resampler")
    throw Error("tiles of any resolution need a projector that leaves each patch its place, the resampler does not",
                "use image_aspect = \"square\" or \"pad\", or another projector");
  if (with_class)
    throw Error("tiles of any resolution are a grid of patches, in which the class token has no place", "use vision_tower.features = \"patch\"");
  const image::Processor tiled = with_grid(processor);
  return {.each = 0, .pinpoints = tiled.image_grid_pinpoints, .side = tiled.height(),
          .side_patches = static_cast<int>(std::lround(std::sqrt(static_cast<double>(grid))))};
}

}  // namespace saucier::layout
