// --json, --csv and --md of the commands that print a table.
#pragma once

#include "runner/cli/command.h"
#include "runner/report/table.h"

namespace saucier::cli {

void add_format_options(po::options_description& options);
bool for_programs(const po::variables_map& values);  // one of them is given: the table alone, no words around it
// To standard output, as text unless one of them is given.
void print_table(const report::Table& table, const po::variables_map& values);

}  // namespace saucier::cli
