#include "modules/data/readers/coco.h"

#include <algorithm>
#include <map>

#include "modules/data/readers/mapping.h"
#include "modules/data/scenes/questions.h"

namespace saucier::data {
namespace {

namespace fs = std::filesystem;
using SharedFile = std::shared_ptr<const RowFile>;

std::int64_t whole(const Json& entry, const char* name) {
  const Json& field = need_field(entry, {name});
  if (!field.is_number_integer()) throw BadRow(Reason::kWrongType, fmt::format("its '{}' is no whole number", name));
  return field.get<std::int64_t>();
}

// An entry of an array; `at`: its place, which finds it in a file of one line.
Json entry_of(const RowFile& file, std::string_view text, std::uint64_t at) {
  Json entry = parse_json(text, fmt::format("'{}', the entry at byte {}", file.path().string(), at));
  if (entry.is_object()) return entry;
  BadRow bad(Reason::kNotAnObject, fmt::format("expected an entry, '{{', not {}", entry.type_name()));
  bad.set_id(fmt::format("byte {}", at));
  throw bad;
}

struct Annotation {
  std::int64_t picture = 0;
  std::uint64_t offset = 0, length = 0;  // in its file
};

// The annotations of a file by their pictures.
class Annotations {
 public:
  Annotations() = default;
  // `check` throws BadRow for an entry that cannot be used; it has an 'image_id'.
  template <class Check>
  Annotations(SharedFile file, RowCount& count, Check check) : file_(std::move(file)) {
    entries(file_, "annotations", count, [&](const Json& entry, const Row& row) {
      const std::int64_t picture = whole(entry, "image_id");
      try {
        check(picture, entry);
      } catch (BadRow& bad) {
        bad.set_id(std::to_string(picture));
        throw;
      }
      all_.push_back({picture, row.offset, row.length});
      count.row();
    });
    all_.shrink_to_fit();
    std::stable_sort(all_.begin(), all_.end(), [](const Annotation& a, const Annotation& b) { return a.picture < b.picture; });
  }

  // Calls `each` with every entry of an array; counts those alone for which it throws BadRow.
  template <class Each>
  static void entries(const SharedFile& file, const char* array, RowCount& count, Each each) {
    const std::unique_ptr<RowCutter> rows = cut_json(file, array);
    while (const std::optional<Row> row = rows->next()) {
      try {
        each(entry_of(*file, row->text, row->offset), *row);
      } catch (BadRow& bad) {
        if (bad.id().empty()) bad.set_id(fmt::format("byte {}", row->offset));
        count.row();
        count.leave_out(bad, file->path().string(), row->line);
      }
    }
  }

  std::vector<Json> of(std::int64_t picture) const {
    std::vector<Json> found;
    auto at = std::lower_bound(all_.begin(), all_.end(), picture, [](const Annotation& a, std::int64_t id) { return a.picture < id; });
    for (; at != all_.end() && at->picture == picture; ++at) found.push_back(entry_of(*file_, file_->read(at->offset, at->length), at->offset));
    return found;
  }

 private:
  SharedFile file_;
  std::vector<Annotation> all_;
};

std::string caption_of(const Json& entry) {
  std::string caption = text_of(need_field(entry, {"caption"}), "caption");
  if (is_blank(caption)) throw BadRow(Reason::kEmptyTurn, "a caption is empty");
  return caption;
}

struct PicturePlace {
  std::int64_t id = 0;
  std::uint64_t offset = 0, length = 0;  // in its file
  std::int64_t line = 0;
  double width = 0, height = 0;
};

// Pictures in the order of their ids.
class PictureCutter : public RowCutter {
 public:
  PictureCutter(SharedFile file, const std::vector<PicturePlace>& pictures) : file_(std::move(file)), pictures_(pictures) {}
  std::optional<Row> next() override {
    if (next_ == pictures_.size()) return std::nullopt;
    const PicturePlace& picture = pictures_[next_++];
    text_ = file_->read(picture.offset, picture.length);
    return Row{.text = text_, .offset = picture.offset, .length = picture.length, .line = picture.line};
  }

