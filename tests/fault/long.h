// The tests of faults have a long version: SAUCIER_LONG=1 build/test_fault.
#pragma once

#include <cstdlib>

namespace saucier {

inline bool long_version() { return std::getenv("SAUCIER_LONG") != nullptr; }

}  // namespace saucier
