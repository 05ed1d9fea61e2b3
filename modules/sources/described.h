// What a synthesize stage reads and asks, without asking it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "modules/data/scenes/scene_source.h"
#include "modules/options/job.h"
#include "modules/teach/synthesis.h"

namespace saucier::sources {

// The pictures of job.synthesize->source with their captions and boxes. Throws Error naming the source.
std::shared_ptr<const data::DescribedPictures> described(const options::Job& job);

// Of random choices of a synthesize stage.
std::uint64_t synthesize_seed(const options::Job& job);

// The stage's samples as its teacher in words is asked for them. `shown`: folder where pictures are put for a teacher with
// sight.
teach::Synthesis open_synthesis(const options::Job& job, const std::filesystem::path& shown);

}  // namespace saucier::sources
