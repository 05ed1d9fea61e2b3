#include <algorithm>
#include <array>
#include <set>

#include "modules/data/scenes/questions.h"
#include "modules/teach/facts.h"

namespace saucier::teach {

namespace {

using Draw = std::optional<Exchange> (*)(const Facts&, Rng&);

// Half of all questions use the benchmarks' wording.
int wording(Rng& rng, int count) { return rng.chance(0.5) ? 0 : static_cast<int>(rng.integer(0, count - 1)); }

const std::string& name_of(const Facts& facts, int kind) { return (*facts.kinds)[static_cast<size_t>(kind)].name; }

// A kind that is not there: any, or one that is close to something that is.
std::optional<int> draw_absent(const Facts& facts, Rng& rng, const std::set<int>& taken = {}) {
  std::vector<int> all = facts.absent();
  std::erase_if(all, [&](int kind) { return taken.contains(kind); });
  if (all.empty()) return std::nullopt;
  if (!facts.groups.empty() && rng.chance(0.5)) {
    const int near = rng.pick(facts.groups).kind;
    if (near >= 0) {
      const data::Kind& present = (*facts.kinds)[static_cast<size_t>(near)];
      for (const bool narrow : {true, false}) {
        std::vector<int> close;
        for (const int kind : all) {
          const data::Kind& other = (*facts.kinds)[static_cast<size_t>(kind)];
          if (other.group == present.group && (!narrow || other.subgroup == present.subgroup)) close.push_back(kind);
        }
        if (!close.empty()) return rng.pick(close);
      }
    }
  }
  return rng.pick(all);
}

std::vector<const Group*> singles(const Facts& facts) {
  std::vector<const Group*> list;
  for (const Group& group : facts.groups)
    if (group.single()) list.push_back(&group);
  return list;
}

std::optional<Exchange> existence(const Facts& facts, Rng& rng) {
  const bool yes = rng.chance(0.5);
  const auto absent = yes ? std::nullopt : draw_absent(facts, rng);
  if (yes ? facts.groups.empty() : !absent) return std::nullopt;
  const std::string& name = yes ? rng.pick(facts.groups).name : name_of(facts, *absent);
  return Exchange{data::existence_question(name, wording(rng, data::kExistenceWordings)), yes ? "Yes" : "No"};
}

std::optional<Exchange> count(const Facts& facts, Rng& rng) {
  if (facts.groups.empty()) return std::nullopt;
  std::vector<Group const*> pool, several;
  for (const Group& group : facts.groups) {
    pool.push_back(&group);
    if (!group.single()) several.push_back(&group);
  }
  // Most kinds occur once: without this "1" would nearly always be right.
  const Group& group = *rng.pick(!several.empty() && rng.chance(0.6) ? several : pool);
  return Exchange{data::count_question(group.plural, wording(rng, data::kCountWordings)), std::to_string(group.count())};
}

std::optional<Exchange> total(const Facts& facts, Rng& rng) {
  return Exchange{data::total_question(wording(rng, data::kTotalWordings)), std::to_string(facts.objects)};
}

std::optional<Exchange> relation(const Facts& facts, Rng& rng) {
  auto list = singles(facts);
  rng.shuffle(list);
  for (const Group* a : list)
    for (const Group* b : list)
      if (a != b)
        if (const auto answer = data::relation_answer(a->boxes[0], b->boxes[0]))
          return Exchange{data::relation_question(a->name, b->name, wording(rng, data::kRelationWordings)), *answer};
  return std::nullopt;
}

std::optional<Exchange> choice(const Facts& facts, Rng& rng) {
  if (facts.groups.empty()) return std::nullopt;
  const std::string present = rng.pick(facts.groups).name;
  std::vector<std::string> options = {present};
  std::set<int> taken;
  while (options.size() < 4) {
    const auto kind = draw_absent(facts, rng, taken);
    if (!kind) return std::nullopt;
    taken.insert(*kind);
    options.push_back(name_of(facts, *kind));
  }
  rng.shuffle(options);
  const auto at = std::find(options.begin(), options.end(), present) - options.begin();
  return Exchange{data::choice_question(options), std::string(1, static_cast<char>('A' + at))};
}

std::optional<Exchange> place(const Facts& facts, Rng& rng) {
  const auto list = singles(facts);
  if (list.empty()) return std::nullopt;
  const Group& group = *rng.pick(list);
  return Exchange{data::place_question(group.name, wording(rng, data::kPlaceWordings)), data::place_word(group.boxes[0])};
}

}  // namespace

std::vector<Exchange> write_conversation(const Facts& facts, std::int64_t turns, Rng& rng) {
  static constexpr std::array<Draw, 6> kDraws = {existence, count, total, relation, choice, place};
  static constexpr std::array<double, 6> kWeights = {0.28, 0.16, 0.08, 0.18, 0.15, 0.15};
  std::vector<Exchange> exchanges;
  std::set<std::string> asked;
  // A picture with little on it runs out of questions: what was drawn by then is the conversation.
  for (int attempt = 0; attempt < 30 + 10 * turns && static_cast<std::int64_t>(exchanges.size()) < turns; ++attempt)
    if (auto drawn = kDraws[rng.weighted(kWeights)](facts, rng); drawn && asked.insert(drawn->question).second) exchanges.push_back(std::move(*drawn));
  if (exchanges.empty()) exchanges.push_back(*total(facts, rng));
  return exchanges;
}

}  // namespace saucier::teach
