// COCO's layout: captions.json (images, annotations with caption), instances.json (images, annotations with bbox in
// pixels and category_id, categories) and a folder of pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/scenes/scene_source.h"

namespace saucier::data {

struct CocoPicture {
  struct Instance {
    std::string category;
    double x = 0, y = 0, width = 0, height = 0;  // pixels
  };
  std::int64_t id = 0;
  std::string file;
  std::int64_t width = 0, height = 0;
  std::vector<std::string> captions;
  std::vector<Instance> instances;  // in the file's order
};

// Pictures by ascending id. Throws Error naming the file and the entry that is wrong.
std::vector<CocoPicture> read_coco(const std::filesystem::path& folder);

// The same as a source of captions and boxes (0 to 1, three decimals). `images`: folder of the pictures; empty:
// folder/images. A context's id is the picture's id as text. Every picture must be there.
std::shared_ptr<const DescribedPictures> described_coco(const std::filesystem::path& folder, const std::filesystem::path& images = {});

}  // namespace saucier::data
