#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/report/find.h"
#include "runner/report/rounds.h"

namespace saucier::cli {

int rounds(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("rounds", arguments, options, {{"sweep", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto names = strings(values, "sweep");
  const std::int64_t sweep = report::find_sweep(*store, names.empty() ? "" : names.front());
  const report::Table table = report::rounds(*store, sweep);
  if (table.rows.empty())
    throw Error("no round of a cycle is done in this sweep", "a recipe says which stages run in rounds: docs/cycles.md");
  print_table(table, values);
  return kDone;
}

}  // namespace saucier::cli
