// LLaVA's JSON: an array of {id, image?, kind?, conversations: [{from: human | gpt, value}]}, or one such object a line.
//
// `image` is a path below the picture folder, or "scene:SPLIT:INDEX" for an embedded picture, or a list of them. Other
// keys are ignored.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "modules/data/sample.h"
#include "modules/data/scenes/scene.h"

namespace saucier::data {

struct LlavaSource {
  std::filesystem::path file;
  std::filesystem::path images;              // folder of the pictures; empty: rows may only name scenes
  std::string name;                          // becomes Sample::source
  std::vector<std::string> kinds;            // only these; empty: all
  std::shared_ptr<const SceneWorld> scenes;  // what "scene:..." means; null: rows may not name scenes
};

// Reads and checks the whole file. Rows of one id get "#2", "#3" added to it. Throws Error for rows that cannot be used:
// the first in its message ("'f.json': sample 'x': ..."), further ones as notes. A bad row is one whose turns do not
// alternate from human to gpt, that has an empty turn, whose count of <image> is not the count of its pictures, or whose
// picture is missing or outside the folder.
std::shared_ptr<const SampleSource> read_llava_json(const LlavaSource& source);

// An array, one sample a line; read_llava_json gives back equal samples. Atomic.
void write_llava_json(const std::filesystem::path& file, std::span<const Sample> samples);

}  // namespace saucier::data
