#include <cmath>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/data/scenes/scene.h"

namespace saucier::data {

void export_coco(const SceneWorld& world, const std::string& folder) {
  const auto& options = world.options();
  const std::int64_t side = options.image_size;
  const fs::path root(folder);
  make_folders(root / "images");

  Json captions = {{"images", Json::array()}, {"annotations", Json::array()}};
  Json instances = {{"images", Json::array()}, {"annotations", Json::array()}, {"categories", Json::array()}};
  for (size_t i = 0; i < world.kinds().size(); ++i) {
    const Kind& kind = world.kinds()[i];
    instances["categories"].push_back({{"id", i + 1}, {"name", kind.name}, {"supercategory", kind.group}});
  }
  for (std::int64_t i = 0; i < options.count; ++i) {
    const Scene scene = world.scene(options.split, options.first + i);
    const std::string file = fmt::format("{}-{:06}.png", scene.split, scene.index);
    image::write_png(root / "images" / file, world.render(scene));
    const Json image = {{"id", scene.index}, {"file_name", file}, {"width", side}, {"height", side}};
    captions["images"].push_back(image);
    instances["images"].push_back(image);
    for (const std::string& caption : world.captions(scene))
      captions["annotations"].push_back({{"id", captions["annotations"].size() + 1}, {"image_id", scene.index}, {"caption", caption}});
    for (const Object& object : scene.objects) {
      const auto pixel = [&](double v) { return std::lround(v * static_cast<double>(side)); };
      const long x = pixel(object.box.x1), y = pixel(object.box.y1), w = pixel(object.box.x2) - x, h = pixel(object.box.y2) - y;
      instances["annotations"].push_back({{"id", instances["annotations"].size() + 1}, {"image_id", scene.index},
                                          {"category_id", object.kind + 1}, {"bbox", {x, y, w, h}}, {"area", w * h}, {"iscrowd", 0}});
    }
  }
  write_file_atomic(root / "captions.json", captions.dump() + "\n");
  write_file_atomic(root / "instances.json", instances.dump() + "\n");
}

}  // namespace saucier::data
