#include "modules/data/readers/pictures.h"

#include "modules/base/base64.h"
#include "modules/base/digest.h"

namespace saucier::data {
namespace {

// A picture that stands in its row as a data: URL.
class InlinePicture : public PictureSource {
 public:
  explicit InlinePicture(std::string bytes) : bytes_(std::move(bytes)) {}
  Picture load(const std::string& reference) const override { return image::decode(bytes_, reference); }
  image::Size size(const std::string& reference) const override { return image::read_size(std::string_view(bytes_), reference); }
  std::string identity(const std::string&) const override { return "inline " + sha256(bytes_); }

 private:
  std::string bytes_;
};

PictureRef inline_picture(std::string_view url) {
  constexpr std::string_view kBase64 = ";base64,";
  const size_t comma = url.find(',');
  const bool right = comma != std::string_view::npos && url.substr(0, comma + 1).ends_with(kBase64);
  std::optional<std::string> bytes = right ? from_base64(url.substr(comma + 1)) : std::nullopt;
  if (!bytes) throw BadRow(Reason::kUndecodablePicture, "a picture's data: URL is not base64");
  std::string reference = "inline:" + sha256(*bytes).substr(0, 16);  // by content: two of one content are one picture
  return {.reference = std::move(reference), .source = std::make_shared<InlinePicture>(std::move(*bytes))};
}

}  // namespace

Pictures::Pictures(const std::filesystem::path& images, std::shared_ptr<const SceneWorld> scenes, std::string name)
    : world_(std::move(scenes)), name_(std::move(name)) {
  if (world_) scenes_ = scene_pictures(world_);
  if (!images.empty()) folder_ = std::make_shared<PictureFolder>(images);
  if (!name_.empty()) name_from(name_, "");  // for its error
}

PictureRef Pictures::of(const std::string& said) const {
  if (said.starts_with("data:")) return inline_picture(said);
  const std::string reference = name_.empty() ? said : name_from(name_, said);
  if (reference.starts_with("scene:")) {
    if (!scenes_) throw BadRow(Reason::kMissingPicture, fmt::format("picture '{}' is a scene, and this source knows no scenes", reference));
    return {.reference = reference, .source = scenes_};
  }
  if (reference.find("://") != std::string::npos)
    throw BadRow(Reason::kPictureOutside, fmt::format("picture '{}' is an address, and nothing is fetched", reference), "bring the pictures into a folder and name them by their paths in it");
  if (!folder_) throw BadRow(Reason::kMissingPicture, fmt::format("picture '{}' needs a picture folder", reference), "set 'images' to the folder of the pictures");
  return {.reference = reference, .source = folder_};
}

std::vector<PictureRef> Pictures::of(const Json& row, const FieldNames& fields) const {
  std::vector<PictureRef> pictures;
  if (const Json* field = find_field(row, fields))
    for (const std::string& one : texts_of(*field, fields.front(), !name_.empty())) pictures.push_back(of(one));
  return pictures;
}

void Pictures::check(const PictureRef& picture) const {
  if (folder_ && picture.source == folder_) folder_->check(picture.reference);
  if (!scenes_ || picture.source != scenes_) return;
  try {
    world_->find(picture.reference);
  } catch (const Error& error) {
    throw BadRow(Reason::kMissingPicture, error.what(), error.hint());
  }
}

}  // namespace saucier::data
