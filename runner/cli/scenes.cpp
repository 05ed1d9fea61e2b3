#include "modules/data/scenes/scene.h"

#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"

namespace saucier::cli {

int scenes(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("split", po::value<std::string>()->value_name("NAME")->default_value("train"), "train, validation or test")(
      "first", po::value<std::int64_t>()->value_name("N")->default_value(0), "index of the first scene")(
      "count", po::value<std::int64_t>()->value_name("N")->default_value(100), "number of scenes")(
      "image-size", po::value<std::int64_t>()->value_name("PIXELS")->default_value(80), "side of the pictures");
  const po::variables_map values = parse("scenes", arguments, options, {{"folder", 1}});
  const auto folders = strings(values, "folder");
  if (folders.empty()) throw Error("'saucier scenes' needs a folder to write to", command("scenes").example);
  options::SceneOptions scenes;
  scenes.split = values["split"].as<std::string>();
  scenes.first = values["first"].as<std::int64_t>();
  scenes.count = values["count"].as<std::int64_t>();
  scenes.image_size = values["image-size"].as<std::int64_t>();
  if (scenes.split != "train" && scenes.split != "validation" && scenes.split != "test")
    throw Error(fmt::format("unknown split '{}'", scenes.split), "train, validation or test");
  if (scenes.first < 0 || scenes.count < 1 || scenes.image_size < 32 || scenes.image_size > 1024)
    throw Error(fmt::format("scenes {} + {} of {} pixels cannot be drawn", scenes.first, scenes.count, scenes.image_size),
                "first from 0, count from 1, image-size from 32 to 1024");
  data::export_coco(*data::SceneWorld::make(scenes), folders.front());
  std::puts(fmt::format("{} pictures, captions.json and instances.json in {}", scenes.count, folders.front()).c_str());
  return kDone;
}

}  // namespace saucier::cli
