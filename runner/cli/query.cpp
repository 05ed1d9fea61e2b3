#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "store/store.h"

namespace saucier::cli {

int query(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  options.add_options()("limit", po::value<std::int64_t>()->value_name("ROWS")->default_value(100'000), "most rows; 0 for all")(
      "timeout", po::value<double>()->value_name("SECONDS")->default_value(60), "how long it may take");
  const po::variables_map values = parse("query", arguments, options, {{"sql", 1}});
  const std::vector<std::string> sql = strings(values, "sql");
  if (sql.empty()) throw Error("'saucier query' needs an SQL statement", command("query").example);
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const store::QueryLimits limits{.seconds = values["timeout"].as<double>(), .rows = values["limit"].as<std::int64_t>()};
  if (limits.rows < 0 || !(limits.seconds > 0)) throw Error("--limit is from 0, --timeout more than 0", "--limit 0 prints all rows");
  const store::Result result = store->query(sql.front(), {}, limits);
  print_table({result.columns, result.rows}, values);
  if (result.cut)
    std::fputs(fmt::format("note: cut at {} row{}; --limit 0 prints all\n", limits.rows, limits.rows == 1 ? "" : "s").c_str(), stderr);
  return kDone;
}

}  // namespace saucier::cli
