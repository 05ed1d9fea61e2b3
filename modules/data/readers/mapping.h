// From a row's fields to a sample: what tells the formats of rows apart.
#pragma once

#include <functional>
#include <memory>

#include "modules/data/readers/pictures.h"
#include "modules/options/data_options.h"

namespace saucier::data {

// Thread-safe.
class RowMapping {
 public:
  virtual ~RowMapping() = default;
  // Turns, system message, kind and pictures of a sample whose id stands. Throws BadRow.
  virtual void read(const Json& row, Sample& sample) const = 0;
};

// `pictures`: null where the pictures do not come from fields of the row.
using SharedPictures = std::shared_ptr<const Pictures>;

// Of "llava", "sharegpt" or "openai".
std::unique_ptr<const RowMapping> conversation_mapping(const std::string& format, const options::ColumnOptions& columns, SharedPictures pictures);
std::unique_ptr<const RowMapping> caption_mapping(const options::ColumnOptions& columns, SharedPictures pictures);
// `find_answer`: the row that holds the answer to a row's question; empty: the row itself. It throws BadRow where there is none.
using FindAnswer = std::function<Json(const Json& question)>;
std::unique_ptr<const RowMapping> question_mapping(const options::ColumnOptions& columns, const std::string& suffix, SharedPictures pictures, FindAnswer find_answer);

// The id that the row says, else "line N".
std::string id_of(const Json& row, const FieldNames& names, std::int64_t line);

// Throws BadRow where the markers in the turns are not as many as the pictures.
void check_markers(const Sample& sample);

}  // namespace saucier::data
