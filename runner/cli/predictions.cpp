#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/cli/trial_argument.h"
#include "runner/report/results.h"

namespace saucier::cli {
namespace {

std::vector<std::string> benchmarks_of(const store::Store& store, std::int64_t trial, const std::string& stage) {
  std::vector<std::string> out;
  for (const auto& row : store.query("SELECT DISTINCT benchmark FROM trial_score WHERE trial_id = ?1 AND stage = ?2 ORDER BY 1", {trial, stage}).rows)
    out.push_back(row[0].get<std::string>());
  return out;
}

}  // namespace

int predictions(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("where", po::value<std::string>()->value_name("SQL"), "over the columns of prediction_detail, as a and b: \"a.correct and not b.correct\"")(
      "benchmark", po::value<std::string>()->value_name("NAME"), "of one benchmark")(
      "stage", po::value<std::string>()->value_name("S"), "of this evaluate stage (default: the one that judges the trial)")(
      "blind", "with the pictures replaced by grey")(
      "limit", po::value<std::int64_t>()->value_name("ROWS")->default_value(20), "most rows; 0 for all");
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("predictions", arguments, options, {{"trial", 2}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto trials = read_trials("predictions", *store, values, 1, 2);
  const bool two = trials.size() == 2;
  const std::string asked = text_of(values, "stage");
  const std::string stage_a = asked.empty() ? report::answering_stage(*store, trials[0].id) : asked;
  const std::string stage_b = !asked.empty() || !two ? stage_a : report::answering_stage(*store, trials[1].id);
  const std::string benchmark = text_of(values, "benchmark"), where = text_of(values, "where");
  const auto known = benchmarks_of(*store, trials[0].id, stage_a);
  if (known.empty()) throw Error(fmt::format("stage '{}' of trial '{}' has no predictions", stage_a, trials[0].name), "'saucier status' shows the stages");
  if (!benchmark.empty() && std::find(known.begin(), known.end(), benchmark) == known.end())
    throw Error(fmt::format("stage '{}' has no benchmark '{}'", stage_a, benchmark), suggestion(benchmark, known));

  std::string sql = "SELECT a.benchmark, a.sample, a.picture, a.question, a.truth, a.answer AS ";
  sql += two ? "answer_a, b.answer AS answer_b, a.correct AS correct_a, b.correct AS correct_b" : "answer, a.correct";
  sql += " FROM prediction_detail a";
  if (two) sql += " JOIN prediction_detail b ON b.trial_id = ?5 AND b.stage = ?6 AND b.benchmark = a.benchmark AND b.condition = a.condition AND b.sample = a.sample";
  sql += " WHERE a.trial_id = ?1 AND a.stage = ?2 AND a.condition = ?3 AND (?4 = '' OR a.benchmark = ?4)";
  if (!where.empty()) sql += " AND (\n" + where + "\n)";  // on a line of its own, for messages and against comments
  sql += " ORDER BY a.benchmark, a.picture, a.sample";
  std::vector<Json> parameters = {trials[0].id, stage_a, values.count("blind") ? "blind" : "seen", benchmark};
  if (two) parameters.insert(parameters.end(), {trials[1].id, stage_b});
  const std::int64_t limit = values["limit"].as<std::int64_t>();
  if (limit < 0) throw Error("--limit is from 0", "--limit 0 prints all rows");
  const store::Result result = store->query(sql, parameters, {.seconds = 60, .rows = limit});
  print_table({result.columns, result.rows}, values);
  if (result.cut) std::fputs(fmt::format("note: cut at {} row{}; --limit 0 prints all\n", limit, limit == 1 ? "" : "s").c_str(), stderr);
  if (!two || for_programs(values) || values.count("blind")) return kDone;
  std::puts("");
  for (const std::string& one : known) {
    if (!benchmark.empty() && one != benchmark) continue;
    const report::Paired pair = report::paired_answers(*store, {trials[0].id, stage_a}, {trials[1].id, stage_b}, one);
    if (pair.questions > 0) std::fputs(fmt::format("{}: {} over {}: {}\n", one, trials[0].name, trials[1].name, report::significance_in_words(pair)).c_str(), stdout);
  }
  return kDone;
}

}  // namespace saucier::cli
