// What a row's picture references mean: files of the picture folder, embedded scenes, or the bytes themselves.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "modules/data/readers/fields.h"
#include "modules/data/readers/picture_folder.h"
#include "modules/data/scenes/scene.h"

namespace saucier::data {

class Pictures {
 public:
  // `images`: empty where the source has no folder. `scenes`: what "scene:..." means; null: rows may not name scenes.
  // `name`: a pattern that makes file names of references, or empty.
  Pictures(const std::filesystem::path& images, std::shared_ptr<const SceneWorld> scenes, std::string name);

  // Throws BadRow for what can be no picture; whether a file is there is check()'s question.
  PictureRef of(const std::string& reference) const;
  // Of the row's field; none where it lacks it.
  std::vector<PictureRef> of(const Json& row, const FieldNames& fields) const;
  void check(const PictureRef& picture) const;

 private:
  std::shared_ptr<const SceneWorld> world_;
  std::shared_ptr<const PictureSource> scenes_;
  std::shared_ptr<const PictureFolder> folder_;
  std::string name_;
};

}  // namespace saucier::data
