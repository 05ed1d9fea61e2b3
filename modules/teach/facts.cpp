#include "modules/teach/facts.h"

#include <algorithm>

#include "modules/data/scenes/words.h"

namespace saucier::teach {

Facts::Facts(const std::vector<data::Kind>& known, const data::CaptionsAndBoxes& context) : kinds(&known) {
  for (const auto& instance : context.instances) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == instance.category; });
    if (group == groups.end()) {
      const auto kind = std::find_if(known.begin(), known.end(), [&](const data::Kind& k) { return k.name == instance.category; });
      Group made{.name = instance.category, .plural = data::plural_of(instance.category), .kind = -1, .boxes = {}};
      if (kind != known.end()) made.kind = static_cast<int>(kind - known.begin()), made.plural = kind->plural;
      group = groups.insert(groups.end(), std::move(made));
    }
    group->boxes.push_back(instance.box);
    ++objects;
  }
}

std::string Facts::list() const {
  std::vector<std::string> parts;
  for (const Group& group : groups) parts.push_back(data::counted(group.name, group.plural, group.count()));
  return data::join_and(parts);
}

std::vector<int> Facts::absent() const {
  std::vector<int> list;
  for (size_t i = 0; i < kinds->size(); ++i)
    if (std::none_of(groups.begin(), groups.end(), [&](const Group& g) { return g.kind == static_cast<int>(i); })) list.push_back(static_cast<int>(i));
  return list;
}

std::string one_of(Rng& rng, const std::vector<std::string>& texts) { return rng.pick(texts); }

std::optional<Largest> find_largest(const Facts& facts) {
  struct Area {
    double area;
    size_t group;
  };
  std::vector<Area> areas;
  for (size_t g = 0; g < facts.groups.size(); ++g)
    for (const data::Box& box : facts.groups[g].boxes) areas.push_back({(box.x2 - box.x1) * (box.y2 - box.y1), g});
  std::sort(areas.begin(), areas.end(), [](const Area& a, const Area& b) { return a.area > b.area; });
  if (areas.size() < 2 || !facts.groups[areas[0].group].single() || areas[0].area < 1.25 * areas[1].area) return std::nullopt;
  return Largest{.group = areas[0].group, .next = areas[1].group, .area = areas[0].area, .next_area = areas[1].area};
}

std::string relation_phrase(const std::string& relation) {
  return relation == "left" || relation == "right" ? "to the " + relation + " of" : relation;
}

}  // namespace saucier::teach
