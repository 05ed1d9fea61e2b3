#include "modules/data/readers/coco.h"

#include <map>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/data/readers/picture_folder.h"
#include "modules/data/scenes/questions.h"

namespace saucier::data {

namespace {

namespace fs = std::filesystem;

// One of the two files, with errors that say where.
class CocoFile {
 public:
  explicit CocoFile(const fs::path& path) : name_(path.string()), json_(parse_json(read_file(path), fmt::format("'{}'", name_))) {
    if (!json_.is_object()) throw Error(fmt::format("'{}' is not a JSON object", name_), "give a file in COCO's layout");
  }

  // Calls `each` with every entry of an array.
  template <class Each>
  void entries(const char* array, Each&& each) const {
    const auto list = json_.find(array);
    if (list == json_.end() || !list->is_array()) throw Error(fmt::format("'{}' has no array '{}'", name_, array), "give a file in COCO's layout");
    for (size_t i = 0; i < list->size(); ++i) {
      try {
        each((*list)[i]);
      } catch (const Json::exception&) {
        throw Error(fmt::format("'{}': entry {} of '{}' lacks a field or has one of another type", name_, i, array));
      } catch (Error& error) {
        throw Error(fmt::format("'{}': entry {} of '{}': {}", name_, i, array, error.what()), error.hint());
      }
    }
  }

 private:
  std::string name_;
  Json json_;
};

CocoPicture& picture_of(std::map<std::int64_t, CocoPicture>& pictures, std::int64_t id) {
  const auto found = pictures.find(id);
  if (found == pictures.end()) throw Error(fmt::format("there is no picture '{}'", id));
  return found->second;
}

void read_images(const CocoFile& file, std::map<std::int64_t, CocoPicture>& pictures) {
  file.entries("images", [&](const Json& entry) {
    CocoPicture picture;
    picture.id = entry.at("id").get<std::int64_t>();
    picture.file = entry.at("file_name").get<std::string>();
    picture.width = entry.at("width").get<std::int64_t>();
    picture.height = entry.at("height").get<std::int64_t>();
    if (picture.width <= 0 || picture.height <= 0) throw Error(fmt::format("picture '{}' has no size", picture.id));
    pictures.emplace(picture.id, std::move(picture));  // both files list the pictures
  });
}

class DescribedCoco : public DescribedPictures {
 public:
  DescribedCoco(std::vector<CocoPicture> pictures, std::shared_ptr<const PictureFolder> folder)
      : pictures_(std::move(pictures)), folder_(std::move(folder)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(pictures_.size()); }
  CaptionsAndBoxes context(std::int64_t index) const override {
    const CocoPicture& picture = at(index);
    CaptionsAndBoxes context{.id = std::to_string(picture.id), .captions = picture.captions, .instances = {}};
    const auto w = static_cast<double>(picture.width), h = static_cast<double>(picture.height);
    for (const auto& i : picture.instances)
      context.instances.push_back({.category = i.category, .box = rounded({.x1 = i.x / w, .y1 = i.y / h, .x2 = (i.x + i.width) / w, .y2 = (i.y + i.height) / h})});
    return context;
  }
  PictureRef picture(std::int64_t index) const override { return {.reference = at(index).file, .source = folder_}; }

 private:
  const CocoPicture& at(std::int64_t index) const {
    SAUCIER_CHECK(index >= 0 && index < size(), "picture {} of {}", index, size());
    return pictures_[static_cast<size_t>(index)];
  }
  std::vector<CocoPicture> pictures_;
  std::shared_ptr<const PictureFolder> folder_;
};

}  // namespace

std::vector<CocoPicture> read_coco(const fs::path& folder) {
  const CocoFile captions(folder / "captions.json"), instances(folder / "instances.json");
  std::map<std::int64_t, CocoPicture> pictures;
  read_images(captions, pictures);
  read_images(instances, pictures);
  captions.entries("annotations", [&](const Json& entry) {
    picture_of(pictures, entry.at("image_id").get<std::int64_t>()).captions.push_back(entry.at("caption").get<std::string>());
  });
  std::map<std::int64_t, std::string> categories;
  instances.entries("categories", [&](const Json& entry) { categories[entry.at("id").get<std::int64_t>()] = entry.at("name").get<std::string>(); });
  instances.entries("annotations", [&](const Json& entry) {
    const auto category = categories.find(entry.at("category_id").get<std::int64_t>());
    if (category == categories.end()) throw Error(fmt::format("there is no category '{}'", entry.at("category_id").get<std::int64_t>()));
    const auto box = entry.at("bbox").get<std::vector<double>>();
    if (box.size() != 4 || box[2] <= 0 || box[3] <= 0) throw Error("its bbox is not [x, y, width, height]");
    picture_of(pictures, entry.at("image_id").get<std::int64_t>())
        .instances.push_back({.category = category->second, .x = box[0], .y = box[1], .width = box[2], .height = box[3]});
  });
  std::vector<CocoPicture> list;
  for (auto& [id, picture] : pictures) list.push_back(std::move(picture));
  return list;
}

std::shared_ptr<const DescribedPictures> described_coco(const fs::path& folder, const fs::path& images) {
  auto pictures = read_coco(folder);
  const auto source = std::make_shared<const PictureFolder>(images.empty() ? folder / "images" : images);
  for (const CocoPicture& picture : pictures)
    with_context(fmt::format("in '{}'", (folder / "captions.json").string()), [&] { source->check(picture.file); });
  return std::make_shared<DescribedCoco>(std::move(pictures), source);
}

}  // namespace saucier::data
