#include "runner/report/trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "modules/base/error.h"
#include "store/rows.h"

namespace saucier::report {
namespace {

class Trials {
 public:
  Trials(const store::Store& store, std::int64_t sweep) : store_(store), sweep_(sweep) {
    heads();
    parameters();
    scores("main = 1 AND condition = 'seen' AND NOT baseline", {});
    metrics("metric = 'loss'", {});
    for (const char* last : {"state", "seconds"}) columns_.shown.insert(last);
    keep_differing();
  }

  // Blind scores and metrics other than main ones and the loss are many, and seldom asked for: those whose names stand in
  // `asked`; all for "*".
  void read_more(const std::string& asked) {
    scores("condition IN ('seen', 'blind') AND (?2 = '*' OR (instr(?2, metric) AND (condition = 'seen' OR instr(?2, 'blind'))))", asked);
    metrics("(?2 = '*' OR instr(?2, metric))", asked);
    keep_differing();
  }

  const Columns& columns() const { return columns_; }

  Table table(const std::vector<std::string>& names) const {
    Table out{names, {}};
    for (const auto& row : rows_) {
      std::vector<Json>& cells = out.rows.emplace_back();
      for (const std::string& name : names) {
        const auto it = row.find(name);
        cells.push_back(it == row.end() ? Json() : it->second);
      }
    }
    return out;
  }

 private:
  using Row = std::map<std::string, Json>;

  void set(Row& row, const std::string& column, Json value) {
    if (known_.insert(column).second) columns_.all.push_back(column);
    row[column] = std::move(value);
  }
  void show_column(const std::string& column, bool if_different) {
    columns_.shown.insert(column);
    if (if_different) must_differ_.insert(column);
  }

  void heads() {
    const auto result = store_.query(
        "SELECT v.trial_id, v.trial, l.rank, v.state, v.seconds, v.stages, v.stages_done, v.started, v.finished, v.number, v.parameters"
        " FROM trial_view v LEFT JOIN (SELECT trial_id, rank FROM leaderboard WHERE sweep_id = ?1) l ON l.trial_id = v.trial_id"
        " WHERE v.sweep_id = ?1 ORDER BY v.number", {sweep_});
    for (const auto& row : result.rows) {
      index_[row[0].get<std::int64_t>()] = rows_.size();
      Row& out = rows_.emplace_back();
      for (size_t c : {1, 2, 3, 4, 5, 6, 7, 8, 9, 0}) set(out, result.columns[c], row[c]);
      given_.push_back(parse_json(row[10].get_ref<const std::string&>(), "parameters of a trial"));
    }
    show_column("trial", false);
    show_column("rank", false);
  }

  void parameters() {
    for (size_t t = 0; t < rows_.size(); ++t) {
      for (const auto& [axis, value] : given_[t].items()) {
        show_column(axis, true);
        set(rows_[t], axis, value.is_structured() ? Json(show_parameter(value)) : value);
        if (!value.is_object()) continue;
        for (const auto& [entry, item] : value.items())
          if (!item.is_structured()) set(rows_[t], axis + "." + entry, item);
      }
    }
  }

  // `where` over the view's columns, with `asked` as ?2.
  void scores(const std::string& where, const Json& asked) {
    const auto result = store_.query("SELECT trial_id, stage, benchmark, metric, condition, main AND NOT baseline, value, stderr FROM trial_score"
                                     " WHERE sweep_id = ?1 AND ?2 IS ?2 AND " + where, {sweep_, asked});
    for (const auto& row : result.rows) {
      const bool seen = row[4] == "seen";
      const std::string name = fmt::format("{}.{}.{}{}", row[1].get_ref<const std::string&>(), row[2].get_ref<const std::string&>(),
                                           row[3].get_ref<const std::string&>(), seen ? "" : " blind");
      Row& out = rows_[index_.at(row[0].get<std::int64_t>())];
      set(out, name, row[6]);
      set(out, name + ".stderr", row[7]);
      if (seen && row[5] == 1) show_column(name, false);
    }
  }

