// Sweeps and trials by the names that people give them.
#pragma once

#include <cstdint>
#include <string>

#include "store/store.h"

namespace saucier::report {

// The id of a sweep: '@ID', or the newest of that name; the newest of all for "". Throws Error with the nearest names.
std::int64_t find_sweep(const store::Store& store, const std::string& name);

struct FoundTrial {
  std::int64_t id = 0, sweep_id = 0;
  std::string sweep, name;
  std::string note;  // where several trials have the name: which one was taken, and how to name another; else ""
};

// SWEEP/NAME, NAME or '@ID'; the newest where several have the name. Throws Error with the nearest names.
FoundTrial find_trial(const store::Store& store, const std::string& name);

}  // namespace saucier::report
