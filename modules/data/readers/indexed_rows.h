// A source over rows that stay in their files: one pass checks them all and keeps an index, get() reads its row again.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/readers/row_count.h"
#include "modules/data/readers/row_file.h"
#include "modules/data/sample.h"

namespace saucier::data {

struct RowPlace {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::uint32_t line = 0;
  std::uint32_t file = 0;
  std::uint32_t repeat = 0;  // earlier rows with its id
};
static_assert(sizeof(RowPlace) == 24);  // what a row costs in memory

// How the files of one format are cut into rows and a row is understood. Thread-safe.
class RowFormat {
 public:
  virtual ~RowFormat() = default;
  virtual size_t files() const = 0;
  virtual const std::filesystem::path& path(size_t file) const = 0;
  virtual std::unique_ptr<RowCutter> cut(size_t file) const = 0;
  // `text`: the row's, where it has been read already. Throws BadRow; pictures are not looked for.
  virtual Sample read(const RowPlace& place, std::optional<std::string_view> text) const = 0;
  // Throws BadRow where the picture is not there or outside its folder.
  virtual void check(const PictureRef&) const {}
};

// What options say of a source of rows: name, kinds, mode, tolerate, check_pictures, duplicates.
//
// Rows of one id get "#2", "#3" added to it. strict: throws Error for rows that cannot be used, the first in its message
// ("'f.json', line 3: sample 'x': ..."), further ones as notes. lenient: leaves them out, Error when for one reason more
// are left out than tolerated. `before`: what the format has counted of files that its rows refer to.
std::shared_ptr<const SampleSource> index_rows(std::unique_ptr<const RowFormat> format, const std::string& name,
                                               const options::DataOptions& options, RowCount before = {});

}  // namespace saucier::data
