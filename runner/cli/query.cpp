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
  const po::variables_map values = parse("query", arguments, options, {{"sql", 1}});
  const std::vector<std::string> sql = strings(values, "sql");
  if (sql.empty()) throw Error("'saucier query' needs an SQL statement", command("query").example);
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const store::Result result = store->query(sql.front());
  print_table({result.columns, result.rows}, values);
  return kDone;
}

}  // namespace saucier::cli
