// --json and --csv of the commands that print a table.
#pragma once

#include "runner/cli/command.h"
#include "runner/report/table.h"

namespace saucier::cli {

void add_format_options(po::options_description& options);
// To standard output, as text unless --json or --csv is given.
void print_table(const report::Table& table, const po::variables_map& values);

}  // namespace saucier::cli
