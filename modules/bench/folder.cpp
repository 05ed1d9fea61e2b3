#include "modules/bench/folder.h"

#include <mutex>

#include "modules/base/base64.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/data/readers/picture_folder.h"
#include "modules/image/picture.h"

namespace saucier::bench {

namespace fs = std::filesystem;

namespace {

const Json& member_of(const Json& row, const char* member, std::string_view place) {
  if (!row.is_object()) throw Error(fmt::format("{}: not a JSON object", place));
  const auto found = row.find(member);
  if (found == row.end()) throw Error(fmt::format("{}: \"{}\" is missing", place, member));
  return *found;
}

[[noreturn]] void wrong_type(const char* member, const char* expected, const Json& found, std::string_view place) {
  throw Error(fmt::format("{}: \"{}\" must be {} (got {})", place, member, expected, found.type_name()));
}

class Base64Pictures : public data::PictureSource {
 public:
  explicit Base64Pictures(std::map<std::string, std::string> texts) : texts_(std::move(texts)) {}
  data::Picture load(const std::string& reference) const override {
    const auto found = texts_.find(reference);
    if (found == texts_.end()) throw Error(fmt::format("no picture '{}' in the benchmark's file", reference));
    return with_context(fmt::format("in picture '{}' of the benchmark's file", reference), [&] {
      const std::optional<std::string> bytes = from_base64(found->second);
      if (!bytes) throw Error("it is not base64 text");
      return image::decode(*bytes, reference);
    });
  }

 private:
  std::map<std::string, std::string> texts_;
};

class LatePictureFolder : public data::PictureSource {
 public:
  explicit LatePictureFolder(fs::path folder) : folder_(std::move(folder)) {}
  data::Picture load(const std::string& reference) const override { return opened().load(reference); }
  image::Size size(const std::string& reference) const override { return opened().size(reference); }
  std::string identity(const std::string& reference) const override { return opened().identity(reference); }

 private:
  const data::PictureFolder& opened() const {
    const std::scoped_lock lock(mutex_);
    if (!pictures_) pictures_ = std::make_unique<data::PictureFolder>(folder_);
    return *pictures_;
  }
  fs::path folder_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<data::PictureFolder> pictures_;
};

}  // namespace

Folder::Folder(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  if (!fs::is_directory(path_, error)) throw Error(fmt::format("no folder '{}'", path_.string()), "name the folder that holds the benchmark's official files");
}

bool Folder::has(const std::string& name) const {
  std::error_code error;
  return fs::exists(path_ / name, error);
}

fs::path Folder::file(const std::string& what, const std::vector<std::string>& names) const {
  for (const std::string& name : names)
    if (has(name)) return path_ / name;
  throw Error(fmt::format("no {}: '{}' is not in '{}'", what, names.front(), path_.string()),
              names.size() == 1 ? "" : fmt::format("any of {} would do", fmt::join(names, ", ")));
}

Json Folder::json(const std::string& what, const std::vector<std::string>& names) const {
  const fs::path found = file(what, names);
  return parse_json(read_file(found), found.string());
}

void Folder::rows(const std::string& what, const std::vector<std::string>& names, const std::function<void(const Json&, std::int64_t)>& row) const {
  const fs::path found = file(what, names);
  const std::string text = read_file(found);
  std::int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    row(parse_json(line, fmt::format("{}:{}", found.string(), number)), number);
  }
}

std::string id_of(const Json& row, const char* member, std::string_view place) {
  const Json& id = member_of(row, member, place);
  if (id.is_string()) return id.get<std::string>();
  if (!id.is_number_integer()) wrong_type(member, "a number or a string", id, place);
  return id.dump();
}

std::string string_of(const Json& row, const char* member, std::string_view place) {
  const Json& text = member_of(row, member, place);
  if (!text.is_string()) wrong_type(member, "a string", text, place);
  return text.get<std::string>();
}

std::int64_t integer_of(const Json& row, const char* member, std::string_view place) {
  const Json& number = member_of(row, member, place);
  if (!number.is_number_integer()) wrong_type(member, "a whole number", number, place);
  return number.get<std::int64_t>();
}

const Json& list_of(const Json& row, const char* member, std::string_view place) {
  const Json& list = member_of(row, member, place);
  if (!list.is_array()) wrong_type(member, "a list", list, place);
  return list;
}

std::vector<std::string> strings_of(const Json& row, const char* member, std::string_view place) {
  std::vector<std::string> out;
  for (const Json& text : list_of(row, member, place)) {
    if (!text.is_string()) wrong_type(member, "a list of strings", text, place);
    out.push_back(text.get<std::string>());
  }
  return out;
}

std::optional<size_t> TsvTable::find(std::string_view name) const {
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i] == name) return i;
  return std::nullopt;
}

size_t TsvTable::column(std::string_view name) const {
  if (const auto found = find(name)) return *found;
  throw Error(fmt::format("{}: no column '{}'", file, name), fmt::format("it has {}", fmt::join(columns, ", ")));
}

TsvTable read_tsv(const fs::path& file) {
  const std::string text = read_file(file);
  TsvTable table;
  table.file = file.string();
  std::vector<std::string> row(1);
  std::int64_t line = 1, begun = 1;
  bool quoted = false;
  const auto end_row = [&] {
    if (row.size() == 1 && row[0].empty()) return;  // an empty line
    if (table.columns.empty()) {
      table.columns = std::move(row);
    } else if (row.size() != table.columns.size()) {
      throw Error(fmt::format("{}:{}: {} fields in a table of {} columns", table.file, begun, row.size(), table.columns.size()));
    } else {
      table.rows.push_back(std::move(row));
      table.lines.push_back(begun);
    }
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') row.back() += c;
      else if (i + 1 < text.size() && text[i + 1] == '"') row.back() += '"', ++i;
      else quoted = false;
    } else if (c == '"' && row.back().empty()) {
      quoted = true;
    } else if (c == '\t') {
      row.emplace_back();
    } else if (c == '\n') {
      end_row();
      row.assign(1, "");
      begun = line;
    } else if (c != '\r' || (i + 1 < text.size() && text[i + 1] != '\n')) {
      row.back() += c;
    }
  }
  if (quoted) throw Error(fmt::format("{}:{}: a quoted field does not end", table.file, begun));
  end_row();
  if (table.columns.empty()) throw Error(fmt::format("{} is empty", table.file));
  return table;
}

std::shared_ptr<const data::PictureSource> base64_pictures(std::map<std::string, std::string> texts) {
  return std::make_shared<Base64Pictures>(std::move(texts));
}

std::shared_ptr<const data::PictureSource> folder_pictures(fs::path folder) {
  return std::make_shared<LatePictureFolder>(std::move(folder));
}

}  // namespace saucier::bench
