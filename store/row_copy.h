// Rows of one store into another, whatever tables hang below them: the schema says which columns are references, and those
// are rewritten to the ids that the rows get there. So a table that a later migration adds below a stage run moves, too.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/database.h"

namespace saucier::store {

class RowCopy {
 public:
  // Both of the same layout. `to` is written, inside transactions of the caller.
  RowCopy(sqlite3* from, sqlite3* to);

  using Texts = std::map<std::string, std::string>;  // column -> what it gets in the place of what it has
  std::int64_t insert(const std::string& table, std::int64_t id, const Texts& instead = {}) {  // returns its id there
    return write_row(table, id, {}, instead);
  }
  void overwrite(const std::string& table, std::int64_t id, std::int64_t there, const Texts& instead = {}) {
    write_row(table, id, there, instead);
  }
  // What hangs below the row `id` of `table`, to below the row `there`; what hangs there already goes first.
  void below(const std::string& table, std::int64_t id, std::int64_t there, const std::set<std::string>& except = {});
  // Rows of one table by hand: `where` with ?1 for the `id` that below() was called with last.
  void rows(const std::string& table, const std::string& where, std::int64_t id, const Texts& instead = {});

 private:
  struct Reference {
    std::string parent, column;  // column of the parent
  };
  struct Shape {
    std::vector<std::string> columns;
    std::string id;                               // its INTEGER PRIMARY KEY; empty: none
    std::map<std::string, Reference> references;  // of its columns
  };
  std::int64_t write_row(const std::string& table, std::int64_t id, std::optional<std::int64_t> there, const Texts& instead);
  // Which table's ids a column holds; empty: it is no reference to a table that ids are kept of.
  std::string ids_in(const std::string& table, const std::string& column) const;
  std::int64_t metric_key(std::int64_t id);

  sqlite3 *from_, *to_;
  std::map<std::string, Shape> shapes_;
  std::map<std::string, std::map<std::int64_t, std::int64_t>> ids_;  // table -> id here -> id there
};

}  // namespace saucier::store
