// What types and ranges cannot say: names that must exist, keys that exclude each other, stages that make no sense.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "runner/recipe/bound.h"

namespace saucier::recipe {

// What some stage of some trial reads, collected over all trials for the warnings.
struct Usage {
  std::set<std::string> sources;
  std::set<std::string> mixtures;
  MissingFiles missing;
};

// All checks; also resolves BoundStage::goes_on_from.
void check(Bound& bound, Diagnostics& problems, Usage& usage);

// One part each of `check`.
void check_sources(const Bound& bound, Diagnostics& problems);
void check_mixtures(const Bound& bound, Diagnostics& problems);
void check_stages(Bound& bound, Diagnostics& problems);
void check_model(const Bound& bound, Diagnostics& problems);

// The warnings.
void check_usage(const Node& root, const Usage& usage, Diagnostics& problems);

// Mixture names and data sources that a stage reads; empty where the recipe's names are wrong. With `zeros` also the
// sources that a mixture gives the weight 0.
std::vector<std::string> mixtures_of(const Bound& bound, const BoundStage& stage);
std::vector<std::string> sources_of(const Bound& bound, const BoundStage& stage, bool zeros);

// Names of the entries of a table: data sources, mixtures.
std::vector<std::string> names_of(const Node& root, std::string_view table);

}  // namespace saucier::recipe