  void metrics(const std::string& where, const Json& asked) {
    const auto result = store_.query("SELECT trial_id, stage, metric, last, min, max FROM metric_last WHERE sweep_id = ?1 AND ?2 IS ?2 AND " + where,
                                     {sweep_, asked});
    for (const auto& row : result.rows) {
      const std::string name = row[1].get<std::string>() + "." + row[2].get<std::string>();
      Row& out = rows_[index_.at(row[0].get<std::int64_t>())];
      set(out, name, row[3]);
      if (row[2] == "loss") show_column(name, true);
      set(out, name + ".min", row[4]);
      set(out, name + ".max", row[5]);
    }
  }

  void keep_differing() {
    if (rows_.size() < 2) return;
    for (const std::string& column : must_differ_) {
      const auto value = [&](const Row& row) {
        const auto it = row.find(column);
        return it == row.end() ? Json() : it->second;
      };
      const Json first = value(rows_.front());
      const bool differs = std::any_of(rows_.begin() + 1, rows_.end(), [&](const Row& row) { return value(row) != first; });
      if (!differs) columns_.shown.erase(column);
    }
  }

  const store::Store& store_;
  std::int64_t sweep_;
  std::vector<Row> rows_;
  std::vector<Json> given_;
  std::map<std::int64_t, size_t> index_;  // trial id → row
  std::set<std::string> known_, must_differ_;
  Columns columns_;
};

struct Sort {
  std::string column;
  bool descending = false;
};

Sort sort_of(const std::string& text, const Columns& columns) {
  if (text.empty()) return {};
  const size_t colon = text.rfind(':');
  const std::string order = colon == std::string::npos ? "asc" : text.substr(colon + 1);
  if (order != "asc" && order != "desc") throw Error(fmt::format("'{}' is no order", order), "--sort COLUMN or --sort COLUMN:desc");
  return {find_column(text.substr(0, colon), columns), order == "desc"};
}

bool names_columns(const TrialQuery& query, const Columns& columns) {
  try {
    for (const std::string& name : query.columns) find_column(name, columns);
    quote_columns(query.where, columns);
    sort_of(query.sort, columns);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// As much as the query names; where it names what is not there all, so that the message can say what was meant.
Trials read_for(const store::Store& store, std::int64_t sweep, const TrialQuery& query) {
  Trials out(store, sweep);
  std::string asked = query.where + " " + query.sort;
  for (const std::string& name : query.columns) asked += " " + name;
  if (!query.all && !names_columns(query, out.columns())) out.read_more(asked);
  if (query.all || !names_columns(query, out.columns())) out.read_more("*");
  return out;
}

}  // namespace

std::string show_parameter(const Json& value) {
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  if (!value.is_structured()) return show(value);
  std::string out;
  for (const auto& [key, item] : value.items()) {
    if (!out.empty()) out += ", ";
    if (value.is_object()) out += key + " ";
    out += show_parameter(item);
  }
  return out;
}

std::string trial_column(const store::Store& store, std::int64_t sweep, const std::string& name) {
  return find_column(name, read_for(store, sweep, {.where = {}, .sort = {}, .top = 0, .columns = {name}, .all = false}).columns());
}

Table trials(const store::Store& store, std::int64_t sweep, const TrialQuery& query) {
  const Trials all = read_for(store, sweep, query);
  const Columns& columns = all.columns();
  std::set<std::string> extra;
  for (const std::string& name : query.columns) extra.insert(find_column(name, columns));
  std::vector<std::string> names;
  for (const std::string& name : columns.all)
    if (query.all || columns.shown.contains(name) || extra.contains(name)) names.push_back(name);
  // State and seconds are what one looks at last.
  std::stable_partition(names.begin(), names.end(), [](const std::string& name) { return name != "state" && name != "seconds"; });

  Table table = all.table(names);
  if (query.where.empty() && query.sort.empty() && query.top == 0) return table;
  const Expression where = quote_columns(query.where, columns);
  const Sort sort = sort_of(query.sort, columns);
  std::set<std::string> used = where.used;
  if (!sort.column.empty()) used.insert(sort.column);
  const Table asked_of = all.table({used.begin(), used.end()});
  const auto places = store::select_rows({asked_of.columns, asked_of.rows}, {.where = where.sql, .sort = sort.column,
                                                                             .descending = sort.descending, .top = query.top});
  std::vector<std::vector<Json>> rows;
  for (const size_t place : places) rows.push_back(std::move(table.rows[place]));
  table.rows = std::move(rows);
  return table;
}

}  // namespace saucier::report
