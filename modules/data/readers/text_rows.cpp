#include "modules/data/readers/text_rows.h"

namespace saucier::data {

TextRows::TextRows(std::shared_ptr<const RowFile> file, Layout layout, std::unique_ptr<const RowMapping> mapping, SharedPictures pictures)
    : file_(std::move(file)), layout_(std::move(layout)), mapping_(std::move(mapping)), pictures_(std::move(pictures)) {
  if (is_table(file_->path())) table_.emplace(file_, layout_.table);
  else lines_ = layout_.key.empty() && is_json_lines(*file_);
}

std::unique_ptr<RowCutter> TextRows::cut(size_t) const { return table_ ? table_->cut() : cut_json(file_, layout_.key); }

Json TextRows::row(std::string_view text, std::int64_t line) const {
  if (table_) return table_->row(text);
  Json row;
  try {
    row = parse_json(text, fmt::format("'{}', the sample from line {} on", file_->path().string(), line));
  } catch (const Error&) {
    if (!lines_) throw;
    try {
      parse_json(text, "the line");
    } catch (const Error& error) {
      throw BadRow(Reason::kBrokenRow, error.what(), "give an array of samples, or one sample a line");
    }
  }
  if (!row.is_object()) throw BadRow(Reason::kNotAnObject, fmt::format("expected a sample, '{{', not {}", row.type_name()));
  return row;
}

Sample TextRows::read(const RowPlace& place, std::optional<std::string_view> text) const {
  std::string own;
  if (!text) text = own = file_->read(place.offset, place.length);
  const Json json = row(*text, place.line);
  Sample sample;
  sample.id = id_of(json, layout_.id, place.line);
  try {
    mapping_->read(json, sample);
    check_markers(sample);
  } catch (BadRow& bad) {
    bad.set_id(sample.id);
    throw;
  }
  return sample;
}

}  // namespace saucier::data
