// What the parts of a page share.
#pragma once

#include <string>
#include <string_view>

namespace saucier::report {

// For text and for attribute values in double quotes; control characters that XML forbids become U+FFFD.
std::string escape(std::string_view text);

}  // namespace saucier::report
