#include "runner/report/diff.h"

#include <fmt/format.h>

#include <map>

#include "runner/report/results.h"

namespace saucier::report {
namespace {

using Fields = std::map<std::string, Json>;  // dotted path → value
using Sides = std::pair<Fields, Fields>;

// Stages go by their names, other lists are one value.
void flatten(const Json& value, const std::string& path, Fields& out) {
  const auto inside = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, item] : value.items()) flatten(item, inside(key), out);
  } else if (value.is_array() && !value.empty() && value[0].is_object() && value[0].contains("name")) {
    for (const Json& item : value) flatten(item, inside(item.value("name", "")), out);
  } else {
    out[path] = value;
  }
}

// The digests in a key text: {"content": …} at the path of the file.
void contents(const Json& value, const std::string& path, Fields& out) {
  if (!value.is_object()) return;
  if (value.size() == 1 && value.contains("content")) {
    out[path] = value["content"];
    return;
  }
  for (const auto& [key, item] : value.items()) contents(item, path.empty() ? key : path + "." + key, out);
}

class Difference {
 public:
  Difference(const store::Store& store, std::int64_t a, std::int64_t b) : store_(store), a_(a), b_(b) {
    recipe();
    data();
    environment();
    scores();
  }
  Table take() { return std::move(table_); }

 private:
  // Rows (stage, name, value) of both trials as fields by stage.
  std::map<std::string, Sides> both(const std::string& sql) const {
    std::map<std::string, Sides> out;
    for (const auto& [trial, second] : {std::pair{a_, false}, std::pair{b_, true}})
      for (const auto& row : store_.query(sql, {trial}).rows) {
        Sides& sides = out[row[0].get<std::string>()];
        (second ? sides.second : sides.first)[row[1].get<std::string>()] = row[2];
      }
    return out;
  }

  void compare(const char* part, const std::string& stage, const Sides& sides) {
    Fields all = sides.first;
    all.insert(sides.second.begin(), sides.second.end());
    const auto value = [](const Fields& fields, const std::string& name) {
      const auto it = fields.find(name);
      return it == fields.end() ? Json() : it->second;
    };
    for (const auto& [name, unused] : all) {
      const Json before = value(sides.first, name), after = value(sides.second, name);
      if (before != after) table_.rows.push_back({part, stage, name, before, after, {}, {}, {}, {}, {}, {}});
    }
  }

  void recipe() {
    Sides sides;
    for (const auto& [trial, fields] : {std::pair{a_, &sides.first}, std::pair{b_, &sides.second}}) {
      const auto found = store_.query("SELECT resolved FROM trial WHERE id = ?1", {trial});
      flatten(parse_json(found.rows.at(0)[0].get<std::string>(), "resolved recipe of a trial"), "", *fields);
    }
    compare("recipe", "", sides);
  }

  void data() {
    for (const auto& [stage, texts] : both("SELECT ts.stage, 'text', r.key_text FROM trial_stage ts JOIN stage_run r ON r.key = ts.key WHERE ts.trial_id = ?1")) {
      Sides sides;
      for (const auto& [from, to] : {std::pair{&texts.first, &sides.first}, std::pair{&texts.second, &sides.second}})
        if (!from->empty()) contents(parse_json(from->begin()->second.get<std::string>(), "key text of a stage"), "", *to);
      if (!texts.first.empty() && !texts.second.empty()) compare("data", stage, sides);
    }
  }

  void environment() {
    for (const auto& [stage, sides] : both("SELECT ts.stage, e.name, e.value FROM trial_stage ts JOIN stage_run r ON r.key = ts.key"
                                           " JOIN environment e ON e.stage_run_id = r.id WHERE ts.trial_id = ?1"))
      if (!sides.first.empty() && !sides.second.empty()) compare("environment", stage, sides);
  }

  void scores() {
    const auto rows = store_.query(
        "SELECT x.stage, x.benchmark, x.metric, x.value, y.value FROM trial_score x JOIN trial_score y ON y.trial_id = ?2 AND y.stage = x.stage"
        " AND y.benchmark = x.benchmark AND y.metric = x.metric AND y.condition = x.condition"
        " WHERE x.trial_id = ?1 AND x.condition = 'seen' AND x.main AND x.key <> y.key ORDER BY x.stage, x.benchmark", {a_, b_});
    for (const auto& row : rows.rows) {
      const auto stage = row[0].get<std::string>(), benchmark = row[1].get<std::string>();
      const Paired pair = paired_answers(store_, {b_, stage}, {a_, stage}, benchmark);
      const Interval interval = bootstrap(pair.pictures);
      const bool asked = pair.questions > 0;
      table_.rows.push_back({"score", stage, benchmark + " " + row[2].get<std::string>(), row[3], row[4],
                             row[3].is_number() && row[4].is_number() ? Json(row[4].get<double>() - row[3].get<double>()) : Json(),
                             asked ? Json(pair.difference) : Json(), asked ? Json(interval.low) : Json(), asked ? Json(interval.high) : Json(),
                             asked ? Json(mcnemar(pair.only_a, pair.only_b)) : Json(), asked ? Json(pair.questions) : Json()});
    }
  }

  const store::Store& store_;
  std::int64_t a_, b_;
  Table table_{{"part", "stage", "name", "a", "b", "difference", "correct", "low", "high", "p", "questions"}, {}};
};

}  // namespace

Table differences(const store::Store& store, std::int64_t a, std::int64_t b) { return Difference(store, a, b).take(); }

}  // namespace saucier::report
