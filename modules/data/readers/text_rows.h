// Rows of one text file, JSON or a table, understood by a mapping.
#pragma once

#include "modules/data/readers/indexed_rows.h"
#include "modules/data/readers/mapping.h"
#include "modules/data/readers/table.h"

namespace saucier::data {

class TextRows : public RowFormat {
 public:
  struct Layout {
    std::string key;                 // of the array in the file's object; empty: the file is an array, or lines
    std::vector<std::string> table;  // columns that a table must have
    FieldNames id;
  };
  TextRows(std::shared_ptr<const RowFile> file, Layout layout, std::unique_ptr<const RowMapping> mapping, SharedPictures pictures);

  size_t files() const override { return 1; }
  const std::filesystem::path& path(size_t) const override { return file_->path(); }
  std::unique_ptr<RowCutter> cut(size_t file) const override;
  Sample read(const RowPlace& place, std::optional<std::string_view> text) const override;
  void check(const PictureRef& picture) const override { pictures_->check(picture); }

 private:
  Json row(std::string_view text, std::int64_t line) const;

  std::shared_ptr<const RowFile> file_;
  Layout layout_;
  std::unique_ptr<const RowMapping> mapping_;
  SharedPictures pictures_;
  std::optional<Table> table_;
  bool lines_ = false;  // a broken row ends with its line; in an array nobody knows where it ends
};

}  // namespace saucier::data
