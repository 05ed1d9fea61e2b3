#include "runner/report/diff.h"

#include <cstdio>

#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/cli/trial_argument.h"
#include "runner/report/trials.h"

namespace saucier::cli {
namespace {

// Digests by their beginning, parameters with all their digits: two that differ must not look alike.
Json shown(const Json& value, bool digest) {
  if (digest && value.is_string()) return value.get<std::string>().substr(0, 12);
  return value.is_number() || value.is_structured() ? Json(value.is_array() ? value.dump() : report::show_parameter(value)) : value;
}

}  // namespace

int diff(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("diff", arguments, options, {{"trial", 2}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto trials = read_trials("diff", *store, values, 2, 2);
  const report::Table table = report::differences(*store, trials[0].id, trials[1].id);
  if (for_programs(values)) {
    print_table(table, values);
    return kDone;
  }
  const std::string &a = trials[0].name, b = trials[1].name == a ? a + " (b)" : trials[1].name;
  report::Table fields{{"part", "stage", "what", a, b}, {}};
  report::Table scores{{"stage", "benchmark", a, b, "difference", "correct", "95 % from", "to", "McNemar p", "questions"}, {}};
  for (const auto& row : table.rows) {
    if (row[0] == "score") {
      scores.rows.emplace_back(row.begin() + 1, row.end());
    } else {
      fields.rows.push_back({row[0], row[1], row[2], shown(row[3], row[0] == "data"), shown(row[4], row[0] == "data")});
    }
  }
  if (table.rows.empty()) std::puts("nothing differs");
  if (!fields.rows.empty()) std::fputs(report::to_text(fields).c_str(), stdout);
  if (!fields.rows.empty() && !scores.rows.empty()) std::puts("");
  if (!scores.rows.empty())
    std::fputs((report::to_text(scores) + "\nthe second minus the first; correct: share of the questions, interval by bootstrap over pictures\n").c_str(), stdout);
  return kDone;
}

}  // namespace saucier::cli
