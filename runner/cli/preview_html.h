// The page that preview writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "modules/sources/preview.h"
#include "runner/report/table.h"

namespace saucier::cli {

// One file that needs nothing else: samples with their pictures, what is learned marked, and the summary.
void write_preview_html(const std::filesystem::path& file, const std::string& title, const std::vector<sources::ShownSample>& samples,
                        const report::Table& summary);

}  // namespace saucier::cli
