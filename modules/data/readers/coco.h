// COCO's layout: captions.json (images, annotations with caption), instances.json (annotations with bbox in pixels and
// category_id, categories) and a folder of pictures. Both files stay where they are: 48 bytes of each picture and 24 of each
// annotation are kept in memory, beside what a source of rows keeps (indexed_rows.h).
#pragma once

#include <memory>
#include <string>

#include "modules/data/readers/indexed_rows.h"
#include "modules/data/scenes/scene_source.h"

namespace saucier::data {

// A row is a picture of captions.json, its id the sample's; they come by ascending id. Annotations that cannot be used are added to `count`, as rows:
// those of a picture that the file does not list, or without text. The pictures lie in options.images, else in
// options.path/images. Throws Error.
std::unique_ptr<const RowFormat> open_coco(const options::DataOptions& options, RowCount& count);

// The same pictures with all their captions and their boxes (0 to 1, three decimals), each in the order of its file.
// Throws Error as index_rows() does, boxes that cannot be used among its rows.
std::shared_ptr<const DescribedPictures> described_coco(const std::string& name, const options::DataOptions& options);

}  // namespace saucier::data
