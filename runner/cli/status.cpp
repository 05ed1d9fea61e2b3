#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/report/results.h"
#include "store/store.h"

namespace saucier::cli {

int status(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("status", arguments, options, {{"sweep", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto names = strings(values, "sweep");
  const std::int64_t sweep = report::find_sweep(*store, names.empty() ? "" : names.front());
  // A stage that trials share stands once, with the first of them.
  const store::Result result = store->query(
      "SELECT sweep, trial, stage, state, attempt, round(seconds, 1) AS seconds, trials, started, message FROM"
      " (SELECT *, row_number() OVER (PARTITION BY key ORDER BY number, position) AS place,"
      "  count(*) OVER (PARTITION BY key) AS trials FROM stage_cost WHERE sweep_id = ?1)"
      " WHERE place = 1 ORDER BY number, position",
      {sweep});
  print_table({result.columns, result.rows}, values);
  return kDone;
}

}  // namespace saucier::cli
