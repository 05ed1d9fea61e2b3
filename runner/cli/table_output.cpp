#include "runner/cli/table_output.h"

#include <cstdio>

namespace saucier::cli {

void add_format_options(po::options_description& options) {
  options.add_options()("json", "a list of row objects")("csv", "comma-separated values")(
      "md", "a Markdown table");
}

bool for_programs(const po::variables_map& values) { return values.count("json") || values.count("csv") || values.count("md"); }

void print_table(const report::Table& table, const po::variables_map& values) {
  std::string text = report::to_text(table);
  if (values.count("json")) text = report::to_json(table).dump() + "\n";
  if (values.count("csv")) text = report::to_csv(table);
  if (values.count("md")) text = report::to_markdown(table);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace saucier::cli
