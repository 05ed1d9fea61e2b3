// The official files of a benchmark, under their official names.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"
#include "modules/data/sample.h"

namespace saucier::bench {

class Folder {
 public:
  // Throws Error where there is no such folder.
  explicit Folder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  // The first of `names` (relative paths) that is there. Throws Error "no questions of VQAv2 val: 'X' is not in 'DIR'" with the
  // names tried as the hint; `what` says what it is for.
  std::filesystem::path file(const std::string& what, const std::vector<std::string>& names) const;
  bool has(const std::string& name) const;
  Json json(const std::string& what, const std::vector<std::string>& names) const;
  // JSON lines: `row` gets each with its line number.
  void rows(const std::string& what, const std::vector<std::string>& names, const std::function<void(const Json&, std::int64_t)>& row) const;

 private:
  std::filesystem::path path_;
};

// Members of an object of a benchmark's file; `place` is "FILE: question 3" or "FILE:12". Throw Error naming the member, the
// place and what stands there. Numbers and strings are both taken as an id.
std::string id_of(const Json& row, const char* member, std::string_view place);
std::string string_of(const Json& row, const char* member, std::string_view place);
std::int64_t integer_of(const Json& row, const char* member, std::string_view place);
const Json& list_of(const Json& row, const char* member, std::string_view place);
std::vector<std::string> strings_of(const Json& row, const char* member, std::string_view place);

// Tab-separated values with a header, as MMBench has them: quoted fields (RFC 4180's quoting) may hold tabs, line breaks and
// doubled quotes. Throws Error with file and line on a row of another width.
struct TsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::int64_t> lines;  // where each row begins, from 1
  // Throws Error naming the file and the columns there are.
  size_t column(std::string_view name) const;
  std::optional<size_t> find(std::string_view name) const;
  std::string file;
};
TsvTable read_tsv(const std::filesystem::path& file);

// Pictures that stand in a file as base64 text, by id; decoded when asked for.
std::shared_ptr<const data::PictureSource> base64_pictures(std::map<std::string, std::string> base64_by_id);
// Pictures below `folder`, which is looked for when a picture is asked for: an answers file can be scored without the pictures.
std::shared_ptr<const data::PictureSource> folder_pictures(std::filesystem::path folder);

}  // namespace saucier::bench
