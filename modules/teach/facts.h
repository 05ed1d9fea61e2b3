// What a teacher knows of one picture, put in order. Internal to this folder.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "modules/base/rng.h"
#include "modules/data/scenes/scene.h"
#include "modules/teach/exchange.h"

namespace saucier::teach {

struct Group {  // all objects of one kind
  std::string name;
  std::string plural;
  int kind = -1;  // index in the teacher's kinds, or -1 for a category it does not know
  std::vector<data::Box> boxes;
  std::int64_t count() const { return static_cast<std::int64_t>(boxes.size()); }
  bool single() const { return boxes.size() == 1; }
};

struct Facts {
  std::vector<data::Kind> const* kinds = nullptr;
  std::vector<Group> groups;  // in the order in which the kinds first occur
  std::int64_t objects = 0;

  Facts(const std::vector<data::Kind>& known, const data::CaptionsAndBoxes& context);
  // "a dog, two foxes and a cup"
  std::string list() const;
  std::vector<int> absent() const;  // known kinds that the picture does not show
};

// One drawn at random of texts that say the same.
std::string one_of(Rng& rng, const std::vector<std::string>& texts);

// Short questions and short answers, at most `turns` and at least one.
std::vector<Exchange> write_conversation(const Facts& facts, std::int64_t turns, Rng& rng);
// Lists of things and, of each, how often it is there, where, or where from another; at most two, of different sorts.
std::vector<Exchange> write_checklist(const Facts& facts, std::int64_t turns, Rng& rng);
Exchange write_detail(const Facts& facts, Rng& rng);
const std::vector<std::string>& detail_questions();
Exchange write_reasoning(const Facts& facts, Rng& rng);

// The group of the one object that is largest by at least a quarter of the next, with the two areas (0 to 1).
struct Largest {
  size_t group, next;
  double area, next_area;
};
std::optional<Largest> find_largest(const Facts& facts);

std::string relation_phrase(const std::string& relation);  // "left" -> "to the left of"

}  // namespace saucier::teach
