#include "modules/data/readers/table.h"

#include <algorithm>

#include "modules/data/readers/bad_row.h"
#include "modules/text/utf8.h"

namespace saucier::data {
namespace {

bool is_number(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

// A field's spaces are its own; quotes begin a field or stand for themselves.
std::string field_at(std::string_view line, size_t& at, bool quotes) {
  const char separator = quotes ? ',' : '\t';
  std::string field;
  if (quotes && at < line.size() && line[at] == '"') {
    for (++at; at < line.size(); ++at) {
      if (line[at] != '"') field += line[at];
      else if (at + 1 < line.size() && line[at + 1] == '"') field += line[at++];
      else break;
    }
    ++at;  // the closing quote
  }
  const size_t end = std::min(line.find(separator, std::min(at, line.size())), line.size());
  field += line.substr(std::min(at, end), end - std::min(at, end));
  at = end;
  return field;
}

}  // namespace

std::vector<std::string> split_line(std::string_view line, bool quotes) {
  std::vector<std::string> fields;
  for (size_t at = 0;; ++at) {  // over the separator
    fields.push_back(field_at(line, at, quotes));
    if (at >= line.size()) return fields;
  }
}

bool is_table(const std::filesystem::path& file) { return file.extension() == ".csv" || file.extension() == ".tsv"; }

Table::Table(std::shared_ptr<const RowFile> file, const std::vector<std::string>& asked) : file_(std::move(file)), quotes_(file_->path().extension() == ".csv") {
  head_ = asked.empty() || !std::all_of(asked.begin(), asked.end(), is_number);
  const std::unique_ptr<RowCutter> lines = cut_lines(file_, quotes_ ? Lines::kQuoted : Lines::kPlain);
  const std::optional<Row> first = lines->next();
  const std::string path = file_->path().string();
  if (!first) throw Error(fmt::format("'{}' is empty", path));
  names_ = split_line(first->text, quotes_);
  if (!head_)
    for (size_t i = 0; i < names_.size(); ++i) names_[i] = std::to_string(i + 1);
  for (const std::string& name : asked)
    if (std::find(names_.begin(), names_.end(), name) == names_.end())
      throw Error(fmt::format("'{}' has no column '{}' (its columns: '{}')", path, name, fmt::join(names_, "', '")),
                  "name the columns under 'columns', by number where the table has no head");
}

std::unique_ptr<RowCutter> Table::cut() const {
  std::unique_ptr<RowCutter> lines = cut_lines(file_, quotes_ ? Lines::kQuoted : Lines::kPlain);
  if (head_) lines->next();
  return lines;
}

Json Table::row(std::string_view line) const {
  if (!text::is_valid_utf8(line)) throw BadRow(Reason::kNotUtf8, "it is not UTF-8");
  std::vector<std::string> fields = split_line(line, quotes_);
  if (fields.size() != names_.size())
    throw BadRow(Reason::kFieldCount, fmt::format("it has {} fields, the first line {}", fields.size(), names_.size()));
  Json row = Json::object();
  for (size_t i = 0; i < fields.size(); ++i)
    if (!fields[i].empty()) row[names_[i]] = std::move(fields[i]);
  return row;
}

}  // namespace saucier::data
