// LLaVA's JSON: an array of {id, image?, kind?, conversations: [{from: human | gpt, value}]}, or one such object a line.
//
// `image` is a path below the picture folder, or "scene:SPLIT:INDEX" for an embedded picture, or a list of them. Other
// keys are ignored.
#pragma once

#include <filesystem>
#include <span>

#include "modules/data/sample.h"

namespace saucier::data {

// An array, one sample a line; a source of format "llava" gives back equal samples. Atomic.
void write_llava_json(const std::filesystem::path& file, std::span<const Sample> samples);

}  // namespace saucier::data
