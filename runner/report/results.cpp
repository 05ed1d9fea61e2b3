#include "runner/report/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "runner/report/trials.h"

namespace saucier::report {
namespace {

constexpr double kSignificant = 0.05;
constexpr size_t kNeighbours = 5;  // pairs that are tested: of a large sweep only the head of the ranking is of interest

struct Column {  // a benchmark by its main metric
  std::string benchmark, metric;
  auto operator<=>(const Column&) const = default;
};

struct Evaluation {  // one evaluate stage of one trial, as far as it is done
  std::string stage;
  bool final = false;   // of what the trial's last train stage left
  bool common = false;  // all of several trials share it
  std::map<std::string, std::map<Column, Json>> scores;  // condition → column → value
  bool has(const Column& column) const {
    return std::any_of(scores.begin(), scores.end(), [&](const auto& s) { return s.second.contains(column); });
  }
};

struct Trial {
  std::int64_t id = 0;
  std::string name;
  Json parameters;
  std::vector<Evaluation> evaluations;  // in stage order
};

struct Sweep {
  std::string name, metric;
  std::vector<Trial> trials;
  std::vector<Column> columns;
  std::map<std::string, std::map<Column, Json>> unasked;  // majority, chance: of the questions, so equal in all trials

  const Trial& trial(const std::string& wanted) const {
    std::vector<std::string> names;
    for (const Trial& one : trials) {
      if (one.name == wanted) return one;
      names.push_back(one.name);
    }
    throw Error(fmt::format("sweep '{}' has no trial '{}'", name, wanted), suggestion(wanted, names));
  }
};

// The stage that says what `trial` reaches in `column`; nullptr while it is not done.
const Evaluation* result_of(const Trial& trial, const Column& column) {
  const Evaluation* last = nullptr;
  for (const Evaluation& one : trial.evaluations)
    if (one.final && one.has(column)) last = &one;
  return last;
}

// The evaluate stages that ask the model which the trial's last train stage left. The recipe says so before anything has
// run. A recipe that trains nothing has only such stages.
std::set<std::string> final_stages(const Json& resolved) {
  std::string last_trained;
  std::set<std::string> out;
  const Json stages = resolved.value("stage", Json::array());
  for (const Json& stage : stages)
    if (stage.value("kind", "") == "train") last_trained = stage.value("name", "");
  for (const Json& stage : stages)
    if (last_trained.empty() || stage.value("from", "none") == last_trained) out.insert(stage.value("name", ""));
  return out;
}

// The trials of a sweep are one recipe at different values of its axes, so few of them can differ in what `final_stages`
// looks at. Axis values that can, as a text: trials with an equal one are read once.
std::string structure_of(const Json& parameters) {
  Json kept = Json::object();
  for (const auto& [axis, value] : parameters.items())
    if (axis.starts_with("stage") && (axis.ends_with(".from") || axis.ends_with(".kind") || value.is_structured())) kept[axis] = value;
  return kept.dump();
}

Sweep read_sweep(const store::Store& store, std::int64_t id) {
  const auto head = store.query("SELECT name, metric FROM sweep WHERE id = ?1", {id});
  if (head.rows.empty()) throw Error(fmt::format("no sweep with the id {}", id));
  Sweep sweep{head.rows[0][0].get<std::string>(), head.rows[0][1].get<std::string>(), {}, {}, {}};
  std::map<std::int64_t, size_t> index;
  std::map<std::string, std::set<std::string>> finals;  // structure → stages
  std::vector<const std::set<std::string>*> finals_of;
  for (const auto& row : store.query("SELECT id, name, parameters FROM trial WHERE sweep_id = ?1 ORDER BY number", {id}).rows) {
    index[row[0].get<std::int64_t>()] = sweep.trials.size();
    sweep.trials.push_back({row[0].get<std::int64_t>(), row[1].get<std::string>(), parse_json(row[2].get<std::string>(), "parameters of a trial"), {}});
    const auto [it, fresh] = finals.try_emplace(structure_of(sweep.trials.back().parameters));
    if (fresh) {
      const auto resolved = store.query("SELECT resolved FROM trial WHERE id = ?1", {row[0]});
      it->second = final_stages(parse_json(resolved.rows[0][0].get<std::string>(), "resolved recipe of a trial"));
    }
    finals_of.push_back(&it->second);
  }
  Json judging = Json::array();
  for (const auto& [structure, stages] : finals)
    for (const std::string& stage : stages) judging.push_back(stage);
  // Of large sweeps not what each trial would say again: the stages that all share, and what no model is asked for.
  const auto scores = store.query(
      "SELECT b.trial_id, b.stage, b.baseline, b.benchmark, b.metric, b.condition, b.value FROM trial_score b"
      " JOIN trial_stage ts ON ts.trial_id = b.trial_id AND ts.stage = b.stage"
      " WHERE b.sweep_id = ?1 AND b.main = 1 AND (NOT b.baseline OR b.number = 1 OR b.stage IN (SELECT value FROM json_each(?2)))"
      " AND b.condition IN ('seen', 'blind') ORDER BY b.number, ts.position, b.benchmark", {id, judging});
  std::string first_with_column;  // trial ids
  for (const auto& row : scores.rows) {
    const size_t t = index.at(row[0].get<std::int64_t>());
    Trial& trial = sweep.trials[t];
    const auto& stage = row[1].get_ref<const std::string&>();
    if (trial.evaluations.empty() || trial.evaluations.back().stage != stage)
      trial.evaluations.push_back({.stage = stage, .final = finals_of[t]->contains(stage), .common = row[2] == 1, .scores = {}});
    const Column column{row[3].get<std::string>(), row[4].get<std::string>()};
    trial.evaluations.back().scores[row[5].get<std::string>()][column] = row[6];
    if (std::find(sweep.columns.begin(), sweep.columns.end(), column) != sweep.columns.end()) continue;
    sweep.columns.push_back(column);
    first_with_column += fmt::format("{}{}", first_with_column.empty() ? "" : ", ", trial.id);
  }
  std::sort(sweep.columns.begin(), sweep.columns.end());
  const auto unasked = store.query(
      "SELECT condition, benchmark, metric, value, min(number) FROM trial_score WHERE sweep_id = ?1 AND main = 1 AND trial_id IN (" + first_with_column +
      ") AND condition IN ('majority', 'chance') GROUP BY condition, benchmark, metric", {id});
  for (const auto& row : unasked.rows) sweep.unasked[row[0].get<std::string>()][{row[1].get<std::string>(), row[2].get<std::string>()}] = row[3];
  return sweep;
}

// Benchmark → the stage whose answers stand for the trial. Where the sweep is ranked by a benchmark, that alone.
std::map<std::string, std::string> judged_by(const Sweep& sweep, const Trial& trial) {
  for (const Evaluation& one : trial.evaluations)
    for (const auto& [condition, values] : one.scores)
      for (const auto& [column, value] : values)
        if (condition == "seen" && sweep.metric.starts_with(one.stage + "." + column.benchmark + ".")) return {{column.benchmark, one.stage}};
  std::map<std::string, std::string> stages;
  for (const Column& column : sweep.columns)
    if (const Evaluation* one = result_of(trial, column)) stages[column.benchmark] = one->stage;
  return stages;
}

// Adds the questions of one benchmark.
void add_answers(const store::Store& store, const Answerer& a, const Answerer& b, const std::string& benchmark,
                 std::map<std::string, Picture>& pictures, Paired& out) {
  const auto rows = store.query(
      "SELECT x.unit, count(*), sum(x.correct AND NOT y.correct), sum(y.correct AND NOT x.correct), sum(x.credit) - sum(y.credit)"
      " FROM trial_stage ta CROSS JOIN stage_run ra ON ra.key = ta.key AND ra.state = 'done'"
      " CROSS JOIN trial_stage tb ON tb.trial_id = ?3 AND tb.stage = ?4"
      " CROSS JOIN stage_run rb ON rb.key = tb.key AND rb.state = 'done'"
      " CROSS JOIN prediction x ON x.stage_run_id = ra.id AND x.benchmark = ?5 AND x.condition = 'seen'"
      " CROSS JOIN prediction y ON y.stage_run_id = rb.id AND y.benchmark = x.benchmark AND y.condition = x.condition AND y.sample = x.sample"
      " WHERE ta.trial_id = ?1 AND ta.stage = ?2 GROUP BY x.unit", {a.trial, a.stage, b.trial, b.stage, benchmark});
  for (const auto& row : rows.rows) {
    const auto only_a = row[2].get<std::int64_t>(), only_b = row[3].get<std::int64_t>();
    Picture& picture = pictures[row[0].get<std::string>()];
    picture.questions += row[1].get<std::int64_t>();
    picture.difference += row[4].get<double>();
    out.questions += row[1].get<std::int64_t>();
    out.only_a += only_a;
    out.only_b += only_b;
  }
}

// From the counts to the test.
void judge(std::map<std::string, Picture> by_picture, Paired& out) {
  if (out.questions == 0) return;
  for (const auto& [name, picture] : by_picture) out.pictures.push_back(picture);
  double difference = 0;
  for (const Picture& picture : out.pictures) difference += picture.difference;
  out.difference = difference / static_cast<double>(out.questions);
  const auto pictures = static_cast<double>(out.pictures.size());
  if (out.pictures.size() < 2) return;
  const double mean = difference / pictures;
  double squares = 0;
  for (const Picture& picture : out.pictures) squares += std::pow(picture.difference - mean, 2);
  const double error = std::sqrt(squares / (pictures - 1) / pictures);
  if (error > 0) out.p_value = std::erfc(std::abs(mean) / error / std::sqrt(2.0));
  else if (mean != 0) out.p_value = 0;  // every picture says the same
}

Paired paired(const store::Store& store, const Sweep& sweep, const std::string& a, const std::string& b) {
  Paired out{.a = a, .b = b, .benchmark = "", .pictures = {}};
  const Trial &one = sweep.trial(a), &other = sweep.trial(b);
  const auto first = judged_by(sweep, one), second = judged_by(sweep, other);
  std::map<std::string, Picture> pictures;
  for (const auto& [benchmark, stage] : first)
    if (second.contains(benchmark)) add_answers(store, {one.id, stage}, {other.id, second.at(benchmark)}, benchmark, pictures, out);
  if (first.size() == 1 && sweep.columns.size() > 1) out.benchmark = first.begin()->first;
  judge(std::move(pictures), out);
  return out;
}

// Lines of numbers under the trials' parameters.
class ScoreTable {
 public:
  explicit ScoreTable(const Sweep& sweep) : sweep_(sweep) {
    std::map<std::string, std::set<std::string>> values;
    for (const Trial& trial : sweep.trials)
      for (const auto& [axis, value] : trial.parameters.items()) values[axis].insert(canonical(value));
    for (const auto& [axis, different] : values)
      if (different.size() > 1) axes_.push_back(axis);
    table_.columns = {"trial"};
    table_.columns.insert(table_.columns.end(), axes_.begin(), axes_.end());
    for (const Column& column : sweep.columns) table_.columns.push_back(column.benchmark + " " + column.metric);
    if (sweep.columns.size() > 1) table_.columns.push_back("mean");
  }

