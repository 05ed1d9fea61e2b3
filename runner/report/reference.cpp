#include "runner/report/reference.h"

#include <fmt/format.h>

#include "store/view_docs.h"

namespace saucier::report {
namespace {

struct Question {
  const char* name;
  const char* title;
  const char* sql;
};

constexpr Question kQuestions[] = {
    {"best_trials", "The best trials of a sweep",
     "SELECT rank, trial, metric, value, stderr, n, parameters FROM leaderboard\n"
     "WHERE sweep_id = (SELECT max(sweep_id) FROM leaderboard WHERE sweep = :sweep) ORDER BY rank"},
    {"scores_of_a_sweep", "Main scores of a sweep, with the pictures seen and blind",
     "SELECT trial, stage, benchmark, metric, condition, value, stderr, n FROM trial_score\n"
     "WHERE sweep_id = (SELECT max(sweep_id) FROM trial_score WHERE sweep = :sweep) AND main\n"
     "ORDER BY benchmark, condition DESC, value DESC"},
    {"where_two_trials_differ", "Questions that one trial answers right and the other wrong",
     "SELECT a.benchmark, a.sample, a.picture, a.question, a.truth, a.answer AS answer_a, b.answer AS answer_b\n"
     "FROM prediction_detail a JOIN prediction_detail b USING (stage, benchmark, condition, sample)\n"
     "WHERE a.trial = :a AND b.trial = :b AND a.correct AND NOT b.correct LIMIT 200"},
    {"mistakes", "What a trial answers wrong",
     "SELECT stage, benchmark, condition, question, truth, answer, picture FROM prediction_detail\n"
     "WHERE trial = :trial AND NOT correct LIMIT 200"},
    {"mixtures_and_scores", "Weights of the mixtures beside the scores",
     "SELECT trial, mixture, group_concat(source || ' ' || coalesce(round(share, 3), 'natural'), ', ') AS shares, benchmark, metric,\n"
     "  value, stderr FROM mixture_score WHERE sweep_id = (SELECT max(sweep_id) FROM mixture_score WHERE sweep = :sweep)\n"
     "GROUP BY trial_id, mixture, stage, benchmark, metric ORDER BY benchmark, value DESC"},
    {"where_the_time_went", "Hours by stage, shared stages counted once",
     "SELECT sweep, stage, kind, count(DISTINCT key) AS runs, round(sum(seconds / shared_by) / 3600, 3) AS hours\n"
     "FROM stage_cost WHERE state = 'done' GROUP BY sweep, stage ORDER BY hours DESC"},
    {"failures", "What failed, and why",
     "SELECT DISTINCT sweep, stage, state, attempt, started, message, key FROM stage_cost\n"
     "WHERE state IN ('failed', 'lost') ORDER BY started DESC"},
};

}  // namespace

std::string views_reference() {
  std::string out;
  for (const store::ViewDoc& view : store::view_docs()) {
    out += fmt::format("## {}\n\n{}\n\n| column | what it is |\n|---|---|\n", view.name, view.text);
    for (const store::ColumnDoc& column : view.columns) out += fmt::format("| `{}` | {} |\n", column.name, column.text);
    out += fmt::format("\n```sql\n{}\n```\n\n", view.example);
  }
  return out;
}

Json datasette_metadata(const std::string& database) {
  Json tables = Json::object(), queries = Json::object();
  for (const std::string& table : store::table_names()) tables[table] = {{"hidden", true}};
  for (const store::ViewDoc& view : store::view_docs()) {
    Json columns = Json::object();
    for (const store::ColumnDoc& column : view.columns) columns[column.name] = column.text;
    tables[view.name] = {{"description", view.text}, {"columns", columns}, {"size", 50}};
    queries["example_" + view.name] = {{"title", "Example: " + view.name}, {"description", view.text}, {"sql", view.example}};
  }
  for (const Question& question : kQuestions) queries[question.name] = {{"title", question.title}, {"sql", question.sql}};
  return {{"title", "saucier results"},
          {"description", "What the recipes gave. The views are the public interface; the queries are a start."},
          {"databases", {{database, {{"tables", tables}, {"queries", queries}}}}}};
}

}  // namespace saucier::report