 private:
  SharedFile file_;
  const std::vector<PicturePlace>& pictures_;
  size_t next_ = 0;
  std::string text_;
};

struct Pixels {
  double x = 0, y = 0, width = 0, height = 0;
};

Pixels box_of(const Json& entry) {
  const Json& field = need_field(entry, {"bbox"});
  const bool right = field.is_array() && field.size() == 4 && std::all_of(field.begin(), field.end(), [](const Json& one) { return one.is_number(); });
  if (!right || field[2].get<double>() <= 0 || field[3].get<double>() <= 0) throw BadRow(Reason::kBadBox, "its 'bbox' is not [x, y, width, height] with an area");
  return {field[0].get<double>(), field[1].get<double>(), field[2].get<double>(), field[3].get<double>()};
}

// Both files, and what of them lies where. Thread-safe.
class Coco {
 public:
  Coco(const options::DataOptions& options, bool with_boxes, RowCount& count)
      : file_(std::make_shared<const RowFile>(fs::path(options.path) / "captions.json")),
        folder_(std::make_shared<const PictureFolder>(options.images.empty() ? fs::path(options.path) / "images" : fs::path(options.images))) {
    list_pictures(count);
    captions_ = Annotations(file_, count, [&](std::int64_t picture, const Json& entry) {
      picture_of(picture);
      caption_of(entry);
    });
    if (!with_boxes) return;
    const auto instances = std::make_shared<const RowFile>(fs::path(options.path) / "instances.json");
    Annotations::entries(instances, "categories", count, [&](const Json& entry, const Row&) { categories_[whole(entry, "id")] = text_of(need_field(entry, {"name"}), "name"); });
    boxes_ = Annotations(instances, count, [&](std::int64_t picture, const Json& entry) {
      picture_of(picture);
      category_of(entry);
      box_of(entry);
    });
  }

  const SharedFile& file() const { return file_; }
  std::unique_ptr<RowCutter> cut() const { return std::make_unique<PictureCutter>(file_, pictures_); }
  const PictureFolder& folder() const { return *folder_; }

  // Throws BadRow.
  Sample sample(std::string_view text, std::uint64_t at) const {
    const Json entry = entry_of(*file_, text, at);
    Sample sample{.id = fmt::format("byte {}", at), .source = {}, .kind = "caption", .system = {}, .turns = {}, .pictures = {}};
    try {
      const std::int64_t id = whole(entry, "id");
      sample.id = std::to_string(id);
      if (picture_of(id).offset != at) throw BadRow(Reason::kRepeatedId, "an earlier picture has its id");
      if (whole(entry, "width") <= 0 || whole(entry, "height") <= 0) throw BadRow(Reason::kWrongType, "its 'width' and 'height' are no size");
      sample.pictures.push_back({.reference = text_of(need_field(entry, {"file_name"}), "file_name"), .source = folder_});
      const std::vector<std::string> captions = captions_of(id);
      if (captions.empty()) throw BadRow(Reason::kNoCaption, "it has no caption");
      sample.turns = caption_turns(sample.id, captions);
      check_markers(sample);
    } catch (BadRow& bad) {
      bad.set_id(sample.id);
      throw;
    }
    return sample;
  }

  CaptionsAndBoxes context(std::int64_t id) const {
    const PicturePlace& picture = picture_of(id);
    CaptionsAndBoxes context{.id = std::to_string(id), .captions = captions_of(id), .instances = {}};
    for (const Json& entry : boxes_.of(id)) {
      const Pixels box = box_of(entry);
      context.instances.push_back({.category = category_of(entry), .box = rounded({.x1 = box.x / picture.width, .y1 = box.y / picture.height, .x2 = (box.x + box.width) / picture.width, .y2 = (box.y + box.height) / picture.height})});
    }
    return context;
  }

