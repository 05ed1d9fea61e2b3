// Bytes as text: RFC 4648, section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace saucier {

std::string to_base64(std::string_view bytes);                        // padded
std::optional<std::string> from_base64(std::string_view text);        // padded or not; nothing where it is not base64

}  // namespace saucier
