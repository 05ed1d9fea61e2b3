#include "modules/teach/knowledge.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace saucier::teach {

namespace {

using namespace std::string_view_literals;

constexpr std::array kNoAnimal = {"paw prints"sv, "feather"sv, "wing"sv, "spider web"sv, "pig nose"sv, "spiral shell"sv};
constexpr std::array kMaybeAnimal = {"coral"sv, "microbe"sv, "unicorn"sv, "dragon"sv, "dragon face"sv};
constexpr std::array kMaybeFood = {"cooking"sv, "pot of food"sv, "shallow pan of food"sv, "bowl with spoon"sv, "takeout box"sv,
                                   "salt"sv, "bento box"sv, "honey pot"sv, "canned food"sv, "mushroom"sv, "herb"sv, "sheaf of rice"sv,
                                   "fish"sv, "nest with eggs"sv};
constexpr std::array kNoVehicle = {"station"sv, "bus stop"sv, "motorway"sv, "railway track"sv, "oil drum"sv, "fuel pump"sv, "wheel"sv,
                                   "police car light"sv, "horizontal traffic light"sv, "vertical traffic light"sv, "stop sign"sv,
                                   "construction"sv, "anchor"sv, "ring buoy"sv, "seat"sv};
constexpr std::array kMaybeVehicle = {"manual wheelchair"sv, "motorized wheelchair"sv, "kick scooter"sv, "skateboard"sv, "roller skate"sv,
                                      "parachute"sv, "satellite"sv, "flying saucer"sv, "suspension railway"sv, "mountain cableway"sv,
                                      "aerial tramway"sv, "mountain railway"sv};
constexpr std::array kNoPlant = {"empty nest"sv, "nest with eggs"sv, "rosette"sv};
constexpr std::array kMaybePlant = {"mushroom"sv, "white flower"sv, "maple leaf"sv, "fallen leaf"sv, "leaf fluttering in wind"sv};

bool any_of(std::span<const std::string_view> names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

Belongs decide(const std::string& name, bool member, std::span<const std::string_view> no, std::span<const std::string_view> maybe) {
  if (any_of(maybe, name)) return Belongs::kUnsure;
  return member && !any_of(no, name) ? Belongs::kYes : Belongs::kNo;
}

}  // namespace

Belongs belongs(const data::Kind& kind, Class what) {
  // A kind that no table knows, people and their faces, and toys and costumes of animals.
  if (kind.group.empty() || kind.group == "People & Body" || kind.group == "Smileys & Emotion" || kind.group == "Activities")
    return Belongs::kUnsure;
  const std::string_view sub = kind.subgroup;
  const bool seafood = sub == "food-marine", food = sub.starts_with("food-"), transport = sub == "transport-ground" || sub == "transport-water" || sub == "transport-air";
  switch (what) {
    case Class::kAnimal: return decide(kind.name, sub.starts_with("animal-") || seafood, kNoAnimal, kMaybeAnimal);
    case Class::kFood:
      if (seafood || sub == "drink") return Belongs::kUnsure;
      return decide(kind.name, food, {}, kMaybeFood);
    case Class::kVehicle: return decide(kind.name, transport, kNoVehicle, kMaybeVehicle);
    case Class::kPlant:
      if (sub == "food-fruit" || sub == "food-vegetable") return Belongs::kUnsure;  // a plant, or a part of one
      return decide(kind.name, sub.starts_with("plant-"), kNoPlant, kMaybePlant);
  }
  return Belongs::kUnsure;
}

std::string class_singular(Class what) {
  switch (what) {
    case Class::kAnimal: return "animal";
    case Class::kFood: return "food item";
    case Class::kVehicle: return "vehicle";
    case Class::kPlant: return "plant";
  }
  return {};
}

std::string class_plural(Class what) { return class_singular(what) + "s"; }

}  // namespace saucier::teach
