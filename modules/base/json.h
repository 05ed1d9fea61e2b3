// JSON for everything that programs exchange. Objects keep their keys sorted, so dump() of equal values is equal text.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace saucier {

using Json = nlohmann::json;

// The text that keys are hashed from: sorted keys, no spaces, shortest number that reads back the same, and 1.0 and 1
// told apart (a float keeps its point), UTF-8 as it is. Throws Error on a number that is not finite.
std::string canonical(const Json& value);

// Parses or throws Error naming `what` ("plan of trial 3") with line and column.
Json parse_json(std::string_view text, std::string_view what);

}  // namespace saucier
