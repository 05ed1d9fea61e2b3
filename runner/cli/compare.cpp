#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/report/results.h"

namespace saucier::cli {

int compare(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("compare", arguments, options, {{"sweep", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto names = strings(values, "sweep");
  const std::int64_t sweep = report::find_sweep(*store, names.empty() ? "" : names.front());
  const auto results = report::results(*store, sweep);
  if (!results) throw Error("no trial of this sweep has scores yet", "'saucier status' shows what runs");
  if (for_programs(values)) {
    print_table(results->scores, values);
  } else {
    std::fputs(report::to_text(*results).c_str(), stdout);
  }
  return kDone;
}

}  // namespace saucier::cli
