// --json, --csv and --md of the commands that print a table.
#pragma once

#include "runner/cli/command.h"
#include "runner/report/table.h"

namespace saucier::cli {

void add_format_options(po::options_description& options);
bool for_programs(const po::variables_map& values);  // one of them is given: the table alone, no words around it
// To standard output, as text unless one of them is given.
void print_table(const report::Table& table, const po::variables_map& values);

// The same with the columns '…bytes' and 'alone' as sizes for people; JSON and CSV keep the numbers.
void print_sizes(report::Table table, const po::variables_map& values);
std::string show_bytes(std::int64_t bytes);  // "812 B", "3.4 MB"

}  // namespace saucier::cli
