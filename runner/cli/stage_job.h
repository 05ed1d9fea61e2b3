// What a stage of a recipe would read, for commands that look at it without running it.
#pragma once

#include <string>

#include "runner/plan/plan.h"

namespace saucier::cli {

// The named trial, or the first. Throws Error naming the nearest.
const recipe::Trial& trial_of(const recipe::Recipe& recipe, const std::string& wanted);

// Of that trial alone. The store may not exist.
plan::Plan plan_of(const recipe::Recipe& recipe, const recipe::Trial& trial, const std::string& store_file);

// The stage's job, with what earlier stages left of what it reads. Throws Error where its data is not there yet; `recipe_name`
// is for the hint.
options::Job job_as_it_is(const plan::Plan& plan, const plan::Node& node, const std::string& recipe_name);

}  // namespace saucier::cli
