#include "modules/data/readers/described_rows.h"

#include "modules/base/error.h"
#include "modules/base/json.h"
#include "modules/data/readers/mapping.h"
#include "modules/data/readers/row_file.h"
#include "modules/data/readers/table.h"
#include "modules/data/scenes/questions.h"

namespace saucier::data {

namespace {

struct DescribedRow {
  CaptionsAndBoxes context;
  PictureRef picture;
};

class DescribedRows : public DescribedPictures {
 public:
  explicit DescribedRows(std::vector<DescribedRow> rows) : rows_(std::move(rows)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  CaptionsAndBoxes context(std::int64_t index) const override { return rows_.at(static_cast<size_t>(index)).context; }
  PictureRef picture(std::int64_t index) const override { return rows_.at(static_cast<size_t>(index)).picture; }

 private:
  std::vector<DescribedRow> rows_;
};

CaptionsAndBoxes::Instance instance_of(const Json& value, size_t number) {
  const auto wrong = [&] { return BadRow(Reason::kWrongType, fmt::format("instance {} is not {{category, bbox: [x1, y1, x2, y2]}} from 0 to 1", number)); };
  if (!value.is_object() || !value.contains("category") || !value["category"].is_string() || !value.contains("bbox") || !value["bbox"].is_array() || value["bbox"].size() != 4) throw wrong();
  std::vector<double> box;
  for (const Json& side : value["bbox"]) {
    if (!side.is_number() || side.get<double>() < 0 || side.get<double>() > 1) throw wrong();
    box.push_back(side.get<double>());
  }
  if (box[0] >= box[2] || box[1] >= box[3]) throw wrong();
  return {.category = value["category"].get<std::string>(), .box = rounded({.x1 = box[0], .y1 = box[1], .x2 = box[2], .y2 = box[3]})};
}

DescribedRow row_of(const Json& json, std::int64_t line, const options::ColumnOptions& columns, const Pictures& pictures) {
  if (!json.is_object()) throw BadRow(Reason::kNotAnObject, "it is no object");
  DescribedRow row;
  row.context.id = id_of(json, field_names(columns.id, {"id"}), line);
  const FieldNames captions = field_names(columns.caption, {"caption", "captions"});
  row.context.captions = texts_of(need_field(json, captions), captions.front());
  if (const Json* instances = find_field(json, {"instances"})) {
    if (!instances->is_array()) throw BadRow(Reason::kWrongType, "its 'instances' is no list");
    for (const Json& instance : *instances) row.context.instances.push_back(instance_of(instance, row.context.instances.size() + 1));
  }
  if (const Json* notes = find_field(json, {"notes"})) {
    if (!notes->is_object()) throw BadRow(Reason::kWrongType, "its 'notes' is no object of texts");
    for (const auto& [name, text] : notes->items()) row.context.notes.push_back({name, text_of(text, name)});
  }
  std::vector<PictureRef> shown = pictures.of(json, field_names(columns.image, {"image"}));
  if (shown.size() != 1) throw BadRow(Reason::kPictureCount, fmt::format("it has {} pictures, not one", shown.size()));
  row.picture = std::move(shown.front());
  pictures.check(row.picture);
  return row;
}

}  // namespace

std::shared_ptr<const DescribedPictures> described_rows(const options::DataOptions& options) {
  if (is_table(options.path)) throw Error(fmt::format("'{}' is a table, and a teacher reads JSON", options.path), "give a file of JSON lines, or an array");
  const Pictures pictures(options.images, nullptr, options.columns.image_name);
  const auto file = std::make_shared<const RowFile>(options.path);
  std::vector<DescribedRow> rows;
  const std::unique_ptr<RowCutter> cutter = cut_json(file);
  while (const std::optional<Row> row = cutter->next()) {
    const std::string where = fmt::format("'{}', line {}", options.path, row->line);
    const Json json = parse_json(row->text, where);
    try {
      rows.push_back(row_of(json, row->line, options.columns, pictures));
    } catch (const BadRow& error) {
      throw Error(fmt::format("{}: {}", where, error.what()), error.hint());
    }
  }
  return std::make_shared<DescribedRows>(std::move(rows));
}

}  // namespace saucier::data
