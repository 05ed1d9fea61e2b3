// Keys that once had another name (Rule::formerly). A recipe may still use the old one: it is put right before anything
// else looks at the tree, with a warning at its place, so that the value, its origin and its key are those of the new name.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/diagnostic.h"
#include "modules/options/table.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

// The tables in which old names are looked up.
struct Renames {
  const options::Table* recipe = nullptr;
  std::map<std::string, const options::Table*> stages;  // by kind
  bool any = false;                                     // is there an old name at all?
};

Renames renames_of(const options::Table& recipe, std::map<std::string, const options::Table*> stages);
const Renames& renames();  // of the options that this program has

// In one file, before it is composed: its keys, and the paths in `remove`, `append`, [sweep] and references.
void renew(Node& root, const Renames& renames, Diagnostics& problems);

// In the path of "PATH=VALUE"; `name` is how messages call the argument ("--set").
std::string renewed_argument(const std::string& name, const std::string& argument, const Renames& renames, Diagnostics& problems);

}  // namespace saucier::recipe
