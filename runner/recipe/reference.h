// `${…}` inside strings: values of the same recipe, and environment variables of a short list.
//
//   "${variables.data}/coco"     the text of another value; a string that is one reference takes the value with its type
//   "${stage.align.global_batch}"
//   "${env:SCRATCH:-/tmp}"       SAUCIER_*, HOME, USER, TMPDIR, SCRATCH, WORK and HF_HOME alone: a recipe cannot read a secret
//   "$${"                        the two characters "${"
#pragma once

#include <set>
#include <string>

#include "runner/recipe/tree.h"

namespace saucier::recipe {

// Is there any reference in a value or a recipe ([sweep] left out: its values are resolved where they are put)?
bool has_references(const Node& root);

// Replaces all of them. A reference that leads nowhere or in a circle is a problem at its string, which stays as it is.
void resolve_references(Node& root, Diagnostics& problems);
// The same for one value that is to stand in the recipe `root`.
void resolve_references(Node& value, const Node& root, Diagnostics& problems);

// The paths that a value refers to, and what those values refer to in their turn.
std::set<std::string> referred_paths(const Node& value, const Node& root);

}  // namespace saucier::recipe
