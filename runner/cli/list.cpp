#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "store/store.h"

namespace saucier::cli {

int list(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("list", arguments, options, {});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const store::Result result = store->query(
      "SELECT sweep, trials, trials_done AS done, trials_failed AS failed, round(seconds, 1) AS seconds, metric,"
      " best_trial, best_value, created FROM sweep_progress ORDER BY sweep_id DESC");
  print_table({result.columns, result.rows}, values);
  return kDone;
}

}  // namespace saucier::cli
