#include "store/view_docs.h"

#include <map>

#include "modules/base/error.h"
#include "store/database.h"
#include "store/sql.h"

namespace saucier::store {

namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

void append(std::string& text, std::string_view more, char between) {
  if (!text.empty()) text += between;
  text += more;
}

// "  r.kind AS kind,  -- 'train', …" → kind, "'train', …"; nothing where a line ends no column or says nothing of it.
std::optional<ColumnDoc> column_of(std::string_view line) {
  const std::size_t dashes = line.find("  -- ");
  if (dashes == std::string_view::npos) return std::nullopt;
  std::string_view code = line.substr(0, dashes);
  if (code.ends_with(',')) code.remove_suffix(1);
  const std::size_t as = code.rfind("AS ");
  if (as == std::string_view::npos) return std::nullopt;
  return ColumnDoc{std::string(code.substr(as + 3)), std::string(line.substr(dashes + 5))};
}

ViewDoc said_in(const SqlFile& file) {
  ViewDoc out{.name = std::string(file.name.substr(file.name.find('_') + 1)), .text = {}, .example = {}, .columns = {}};
  bool head = true;
  for (const std::string_view line : lines_of(file.text)) {
    head = head && line.starts_with("--");
    if (head && line.starts_with("--   ")) append(out.example, line.substr(5), '\n');
    else if (head && line.starts_with("-- ")) append(out.text, line.substr(3), ' ');
    else if (auto column = column_of(line)) out.columns.push_back(std::move(*column));
  }
  return out;
}

// An empty database of the newest layout.
struct Layout {
  Layout() {
    sqlite3_open(":memory:", &handle);
    for (const auto files : {migrations(), views()})
      for (const SqlFile& file : files)
        SAUCIER_CHECK(sqlite3_exec(handle, std::string(file.text).c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, "{}: {}", file.name,
                      sqlite3_errmsg(handle));
  }
  ~Layout() { sqlite3_close(handle); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  sqlite3* handle = nullptr;
};

}  // namespace

std::vector<std::string> table_names() {
  const Layout layout;
  std::vector<std::string> out;
  Statement tables(layout.handle, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
  while (tables.step()) out.push_back(tables.text(0));
  return out;
}

std::vector<ViewDoc> view_docs() {
  const Layout layout;  // says which columns there are, and in which order
  std::vector<ViewDoc> out;
  std::map<std::string, std::string> said;  // by an earlier view
  for (const SqlFile& file : views()) {
    ViewDoc doc = said_in(file);
    std::map<std::string, std::string> own;
    for (ColumnDoc& column : doc.columns) own[column.name] = std::move(column.text);
    doc.columns.clear();
    Statement columns(layout.handle, "SELECT name FROM pragma_table_info(?)");
    columns.bind(doc.name);
    while (columns.step()) {
      const std::string name = columns.text(0);
      if (const auto it = own.find(name); it != own.end()) said[name] = it->second;
      doc.columns.push_back({name, said[name]});
    }
    out.push_back(std::move(doc));
  }
  return out;
}

}  // namespace saucier::store
