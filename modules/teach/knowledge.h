// What kinds of thing are, for questions that the boxes alone do not answer.
#pragma once

#include <array>
#include <string>

#include "modules/data/scenes/scene.h"

namespace saucier::teach {

enum class Class { kAnimal, kFood, kVehicle, kPlant };
inline constexpr std::array kClasses = {Class::kAnimal, Class::kFood, Class::kVehicle, Class::kPlant};

// Most answers follow from the groups of emoji-test.txt, corrected where those group by theme ("anchor" is under water
// transport). kUnsure is what people would argue about: is a mushroom a plant, a crab food? Nobody is asked such things.
enum class Belongs { kNo, kYes, kUnsure };
Belongs belongs(const data::Kind& kind, Class what);

std::string class_singular(Class what);  // "food item"
std::string class_plural(Class what);    // "food items"

}  // namespace saucier::teach
