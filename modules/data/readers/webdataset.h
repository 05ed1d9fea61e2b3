// WebDataset: tar files whose members of one name, up to the first dot of their file name, are a sample.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/readers/indexed_rows.h"

namespace saucier::data {

// The files of `folder` that a pattern with '*', '?', '{a,b}' and '{000..123}' means, by name. Error where there are none,
// or one is missing that the pattern spells out.
std::vector<std::filesystem::path> find_shards(const std::filesystem::path& folder, const std::string& pattern);

// options.path is the folder, or one shard. A sample has pictures (jpg, jpeg, png, webp, gif, bmp; several in the order of
// the file) and a text: turns, or a question with its answer, in a .json; else the caption of a .txt; else the caption in a
// .json. References are "SHARD:PLACE:MEMBER".
std::unique_ptr<const RowFormat> open_webdataset(const options::DataOptions& options);

}  // namespace saucier::data