  // Nothing when no value is there; once for each label. A mean only of all columns, else it compares with no other.
  void add(const std::string& label, const Json& parameters, const std::map<Column, Json>& values) {
    if (values.empty() || !labels_.insert(label).second) return;
    std::vector<Json> row = {label};
    for (const std::string& axis : axes_)
      row.push_back(parameters.contains(axis) ? Json(show_parameter(parameters[axis])) : Json());
    double sum = 0;
    size_t numbers = 0;
    for (const Column& column : sweep_.columns) {
      const auto it = values.find(column);
      row.push_back(it == values.end() ? Json() : it->second);
      if (row.back().is_number()) sum += row.back().get<double>(), ++numbers;
    }
    const size_t all = sweep_.columns.size();
    if (all > 1) row.push_back(numbers == all ? Json(sum / static_cast<double>(all)) : Json());
    table_.rows.push_back(std::move(row));
  }
  size_t first_score() const { return 1 + axes_.size(); }
  const Table& table() const { return table_; }

 private:
  const Sweep& sweep_;
  std::vector<std::string> axes_;
  std::set<std::string> labels_;
  Table table_;
};

std::map<Column, Json> values_of(const Sweep& sweep, const Trial& trial, const std::string& condition) {
  std::map<Column, Json> values;
  for (const Column& column : sweep.columns) {
    const Evaluation* one = result_of(trial, column);
    if (one == nullptr || !one->scores.contains(condition)) continue;
    const auto& scores = one->scores.at(condition);
    if (const auto it = scores.find(column); it != scores.end()) values.insert(*it);
  }
  return values;
}

// What a trial scored in other stages than those that stand for it, with and without sight.
void add_other_stages(ScoreTable& table, const Sweep& sweep, const Trial& trial) {
  for (const Evaluation& one : trial.evaluations) {
    const bool plain = one.common || sweep.trials.size() == 1;
    for (const auto& [condition, suffix] : {std::pair{"seen", ""}, std::pair{"blind", " blind"}}) {
      std::map<Column, Json> values;
      if (!one.scores.contains(condition)) continue;
      for (const auto& [column, value] : one.scores.at(condition))
        if (result_of(trial, column) != &one) values.emplace(column, value);
      table.add((plain ? one.stage : trial.name + " " + one.stage) + suffix, {}, values);
    }
  }
}

std::string p_in_words(double p) { return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3f}", p); }

}  // namespace

bool Paired::holds() const { return p_value < kSignificant && difference > 0; }

Paired paired_test(const store::Store& store, std::int64_t sweep, const std::string& a, const std::string& b) {
  return paired(store, read_sweep(store, sweep), a, b);
}

std::string answering_stage(const store::Store& store, std::int64_t trial) {
  const auto resolved = store.query("SELECT name, resolved FROM trial WHERE id = ?1", {trial});
  if (resolved.rows.empty()) throw Error(fmt::format("no trial with the id {}", trial));
  const auto finals = final_stages(parse_json(resolved.rows[0][1].get<std::string>(), "resolved recipe of a trial"));
  const auto done = store.query("SELECT ts.stage FROM trial_stage ts JOIN stage_run r ON r.key = ts.key AND r.state = 'done'"
                                " WHERE ts.trial_id = ?1 AND EXISTS (SELECT 1 FROM prediction p WHERE p.stage_run_id = r.id)"
                                " ORDER BY ts.position DESC", {trial});
  for (const auto& row : done.rows)
    if (finals.contains(row[0].get<std::string>())) return row[0].get<std::string>();
  throw Error(fmt::format("trial '{}' has no predictions yet", resolved.rows[0][0].get<std::string>()), "'saucier status' shows what runs");
}

Paired paired_answers(const store::Store& store, const Answerer& a, const Answerer& b, const std::string& benchmark) {
  Paired out{.a = {}, .b = {}, .benchmark = benchmark, .pictures = {}};
  std::map<std::string, Picture> pictures;
  add_answers(store, a, b, benchmark, pictures, out);
  judge(std::move(pictures), out);
  return out;
}

std::optional<Results> results(const store::Store& store, std::int64_t id) {
  const Sweep sweep = read_sweep(store, id);
  if (sweep.columns.empty()) return std::nullopt;
  Results out;
  out.sweep = sweep.name;
  out.metric = sweep.metric;
  for (const Column& column : sweep.columns) out.benchmarks.push_back(column.benchmark + " " + column.metric);

  ScoreTable table(sweep);
  for (const Trial& trial : sweep.trials) table.add(trial.name, trial.parameters, values_of(sweep, trial, "seen"));
  out.trials = table.table().rows.size();
  out.first_score = table.first_score();
  for (const Trial& trial : sweep.trials) table.add(trial.name + " blind", {}, values_of(sweep, trial, "blind"));
  for (const Trial& trial : sweep.trials) add_other_stages(table, sweep, trial);
  for (const char* condition : {"majority", "chance"})
    if (sweep.unasked.contains(condition)) table.add(condition, {}, sweep.unasked.at(condition));
  out.scores = table.table();

  const auto board = store.query("SELECT trial, metric FROM leaderboard WHERE sweep_id = ?1 AND value IS NOT NULL ORDER BY rank", {id});
  for (const auto& row : board.rows) {
    out.ranking.push_back(row[0].get<std::string>());
    out.metric = row[1].get<std::string>();
  }
  if (!out.ranking.empty()) out.best = out.ranking.front();
  else if (out.trials > 0) out.best = out.scores.rows[0][0].get<std::string>();
  for (const Trial& trial : sweep.trials)
    if (trial.name == out.best)
      for (const Column& column : sweep.columns)
        if (const Evaluation* one = result_of(trial, column)) out.best_stage = one->stage;
  for (size_t i = 0; i + 1 < out.ranking.size() && i < kNeighbours; ++i)
    out.neighbours.push_back(paired(store, sweep, out.ranking[i], out.ranking[i + 1]));
  return out;
}

std::string in_words(const Paired& pair) {
  const std::string questions = pair.benchmark.empty() ? "questions" : pair.benchmark + " questions";
  if (pair.questions == 0) return fmt::format("{} over {}: no {} in common", pair.a, pair.b, questions);
  return fmt::format("{} over {}: {:+.3f} correct, {} (paired over pictures; of {} {} {} right only in the first, {} only in the second): {}",
                     pair.a, pair.b, pair.difference, p_in_words(pair.p_value), pair.questions, questions, pair.only_a, pair.only_b,
                     pair.holds() ? "the order holds" : "the order is open");
}

std::string significance_in_words(const Paired& pair) {
  const Interval interval = bootstrap(pair.pictures);
  return fmt::format("{:+.3f} correct (95 % from {:+.3f} to {:+.3f}, bootstrap over pictures), McNemar {} (of {} questions {} right only in the first, {} only in the second)",
                     pair.difference, interval.low, interval.high, p_in_words(mcnemar(pair.only_a, pair.only_b)), pair.questions, pair.only_a, pair.only_b);
}

std::string to_text(const Results& results) {
  std::string out = to_text(results.scores);
  if (results.ranking.empty()) return out;
  out += fmt::format("\nbest trial by {}: {}\n", results.metric, results.ranking.front());
  for (const Paired& pair : results.neighbours) out += in_words(pair) + "\n";
  if (const size_t left = results.ranking.size() - 1 - results.neighbours.size(); left > 0)
    out += fmt::format("{} more pair{} not tested: 'saucier diff A B' compares any two\n", left, left == 1 ? "" : "s");
  return out;
}

}  // namespace saucier::report
