// The trials that best, curve, diff, predictions and why take: SWEEP/NAME, NAME or @ID.
#pragma once

#include "runner/cli/command.h"
#include "runner/report/find.h"

namespace saucier::cli {

// The positional arguments 'trial', at least `least` and at most `most` (0: any number). Where a name is of several sweeps,
// standard error says which was taken. Throws Error.
std::vector<report::FoundTrial> read_trials(const std::string& command, const store::Store& store, const po::variables_map& values,
                                            size_t least, size_t most);

}  // namespace saucier::cli