 private:
  // Those that have an id; what else is wrong with them is counted when they are read.
  void list_pictures(RowCount& count) {
    Annotations::entries(file_, "images", count, [&](const Json& entry, const Row& row) {
      const auto side = [&](const char* name) { return entry.contains(name) && entry[name].is_number() ? entry[name].get<double>() : 0; };
      pictures_.push_back({whole(entry, "id"), row.offset, row.length, row.line, side("width"), side("height")});
    });
    pictures_.shrink_to_fit();
    std::stable_sort(pictures_.begin(), pictures_.end(), [](const PicturePlace& a, const PicturePlace& b) { return a.id < b.id; });
  }

  // The first of an id. Throws BadRow.
  const PicturePlace& picture_of(std::int64_t id) const {
    const auto at = std::lower_bound(pictures_.begin(), pictures_.end(), id, [](const PicturePlace& a, std::int64_t wanted) { return a.id < wanted; });
    if (at == pictures_.end() || at->id != id) throw BadRow(Reason::kUnknownPicture, fmt::format("there is no picture '{}' in '{}'", id, file_->path().string()));
    return *at;
  }

  const std::string& category_of(const Json& entry) const {
    const std::int64_t id = whole(entry, "category_id");
    const auto found = categories_.find(id);
    if (found == categories_.end()) throw BadRow(Reason::kUnknownCategory, fmt::format("there is no category '{}'", id));
    return found->second;
  }

  std::vector<std::string> captions_of(std::int64_t id) const {
    std::vector<std::string> captions;
    for (const Json& entry : captions_.of(id)) captions.push_back(caption_of(entry));
    return captions;
  }

  SharedFile file_;
  std::shared_ptr<const PictureFolder> folder_;
  std::vector<PicturePlace> pictures_;  // by id
  Annotations captions_, boxes_;
  std::map<std::int64_t, std::string> categories_;
};

class CocoRows : public RowFormat {
 public:
  explicit CocoRows(std::shared_ptr<const Coco> coco) : coco_(std::move(coco)) {}
  size_t files() const override { return 1; }
  const fs::path& path(size_t) const override { return coco_->file()->path(); }
  std::unique_ptr<RowCutter> cut(size_t) const override { return coco_->cut(); }
  Sample read(const RowPlace& place, std::optional<std::string_view> text) const override {
    return text ? coco_->sample(*text, place.offset) : coco_->sample(coco_->file()->read(place.offset, place.length), place.offset);
  }
  void check(const PictureRef& picture) const override { coco_->folder().check(picture.reference); }

 private:
  std::shared_ptr<const Coco> coco_;
};

class DescribedCoco : public DescribedPictures {
 public:
  DescribedCoco(std::shared_ptr<const Coco> coco, std::shared_ptr<const SampleSource> samples) : coco_(std::move(coco)), samples_(std::move(samples)) {}
  std::int64_t size() const override { return samples_->size(); }
  CaptionsAndBoxes context(std::int64_t index) const override { return coco_->context(std::stoll(samples_->get(index).id)); }
  PictureRef picture(std::int64_t index) const override { return samples_->get(index).pictures.front(); }

 private:
  std::shared_ptr<const Coco> coco_;
  std::shared_ptr<const SampleSource> samples_;
};

}  // namespace

std::unique_ptr<const RowFormat> open_coco(const options::DataOptions& options, RowCount& count) {
  return std::make_unique<CocoRows>(std::make_shared<const Coco>(options, false, count));
}

std::shared_ptr<const DescribedPictures> described_coco(const std::string& name, const options::DataOptions& options) {
  RowCount count;
  const auto coco = std::make_shared<const Coco>(options, true, count);
  return std::make_shared<DescribedCoco>(coco, index_rows(std::make_unique<CocoRows>(coco), name, options, std::move(count)));
}

}  // namespace saucier::data
