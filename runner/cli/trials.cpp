#include "runner/report/trials.h"

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/report/find.h"

namespace saucier::cli {

int trials(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("where", po::value<std::string>()->value_name("SQL"), "only trials where this holds: \"f1 > 0.9 and state = 'done'\"")(
      "sort", po::value<std::string>()->value_name("COLUMN"), "order by a column; COLUMN:desc from the largest down")(
      "top", po::value<std::int64_t>()->value_name("N")->default_value(0), "the first N; 0 for all")(
      "column", po::value<std::vector<std::string>>()->value_name("COLUMN")->composing(), "show this one too; any number of times")(
      "all", "show every column");
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("trials", arguments, options, {{"sweep", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto names = strings(values, "sweep");
  const report::TrialQuery query{.where = text_of(values, "where"), .sort = text_of(values, "sort"),
                                 .top = values["top"].as<std::int64_t>(), .columns = strings(values, "column"), .all = values.count("all") > 0};
  if (query.top < 0) throw Error("--top is from 0", "--top 10");
  print_table(report::trials(*store, report::find_sweep(*store, names.empty() ? "" : names.front()), query), values);
  return kDone;
}

}  // namespace saucier::cli
