// Did you mean: the nearest of the known names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saucier {

// Damerau-Levenshtein (adjacent swaps count one), case-insensitive.
int edit_distance(std::string_view a, std::string_view b);

// Up to `limit` names that are near enough to be meant (distance <= max(1, length / 3), or one a prefix of the other
// and at least two letters long), nearest first.
std::vector<std::string> nearest(std::string_view name, std::span<const std::string> known, size_t limit = 3);

// "did you mean 'x'?" where something is near, else "known: 'a', 'b', 'c'" (all if at most eight), else "".
std::string suggestion(std::string_view name, std::span<const std::string> known);

}  // namespace saucier
