// What a part is made of: names and shapes of its tensors, before any number is read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::layout {

using Shape = std::vector<std::int64_t>;
using Shapes = std::map<std::string, Shape>;  // by the names that a part has when it stands alone

// Throws Error naming the first tensor that is missing, unknown or of another shape, with the nearest names.
void check_tensors(const Shapes& given, const Shapes& expected, std::string_view part);

constexpr std::int64_t kMostLayers = 4096;  // that are taken from a config: each has its names

std::int64_t parameters(const Shapes& shapes);  // numbers in all of them; the largest int64 where it is more

}  // namespace saucier::layout
