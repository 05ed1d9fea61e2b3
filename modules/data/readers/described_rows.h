// Rows of captions as what a teacher gets of pictures: captions, boxes, notes.
//
// A source of format "captions" in JSON. Beside picture, id and captions (by data.NAME.columns, as for training) a row may
// have `instances`, a list of {"category": …, "bbox": [x1, y1, x2, y2]} from 0 to 1, as LLaVA's evaluation files have them,
// and `notes`, an object of texts: {"ocr": "EXIT", "relations": "a man rides a horse"}.
#pragma once

#include <memory>

#include "modules/data/scenes/scene_source.h"
#include "modules/options/data_options.h"

namespace saucier::data {

// All rows are read and checked here, pictures too. Throws Error naming file and line of the first that cannot be used.
std::shared_ptr<const DescribedPictures> described_rows(const options::DataOptions& options);

}  // namespace saucier::data
