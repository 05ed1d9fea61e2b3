#include <algorithm>
#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/cli/trial_argument.h"

namespace saucier::cli {
namespace {

constexpr const char* kColumns = "stage, source, asked, share, draws, passes, samples, dropped, tokens, learned_tokens, pictures, cut_pairs, cut_answers, size, reasons";

void check_stage(const store::Store& store, const report::FoundTrial& trial, const std::string& stage) {
  std::vector<std::string> known;
  for (const auto& row : store.query("SELECT stage FROM trial_stage WHERE trial_id = ?1 ORDER BY position", {trial.id}).rows)
    known.push_back(row[0].get<std::string>());
  if (std::find(known.begin(), known.end(), stage) == known.end())
    throw Error(fmt::format("trial '{}' has no stage '{}'", trial.name, stage), suggestion(stage, known));
}

// A line a stage and source that lost some.
std::string lost(const report::Table& table) {
  std::string out;
  for (const auto& row : table.rows)
    if (!row.back().is_null())
      out += fmt::format("dropped in stage '{}' of '{}': {}\n", row[0].get<std::string>(), row[1].get<std::string>(), row.back().get<std::string>());
  return out;
}

}  // namespace

int data(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("data", arguments, options, {{"trial", 1}, {"stage", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const report::FoundTrial trial = read_trials("data", *store, values, 1, 1).front();
  const auto stages = strings(values, "stage");
  const std::string stage = stages.empty() ? "" : stages.front();
  if (!stage.empty()) check_stage(*store, trial, stage);
  const store::Result found = store->query(fmt::format("SELECT {} FROM drawn d WHERE trial_id = ?1 AND (?2 = '' OR stage = ?2) ORDER BY "
                                                       "(SELECT position FROM trial_stage ts WHERE ts.trial_id = ?1 AND ts.stage = d.stage), source", kColumns),
                                           {trial.id, stage});
  if (found.rows.empty())
    throw Error(stage.empty() ? fmt::format("no stage of trial '{}' has said yet what it drew", trial.name)
                              : fmt::format("stage '{}' of trial '{}' has not said what it drew", stage, trial.name),
                "a train stage says it when it is done: saucier status");
  report::Table table{found.columns, found.rows};
  if (for_programs(values)) {
    print_table(table, values);
    return kDone;
  }
  const std::string said = lost(table);
  table.columns.pop_back();
  for (auto& row : table.rows) row.pop_back();
  print_table(table, values);
  if (!said.empty()) std::fputs(("\n" + said).c_str(), stdout);
  return kDone;
}

}  // namespace saucier::cli
