// How a tower's pictures are prepared, and how many tokens they become.
#pragma once

#include <filesystem>
#include <string_view>

#include "modules/image/anyres.h"
#include "modules/layout/joined.h"

namespace saucier::layout {

// How pictures are prepared for a tower that does not say.
image::Processor usual_processor(const VisionConfig& config);
// As the preprocessor_config.json of a tower's folder says, or else as usual.
image::Processor read_processor(const std::filesystem::path& folder, const VisionConfig& config);
// How pictures are cut into tiles: as the processor says, or else in LLaVA-NeXT's resolutions for its size.
image::Processor with_grid(const image::Processor& processor);

// Of a picture as the processor prepares it.
std::int64_t patches(const VisionConfig& config, const image::Processor& processor);

// What the projector leaves of so many patches: [N, P, C] → [N, tokens, D].
std::int64_t tokens(const ProjectorConfig& projector, std::int64_t patches);

// What a picture takes that is shown as `aspect` (options::ConversationOptions::image_aspect) says. Error where it cannot
// be shown so.
image::PictureTokens picture_tokens(const VisionConfig& config, const image::Processor& processor, const ProjectorConfig& projector,
                                    bool keep_class, std::string_view aspect);

}  // namespace saucier::layout
