// A sweep as one HTML file that needs nothing else: scores, ranking, loss curves, stages, and pictures with answers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "store/store.h"

namespace saucier::report {

// The page. A sweep without scores yet has its stages and curves alone. Well-formed as XML, no scripts, pictures as
// data: URLs. Throws Error when there is no such sweep.
std::string html(const store::Store& store, std::int64_t sweep);

// The same to `file`, whole or not at all.
void write_html(const store::Store& store, std::int64_t sweep, const std::filesystem::path& file);

}  // namespace saucier::report
