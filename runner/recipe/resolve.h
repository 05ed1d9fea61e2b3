// From a bound and checked recipe to the stages of one trial.
#pragma once

#include <vector>

#include "runner/recipe/bound.h"
#include "runner/recipe/recipe.h"

namespace saucier::recipe {

// In recipe order. Sources with weight 0 are left out of a stage's job: they change nothing that it does.
std::vector<Stage> resolve_stages(const Bound& bound);

// Does the stage train an adapter? Else its `lora` says nothing and is no part of the resolved recipe.
bool trains_lora(const BoundStage& stage);

// Every value of the recipe, defaults too, in one object whose dump is equal for equal recipes.
Json resolved_recipe(const Bound& bound);

}  // namespace saucier::recipe
