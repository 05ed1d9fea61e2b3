// Files and folders that a recipe names and this machine lacks. A recipe is looked at without them; only running it, and
// planning it (what lies in them is part of the keys), needs them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "modules/base/diagnostic.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

struct MissingFile {
  std::string key;   // of the option that names it: "data.captions.path"
  std::string said;  // as the recipe says it
  fs::path folder;   // that it starts from
  Position position;
};

// Collected over all trials: each file once, however many places and trials name it.
class MissingFiles {
 public:
  void add(const MissingFile& file);
  // A warning a file at the first place that names it, with the nearest existing name where there is one.
  void report(Diagnostics& problems) const;

 private:
  struct Named {
    MissingFile first;
    std::vector<Position> further;
  };
  std::map<fs::path, Named> files_;
};

// The same problems with the missing files as errors.
Diagnostics with_files_needed(const Diagnostics& problems);

}  // namespace saucier::recipe
