// What the parts of a page share.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace saucier::report {

// For text and for attribute values in double quotes; control characters that XML forbids become U+FFFD.
std::string escape(std::string_view text);

// Of an artifact's folder of pictures; nothing where it holds none of that name, which comes from a worker.
std::optional<std::filesystem::path> picture_file(const std::filesystem::path& folder, const std::string& reference);

}  // namespace saucier::report
