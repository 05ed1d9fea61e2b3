#include "runner/cli/table_output.h"

#include <cstdio>
#include <iterator>

#include "modules/base/error.h"

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

std::string show_bytes(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  return unit == 0 || value >= 99.95 ? fmt::format("{:.0f} {}", value, kUnits[unit]) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

void print_sizes(report::Table table, const po::variables_map& values) {
  if (!values.count("json") && !values.count("csv")) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (!table.columns[c].ends_with("bytes") && table.columns[c] != "alone") continue;
      for (auto& row : table.rows)
        if (row[c].is_number_integer()) row[c] = show_bytes(row[c].get<std::int64_t>());
    }
  }
  print_table(table, values);
}

}  // namespace saucier::cli
