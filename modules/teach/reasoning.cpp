#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "modules/data/scenes/questions.h"
#include "modules/data/scenes/words.h"
#include "modules/teach/facts.h"
#include "modules/teach/knowledge.h"

namespace saucier::teach {

namespace {

using data::counted;
using data::join_and;
using data::number_word;

using Draw = std::optional<Exchange> (*)(const Facts&, Rng&);

std::string the(const Group& group) { return group.single() ? "the " + group.name : "the " + number_word(group.count()) + " " + group.plural; }

std::string items(const std::vector<const Group*>& groups) {
  std::vector<std::string> parts;
  for (const Group* group : groups) parts.push_back(counted(group->name, group->plural, group->count()));
  return join_and(parts);
}

std::string the_items(const std::vector<const Group*>& groups) {
  std::vector<std::string> parts;
  for (const Group* group : groups) parts.push_back(the(*group));
  return join_and(parts);
}

std::int64_t total(const std::vector<const Group*>& groups) {
  std::int64_t n = 0;
  for (const Group* group : groups) n += group->count();
  return n;
}

std::string number_of(std::int64_t n, const std::string& one, const std::string& many) {
  return n == 0 ? "no " + many : number_word(n) + " " + (n == 1 ? one : many);
}

// The groups inside and outside of a class; nothing when one of them is arguable.
struct Split {
  std::vector<const Group*> in, out;
};

std::optional<Split> split(const Facts& facts, Class what) {
  Split result;
  for (const Group& group : facts.groups) {
    const Belongs answer = group.kind < 0 ? Belongs::kUnsure : belongs((*facts.kinds)[static_cast<size_t>(group.kind)], what);
    if (answer == Belongs::kUnsure) return std::nullopt;
    (answer == Belongs::kYes ? result.in : result.out).push_back(&group);
  }
  return result;
}

std::optional<Exchange> which(const Facts& facts, Rng& rng) {
  const Class what = kClasses[static_cast<size_t>(rng.integer(0, 3))];
  const auto parts = split(facts, what);
  if (!parts) return std::nullopt;
  // "None" is a good answer now and then, not most of the time.
  if (parts->in.empty() && !rng.chance(0.25)) return std::nullopt;
  const std::string one = class_singular(what), many = class_plural(what);
  std::vector<std::string> questions = {"Which of the things in the picture are " + many + "?", "What " + many + " does the picture show, and what else is there?",
                                        "Sort the things in the picture: which are " + many + " and which are not?"};
  const auto animals = split(facts, Class::kAnimal);
  if (what == Class::kFood && animals && animals->in.empty()) questions.push_back("What in the picture can be eaten?");

  std::string answer = "The picture shows " + facts.list() + ". ";
  const std::int64_t n = total(parts->in);
  if (n == 0) {
    answer += "None of these is " + data::with_article(one) + ".";
  } else if (parts->out.empty()) {
    answer += facts.objects == 1 ? "This is " + data::with_article(one) + "." : "All of these are " + many + ".";
  } else {
    const bool single = total(parts->out) == 1;
    answer += "Of these, " + the_items(parts->in) + " " + (n == 1 ? "is " + data::with_article(one) : "are " + many) + ", while " + the_items(parts->out) +
              (single ? " is" : " are") + " not.";
  }
  answer += " So there " + std::string(n == 1 ? "is " : "are ") + number_of(n, one, many) + " in the picture" + (n == 0 ? "." : ": " + items(parts->in) + ".");
  return Exchange{rng.pick(questions), answer};
}

std::optional<Exchange> largest(const Facts& facts, Rng& rng) {
  const auto found = find_largest(facts);
  if (!found) return std::nullopt;
  const Group &first = facts.groups[found->group], &next = facts.groups[found->next];
  const auto percent = [](double area) { return std::to_string(std::lround(area * 100)) + " percent"; };
  const std::string question = one_of(rng, {"Which object in the picture is the largest?", "What takes up the most room in the picture?", "Compare the sizes of the objects: which one is the largest?"});
  return Exchange{question, "The " + first.name + " takes up about " + percent(found->area) + " of the picture, and " + (next.single() ? "the " + next.name : data::with_article(next.name)) +
                                ", which comes next, about " + percent(found->next_area) + ". So the " + first.name + " is the largest object in the picture."};
}

std::string verdict(std::int64_t a, std::int64_t b, const std::string& these, const std::string& those) {
  if (a > b) return "So yes, there are more " + these + " than " + those + ".";
  if (a < b) return "So no, there are fewer " + these + " than " + those + ".";
  return "So no, there are as many " + these + " as " + those + ".";
}

std::string more_question(Rng& rng, const std::string& these, const std::string& those) {
  return one_of(rng, {"Are there more " + these + " than " + those + " in the picture?", "Does the picture show more " + these + " than " + those + "?"});
}

std::optional<Exchange> compare_classes(const Facts& facts, Rng& rng) {
  std::vector<Class> classes(kClasses.begin(), kClasses.end());
  rng.shuffle(classes);
  const auto a = split(facts, classes[0]), b = split(facts, classes[1]);
  if (!a || !b || (a->in.empty() && b->in.empty())) return std::nullopt;
  const auto side = [](const Split& s, Class what) {
    return number_of(total(s.in), class_singular(what), class_plural(what)) + (s.in.empty() ? "" : " (" + items(s.in) + ")");
  };
  const std::string these = class_plural(classes[0]), those = class_plural(classes[1]);
  const std::int64_t n = total(a->in), m = total(b->in);
  return Exchange{more_question(rng, these, those), std::string("There ") + (n == 1 ? "is " : "are ") + side(*a, classes[0]) + " and " + side(*b, classes[1]) + " in the picture. " + verdict(n, m, these, those)};
}

std::optional<Exchange> compare_kinds(const Facts& facts, Rng& rng) {
  if (facts.groups.size() < 2) return std::nullopt;
  std::vector<const Group*> groups;
  for (const Group& group : facts.groups) groups.push_back(&group);
  rng.shuffle(groups);
  const Group &a = *groups[0], &b = *groups[1];
  return Exchange{more_question(rng, a.plural, b.plural), std::string("There ") + (a.single() ? "is " : "are ") + number_of(a.count(), a.name, a.plural) + " and " +
                                                              number_of(b.count(), b.name, b.plural) + " in the picture. " + verdict(a.count(), b.count(), a.plural, b.plural)};
}

// Squared distance of the centres, in thousandths.
double distance(const data::Box& a, const data::Box& b) {
  const double x = (a.center_x() - b.center_x()) * 1000, y = (a.center_y() - b.center_y()) * 1000;
  return x * x + y * y;
}

std::optional<Exchange> nearest(const Facts& facts, Rng& rng) {
  if (facts.groups.empty()) return std::nullopt;
  const auto from = static_cast<size_t>(rng.integer(0, static_cast<std::int64_t>(facts.groups.size()) - 1));
  const Group& start = facts.groups[from];
  if (!start.single()) return std::nullopt;
  struct Candidate {
    double distance = std::numeric_limits<double>::max();
    size_t group = 0;
    data::Box box;
  };
  std::vector<Candidate> candidates;  // the closest object of every other kind
  for (size_t g = 0; g < facts.groups.size(); ++g) {
    if (g == from) continue;
    Candidate best{.group = g, .box = {}};
    for (const data::Box& box : facts.groups[g].boxes)
      if (const double d = distance(start.boxes[0], box); d < best.distance) best.distance = d, best.box = box;
    candidates.push_back(best);
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
  // A fifth farther away, or the eye may see it otherwise.
  if (candidates.size() < 2 || candidates[1].distance < 1.44 * candidates[0].distance) return std::nullopt;
  const auto named = [&](const Candidate& c) {
    const Group& group = facts.groups[c.group];
    return group.single() ? "the " + group.name : data::with_article(group.name);
  };
  const auto with_place = [&](const Candidate& c) { return named(c) + " " + data::place_phrase(data::place_word(c.box)); };
  std::vector<std::string> others;
  for (size_t i = 1; i < candidates.size(); ++i) others.push_back(with_place(candidates[i]));
  const std::string answer = "The " + start.name + " is " + data::place_phrase(data::place_word(start.boxes[0])) + ". " + data::capitalised(with_place(candidates[0])) +
                             " is closer to it than " + join_and(others) + ". So " + named(candidates[0]) + " is nearest to the " + start.name + ".";
  return Exchange{one_of(rng, {"What is nearest to the " + start.name + "?", "Which object is the closest to the " + start.name + "?"}), answer};
}

// Always has an answer.
std::optional<Exchange> kinds_in_all(const Facts& facts, Rng& rng) {
  const std::string question = one_of(rng, {"How many different kinds of object does the picture show, and which?", "Are all objects in the picture of one kind?"});
  const auto n = static_cast<std::int64_t>(facts.groups.size());
  if (n == 0) return Exchange{question, "There are no objects in the picture."};
  const std::string start = question.starts_with("Are") ? (n == 1 ? "Yes. " : "No. ") : "";
  return Exchange{question, start + "The picture shows " + facts.list() + ". So there " + (n == 1 ? "is one kind" : "are " + number_word(n) + " kinds") + " of object in it."};
}

}  // namespace

Exchange write_reasoning(const Facts& facts, Rng& rng) {
  static constexpr std::array<Draw, 6> kDraws = {which, largest, compare_classes, compare_kinds, nearest, kinds_in_all};
  static constexpr std::array<double, 6> kWeights = {0.34, 0.16, 0.16, 0.08, 0.18, 0.08};
  for (int attempt = 0; attempt < 20; ++attempt)
    if (auto drawn = kDraws[rng.weighted(kWeights)](facts, rng)) return *drawn;
  return *kinds_in_all(facts, rng);
}

}  // namespace saucier::teach
