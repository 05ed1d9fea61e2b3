// A data source of files, as a recipe names it.
#pragma once

#include <memory>
#include <string>

#include "modules/data/sample.h"
#include "modules/data/scenes/scene.h"
#include "modules/options/data_options.h"

namespace saucier::data {

// Of the formats "llava", "sharegpt", "openai", "captions", "vqa", "webdataset", "coco", and of "synthesized" with `path`
// set to the artifact's file. `scenes`: what "scene:..." means in rows; null: nothing.
// All rows are checked here (indexed_rows.h). Throws Error.
std::shared_ptr<const SampleSource> open_rows(const std::string& name, const options::DataOptions& options,
                                              std::shared_ptr<const SceneWorld> scenes = nullptr);

}  // namespace saucier::data
