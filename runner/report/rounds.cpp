#include "runner/report/rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "modules/base/clock.h"
#include "modules/base/error.h"
#include "runner/report/results.h"

namespace saucier::report {
namespace {

constexpr double kHour = 3600;

std::int64_t trial_id(const store::Store& store, std::int64_t sweep, std::int64_t number) {
  const auto found = store.query("SELECT id FROM trial WHERE sweep_id = ?1 AND number = ?2", {sweep, number});
  SAUCIER_CHECK(!found.rows.empty(), "sweep {} has no trial {}", sweep, number);
  return found.rows[0][0].get<std::int64_t>();
}

// What stages that other trials share took counts here too: it is what this trial would have cost alone.
double hours_of(const store::Store& store, const std::vector<std::string>& keys) {
  double seconds = 0;
  for (const std::string& key : std::set<std::string>(keys.begin(), keys.end()))
    for (const auto& row : store.query("SELECT seconds FROM stage_run WHERE key = ?1 AND seconds IS NOT NULL", {key}).rows) seconds += row[0].get<double>();
  return seconds / kHour;
}

}  // namespace

store::RoundVerdict judge_round(const store::Store& store, const RoundQuestion& question) {
  store::RoundVerdict verdict{.sweep = question.sweep, .number = question.number, .cycle = question.cycle, .round = question.round, .goes_on = true, .reason = {}, .difference = {}, .p_value = {}};
  if (!question.stage_before.empty()) {
    const std::int64_t trial = trial_id(store, question.sweep, question.number);
    const Paired pair = paired_answers(store, {trial, question.stage}, {trial, question.stage_before}, question.benchmark);
    if (pair.questions == 0)
      throw Error(fmt::format("stages '{}' and '{}' answered no question of '{}' in common", question.stage, question.stage_before, question.benchmark), "let both score the same benchmark on the same pictures");
    verdict.difference = pair.difference;
    verdict.p_value = pair.p_value;
    verdict.goes_on = pair.difference > 0 && pair.p_value < question.alpha;
    verdict.reason = fmt::format("{}: {} {:+.3f} correct, p = {:.2g}", verdict.goes_on ? "gain" : "no gain", question.benchmark, pair.difference, pair.p_value);
  }
  if (verdict.goes_on && question.max_hours) {
    const double hours = hours_of(store, question.keys);
    if (hours >= *question.max_hours) {
      verdict.goes_on = false;
      verdict.reason += fmt::format("{}{} of {} used", verdict.reason.empty() ? "" : "; ", format_duration(hours * kHour), format_duration(*question.max_hours * kHour));
    }
  }
  if (verdict.reason.empty()) verdict.reason = "no round before it to compare with";
  return verdict;
}

Table rounds(const store::Store& store, std::int64_t sweep) {
  const auto found = store.query("SELECT trial, cycle, round, written, kept, stage || '.' || benchmark || '.' || metric AS score, value, verdict, seconds, number"
                                 " FROM round_view WHERE sweep_id = ?1 ORDER BY number, cycle, round, score", {sweep});
  std::vector<std::string> scores;
  std::map<std::tuple<std::int64_t, std::string, std::int64_t>, size_t> place;
  for (const auto& row : found.rows)
    if (const auto score = row[5].get<std::string>(); std::find(scores.begin(), scores.end(), score) == scores.end()) scores.push_back(score);
  std::sort(scores.begin(), scores.end());
  Table table{{"trial", "cycle", "round", "written", "kept"}, {}};
  table.columns.insert(table.columns.end(), scores.begin(), scores.end());
  table.columns.insert(table.columns.end(), {"seconds", "verdict"});
  for (const auto& row : found.rows) {
    const auto [it, fresh] = place.try_emplace({row[9].get<std::int64_t>(), row[1].get<std::string>(), row[2].get<std::int64_t>()}, table.rows.size());
    if (fresh) {
      std::vector<Json> cells(table.columns.size());
      std::copy(row.begin(), row.begin() + 5, cells.begin());
      cells[5 + scores.size()] = row[8];
      cells[6 + scores.size()] = row[7];
      table.rows.push_back(std::move(cells));
    }
    const auto score = std::find(scores.begin(), scores.end(), row[5].get<std::string>());
    table.rows[it->second][5 + static_cast<size_t>(score - scores.begin())] = row[6];
  }
  return table;
}

}  // namespace saucier::report
