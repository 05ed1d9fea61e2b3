// What is said about a scene: captions, context, grid.
//
// The grid's rule. A threshold t is drawn per scene: "centre only" (half the time), 0.6 or 0.35, so that a reader of grids is not bound
// to one notion of where an object ends.
//   1. A cell that holds the centre of an object names that object.
//   2. Any other cell names the object whose box covers most of it, if that is at least t of the cell.
//   3. Else it is ".".
// With several candidates the larger coverage decides, then reading order. A name of several words is hyphenated. When
// `cell` does not divide the side, the last column and row of cells reach to the picture's edge.
#include <algorithm>
#include <map>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/data/scenes/background.h"
#include "modules/data/scenes/questions.h"
#include "modules/data/scenes/scene.h"
#include "modules/data/scenes/words.h"

namespace saucier::data {

namespace {

constexpr std::uint64_t kTextSeed = 0x7E97 + kGeneratorVersion;

// "is" or "are", by the first thing of a list.
std::string be(const std::vector<std::pair<int, std::int64_t>>& counts) { return counts.front().second == 1 ? "is" : "are"; }

std::string list_of(const std::vector<Kind>& kinds, const std::vector<std::pair<int, std::int64_t>>& counts) {
  std::vector<std::string> parts;
  for (const auto& [kind, n] : counts) {
    const Kind& k = kinds[static_cast<size_t>(kind)];
    parts.push_back(counted(k.name, k.plural, n));
  }
  return join_and(parts);
}

// Kinds with their number, in an order of the rng's.
std::vector<std::pair<int, std::int64_t>> count_kinds(const Scene& scene, Rng& rng) {
  std::map<int, std::int64_t> counts;
  for (const Object& object : scene.objects) ++counts[object.kind];
  std::vector<std::pair<int, std::int64_t>> list(counts.begin(), counts.end());
  rng.shuffle(list);
  return list;
}

// "a dog at the top left and two cups at the bottom": what is of one kind and at one place is counted together.
struct Placed {
  int kind;
  std::string place;
  std::int64_t n;
};

std::vector<Placed> count_places(const Scene& scene, Rng& rng) {
  std::vector<Placed> groups;
  for (const Object& object : scene.objects) {
    const std::string place = place_word(object.box);
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Placed& g) { return g.kind == object.kind && g.place == place; });
    if (same == groups.end())
      groups.push_back({.kind = object.kind, .place = place, .n = 1});
    else
      ++same->n;
  }
  if (rng.chance(0.5)) rng.shuffle(groups);  // else reading order
  return groups;
}

std::string list_of(const std::vector<Kind>& kinds, const std::vector<Placed>& groups) {
  std::vector<std::string> parts;
  for (const Placed& group : groups) {
    const Kind& k = kinds[static_cast<size_t>(group.kind)];
    parts.push_back(counted(k.name, k.plural, group.n) + " " + place_phrase(group.place));
  }
  return join_and(parts);
}

// A number of thousandths without trailing zeros but with its point: 0.63, 1.0.
std::string three_decimals(double value) {
  std::string text = fmt::format("{:.3f}", value);
  while (text.back() == '0' && text[text.size() - 2] != '.') text.pop_back();
  return text;
}

}  // namespace

std::vector<std::string> SceneWorld::captions(const Scene& scene) const {
  Rng rng(kTextSeed, "scene.captions." + scene.split, static_cast<std::uint64_t>(scene.index));
  const auto& names = kinds();
  std::vector<std::string> captions;

  captions.push_back(list_of(names, count_kinds(scene, rng)));

  const auto counts = count_kinds(scene, rng);
  const std::string things = list_of(names, counts);
  switch (rng.integer(0, 3)) {
    case 0: captions.push_back("there " + be(counts) + " " + things + " in the picture"); break;
    case 1: captions.push_back("a picture of " + things); break;
    case 2: captions.push_back("the picture shows " + things); break;
    default: captions.push_back("you can see " + things); break;
  }

  captions.push_back(list_of(names, count_places(scene, rng)));

  const std::string ground = background_phrase(scene.background);
  const std::string counted_things = list_of(names, count_kinds(scene, rng));
  switch (rng.integer(0, 2)) {
    case 0: captions.push_back(counted_things + " on " + with_article(ground)); break;
    case 1: captions.push_back("on " + with_article(ground) + ", " + counted_things); break;
    default: captions.push_back("a picture with " + with_article(ground) + " and " + counted_things); break;
  }

  const auto groups = count_places(scene, rng);
  const std::string placed = list_of(names, groups);
  switch (rng.integer(0, 2)) {
    case 0: captions.push_back("this picture has " + placed); break;
    case 1: captions.push_back(std::string("there ") + (groups.front().n == 1 ? "is " : "are ") + placed); break;
    default: captions.push_back("in this scene you find " + placed); break;
  }
  return captions;
}

