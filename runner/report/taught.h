// What teachers wrote, in a sweep's report.
#pragma once

#include <string>

#include "store/store.h"

namespace saucier::report {

// Of each synthesize stage with a teacher in words: verdicts as bars, kinds and lengths beside LLaVA-Instruct's, and some of
// what was kept and rejected, with the pictures. Empty where there is none.
std::string taught_html(const store::Store& store, std::int64_t sweep);

}  // namespace saucier::report
