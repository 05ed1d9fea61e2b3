#include "store/row_copy.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace saucier::store {

namespace {

constexpr const char* kMetricKeys = "metric_key";  // the one table of names: its rows are found by name, not copied

std::string in_quotes(const std::string& name) { return "\"" + name + "\""; }

std::string placeholders(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += i == 0 ? "?" : ", ?";
  return out;
}

}  // namespace

RowCopy::RowCopy(sqlite3* from, sqlite3* to) : from_(from), to_(to) {
  Statement columns(to_, "SELECT m.name, c.name, c.pk, upper(c.type), (SELECT count(*) FROM pragma_table_info(m.name) WHERE pk > 0) "
                         "FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid");
  while (columns.step()) {
    Shape& shape = shapes_[columns.text(0)];
    shape.columns.push_back(columns.text(1));
    if (columns.integer(2) > 0 && columns.integer(4) == 1 && columns.text(3) == "INTEGER") shape.id = columns.text(1);
  }
  Statement references(to_, "SELECT m.name, f.\"from\", f.\"table\", f.\"to\" FROM sqlite_schema m "
                            "JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'");
  while (references.step()) {
    Shape& shape = shapes_[references.text(0)];
    shape.references[references.text(1)] = {.parent = references.text(2), .column = references.text(3)};
    if (shape.id == references.text(1)) shape.id.clear();  // a row that shares its parent's id has none of its own
  }
}

std::string RowCopy::ids_in(const std::string& table, const std::string& column) const {
  const Shape& shape = shapes_.at(table);
  if (column == shape.id) return table;
  const auto it = shape.references.find(column);
  return it == shape.references.end() ? "" : ids_in(it->second.parent, it->second.column);
}

std::int64_t RowCopy::metric_key(std::int64_t id) {
  auto [it, fresh] = ids_[kMetricKeys].try_emplace(id, 0);
  if (fresh) {
    Statement name(from_, "SELECT name FROM metric_key WHERE id = ?");
    SAUCIER_CHECK(name.bind(id).step(), "no metric key {}", id);
    Statement key(to_, "INSERT INTO metric_key(name) VALUES(?) ON CONFLICT(name) DO UPDATE SET name = excluded.name RETURNING id");
    key.bind(name.text(0)).step();
    it->second = key.integer(0);
  }
  return it->second;
}

void RowCopy::rows(const std::string& table, const std::string& where, std::int64_t id, const Texts& instead) {
  const Shape& shape = shapes_.at(table);
  std::vector<std::string> columns, names;
  std::vector<std::string> ids;  // of each column
  for (const std::string& column : shape.columns) {
    if (column == shape.id) continue;
    columns.push_back(column);
    names.push_back(in_quotes(column));
    ids.push_back(ids_in(table, column));
  }
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  Statement read(from_, fmt::format("SELECT {}, {} FROM {} WHERE {} ORDER BY 1", shape.id.empty() ? "0" : in_quotes(shape.id), list, in_quotes(table), where));
  Statement write(to_, fmt::format("INSERT INTO {}({}) VALUES({}){}", in_quotes(table), list, placeholders(columns.size()),
                                   shape.id.empty() ? "" : " RETURNING " + in_quotes(shape.id)));
  read.bind(id);
  while (read.step()) {
    write.reset();
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const int from = static_cast<int>(c) + 1, to = static_cast<int>(c) + 1;
      if (const auto text = instead.find(columns[c]); text != instead.end()) {
        sqlite3_bind_text(write.handle(), to, text->second.c_str(), -1, SQLITE_TRANSIENT);
      } else if (ids[c].empty() || read.is_null(from)) {
        sqlite3_bind_value(write.handle(), to, sqlite3_column_value(read.handle(), from));
      } else if (ids[c] == kMetricKeys) {
        sqlite3_bind_int64(write.handle(), to, metric_key(read.integer(from)));
      } else {
        sqlite3_bind_int64(write.handle(), to, ids_.at(ids[c]).at(read.integer(from)));
      }
    }
    const bool row = write.step();
    if (row) ids_[table][read.integer(0)] = write.integer(0);
  }
}

std::int64_t RowCopy::write_row(const std::string& table, std::int64_t id, std::optional<std::int64_t> there, const Texts& instead) {
  const Shape& shape = shapes_.at(table);
  std::vector<std::string> columns = shape.columns;
  std::erase(columns, shape.id);
  std::vector<std::string> names;
  for (const std::string& column : columns) names.push_back(in_quotes(column));
  const std::string list = fmt::format("{}", fmt::join(names, ", ")), values = placeholders(columns.size());
  Statement read(from_, fmt::format("SELECT {} FROM {} WHERE {} = ?", list, in_quotes(table), in_quotes(shape.id)));
  Statement write(to_, (there ? fmt::format("UPDATE {} SET ({}) = ({}) WHERE {} = {}", in_quotes(table), list, values, in_quotes(shape.id), *there)
                              : fmt::format("INSERT INTO {}({}) VALUES({})", in_quotes(table), list, values)) +
                           " RETURNING " + in_quotes(shape.id));
  SAUCIER_CHECK(read.bind(id).step(), "no row {} in {}", id, table);
  for (int c = 0; c < static_cast<int>(columns.size()); ++c) {
    const auto text = instead.find(columns[static_cast<std::size_t>(c)]);
    if (text == instead.end()) sqlite3_bind_value(write.handle(), c + 1, sqlite3_column_value(read.handle(), c));
    else sqlite3_bind_text(write.handle(), c + 1, text->second.c_str(), -1, SQLITE_TRANSIENT);
  }
  SAUCIER_CHECK(write.step(), "no row {} to write over in {}", there.value_or(0), table);
  return write.integer(0);
}

void RowCopy::below(const std::string& table, std::int64_t id, std::int64_t there, const std::set<std::string>& except) {
  std::map<std::string, std::string> where;  // of each table below
  std::vector<std::string> order;            // parents first
  where[table] = "";
  for (bool more = true; more;) {
    more = false;
    for (const auto& [name, shape] : shapes_) {
      if (where.contains(name) || except.contains(name)) continue;
      for (const auto& [column, reference] : shape.references) {
        if (!where.contains(reference.parent)) continue;
        const std::string& above = where.at(reference.parent);
        where[name] = above.empty() ? in_quotes(column) + " = ?1"
                                    : fmt::format("{} IN (SELECT {} FROM {} WHERE {})", in_quotes(column), in_quotes(reference.column),
                                                  in_quotes(reference.parent), above);
        order.push_back(name);
        more = true;
        break;
      }
    }
  }
  for (auto name = order.rbegin(); name != order.rend(); ++name) {
    Statement(to_, fmt::format("DELETE FROM {} WHERE {}", in_quotes(*name), where.at(*name))).run(there);
  }
  ids_[table] = {{id, there}};
  for (const std::string& name : order) rows(name, where.at(name), id);
}

}  // namespace saucier::store