CaptionsAndBoxes SceneWorld::context(const Scene& scene) const {
  CaptionsAndBoxes context{.id = scene.reference(), .captions = captions(scene), .instances = {}};
  for (const Object& object : scene.objects)
    context.instances.push_back({.category = kinds()[static_cast<size_t>(object.kind)].name, .box = rounded(object.box)});
  return context;
}

std::string CaptionsAndBoxes::to_text(bool with_boxes) const {
  std::string text;
  for (const std::string& caption : captions) text += caption + "\n";
  if (with_boxes) {
    text += "\n";
    for (const Instance& instance : instances)
      text += fmt::format("{}: [{}, {}, {}, {}]\n", instance.category, three_decimals(instance.box.x1), three_decimals(instance.box.y1),
                          three_decimals(instance.box.x2), three_decimals(instance.box.y2));
    if (!notes.empty()) text += "\n";
    for (const Note& note : notes) text += fmt::format("{}: {}\n", note.name, note.text);
  }
  if (!text.empty()) text.pop_back();
  return text;
}

std::string SceneWorld::grid(const Scene& scene, int cell) const {
  const int side = static_cast<int>(options().image_size);
  SAUCIER_CHECK(cell >= 1 && cell <= side, "cells of {} pixels in a picture of {}", cell, side);
  const int n = side / cell;
  Rng rng(kTextSeed, "scene.grid." + scene.split, static_cast<std::uint64_t>(scene.index));
  // In percent of a cell; no cell is covered by more than 100.
  const std::int64_t threshold = rng.pick(std::vector<std::int64_t>{101, 101, 60, 35});

  struct Cell {
    const Object* object = nullptr;
    std::int64_t covered = 0;  // pixels
    bool centre = false;
  };
  std::vector<Cell> cells(static_cast<size_t>(n) * n);
  const auto end_of = [&](int i) { return i == n - 1 ? side : (i + 1) * cell; };
  for (const Object& object : scene.objects) {
    const auto pixel = [&](double v) { return static_cast<int>(v * side + 0.5); };
    const int x1 = pixel(object.box.x1), y1 = pixel(object.box.y1), x2 = pixel(object.box.x2), y2 = pixel(object.box.y2);
    const int centre_x = std::min((x1 + x2) / 2 / cell, n - 1), centre_y = std::min((y1 + y2) / 2 / cell, n - 1);
    for (int row = 0; row < n; ++row)
      for (int column = 0; column < n; ++column) {
        const std::int64_t wide = std::min(x2, end_of(column)) - std::max(x1, column * cell);
        const std::int64_t high = std::min(y2, end_of(row)) - std::max(y1, row * cell);
        if (wide <= 0 || high <= 0) continue;
        const std::int64_t covered = wide * high;
        const std::int64_t area = static_cast<std::int64_t>(end_of(column) - column * cell) * (end_of(row) - row * cell);
        const bool centre = row == centre_y && column == centre_x;
        if (!centre && covered * 100 < threshold * area) continue;
        Cell& at = cells[static_cast<size_t>(row) * n + column];
        if (at.object == nullptr || std::pair(centre, covered) > std::pair(at.centre, at.covered)) at = {&object, covered, centre};
      }
  }
  std::string text;
  for (const Cell& at : cells) {
    if (!text.empty()) text += ' ';
    text += at.object == nullptr ? "." : hyphenated(kinds()[static_cast<size_t>(at.object->kind)].name);
  }
  return text;
}

}  // namespace saucier::data
