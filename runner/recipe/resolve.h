// From a bound and checked recipe to the stages of one trial.
#pragma once

#include <vector>

#include "runner/recipe/bound.h"
#include "runner/recipe/recipe.h"

namespace saucier::recipe {

// In recipe order. Sources with weight 0 are left out of a stage's job: they change nothing that it does.
std::vector<Stage> resolve_stages(const Bound& bound);

// Does `trains` name it? What [lora] and [vision_lora] say of a stage without an adapter is no part of the resolved recipe.
bool trains(const BoundStage& stage, std::string_view part);

// Every value of the recipe, defaults too, in one object whose dump is equal for equal recipes.
Json resolved_recipe(const Bound& bound);

}  // namespace saucier::recipe
