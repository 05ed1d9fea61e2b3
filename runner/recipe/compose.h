// A recipe file and what it `extends`, as one tree: fragments in the order named, later ones win, the file wins over all.
//
// Tables merge key by key, `[[stage]]` merges by name (new ones go behind), everything else is replaced. Before a file is
// laid over what it extends, its `remove` (a list of paths) takes values or stages out of that, and its `append` (a table:
// path to list) puts items behind lists in it.
#pragma once

#include <filesystem>

#include "runner/recipe/recipe.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

// Throws Error when `file` itself cannot be read; a fragment that cannot is a problem at its `extends`.
Parsed compose(const fs::path& file, const Reading& reading, Diagnostics& problems);

// `extends`, `remove`, `append`: gone when a recipe is composed.
bool is_composition_key(std::string_view key);

// `over` wins. Both are tables.
void merge(Node& base, Node over);

// Names in `folder` (files that end in .toml) that are near to `name`, as a hint; or what is there.
std::string near_files(const fs::path& path);

}  // namespace saucier::recipe
