// A trial written out as TOML: every value, defaults too, in the order of the reference. Reading it gives the same trial, and
// equal trials give equal text, however they were written.
#pragma once

#include <map>
#include <string>

#include "runner/recipe/recipe.h"

namespace saucier::recipe {

// With `origins`, each line ends in a comment: where its value was said ("recipes/x.toml:31", "--set", "axis", "default").
std::string to_toml(const Trial& trial, bool origins);

}  // namespace saucier::recipe
