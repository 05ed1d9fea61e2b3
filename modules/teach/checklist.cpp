// Checklists: things are named, and the answer says of each how often it is there, where, or where from another. One
// answer looks up as many things as seven short questions do, which is what a model needs that has yet to learn to look
// something up.
#include <algorithm>
#include <optional>

#include "modules/data/scenes/questions.h"
#include "modules/data/scenes/words.h"
#include "modules/teach/facts.h"

namespace saucier::teach {

namespace {

constexpr size_t kItems = 7;
constexpr size_t kMostPresent = 4;
constexpr size_t kMostPairs = 6;

struct Item {
  std::string name, answer;
};

// The present ones given, cut to four, filled up with absent kinds, in a drawn order.
std::vector<Item> fill(const Facts& facts, std::vector<Item> present, const std::string& absent_answer, Rng& rng) {
  rng.shuffle(present);
  if (present.size() > kMostPresent) present.resize(kMostPresent);
  std::vector<int> absent = facts.absent();
  rng.shuffle(absent);
  for (size_t i = 0; i < absent.size() && present.size() < kItems; ++i)
    present.push_back({(*facts.kinds)[static_cast<size_t>(absent[i])].name, absent_answer});
  rng.shuffle(present);
  return present;
}

Exchange write(const std::string& start, const std::vector<Item>& items) {
  std::string names, answers;
  for (const Item& item : items) {
    names += (names.empty() ? " " : ", ") + item.name;
    answers += (answers.empty() ? "" : ", ") + item.name + " " + item.answer;
  }
  return {start + names + ".", answers + "."};
}

Exchange count_each(const Facts& facts, Rng& rng) {
  std::vector<Item> present;
  for (const Group& group : facts.groups) present.push_back({group.name, data::number_word(group.count())});
  return write(one_of(rng, {"How many of each are there:", "Count each of these:"}), fill(facts, std::move(present), "no", rng));
}

// Kinds that occur several times have no one place and are left out.
Exchange place_each(const Facts& facts, Rng& rng) {
  std::vector<Item> present;
  for (const Group& group : facts.groups)
    if (group.single()) present.push_back({group.name, data::place_word(group.boxes[0])});
  return write(one_of(rng, {"Where is each of these:", "Say where each of these is:"}), fill(facts, std::move(present), "nowhere", rng));
}

// Each pair of things that occur once and have a clear direction; nothing when there is no such pair.
std::optional<Exchange> relate_each(const Facts& facts, Rng& rng) {
  std::vector<Item> pairs;
  for (const Group& a : facts.groups)
    for (const Group& b : facts.groups)
      if (&a != &b && a.single() && b.single())
        if (const auto answer = data::relation_answer(a.boxes[0], b.boxes[0])) pairs.push_back({a.name + " from " + b.name, *answer});
  if (pairs.empty()) return std::nullopt;
  rng.shuffle(pairs);
  if (pairs.size() > kMostPairs) pairs.resize(kMostPairs);
  return write(one_of(rng, {"Where is one from the other:", "In which direction lies:"}), pairs);
}

}  // namespace

std::vector<Exchange> write_checklist(const Facts& facts, std::int64_t turns, Rng& rng) {
  std::vector<Exchange> exchanges;
  const std::int64_t first = std::min<std::int64_t>(rng.integer(0, 3), 2);  // directions often: many pictures have no pair
  for (std::int64_t i = 0; i < std::min<std::int64_t>(turns, 2); ++i) switch ((first + i) % 3) {
      case 0: exchanges.push_back(count_each(facts, rng)); break;
      case 1: exchanges.push_back(place_each(facts, rng)); break;
      default: {
        auto related = relate_each(facts, rng);
        exchanges.push_back(related ? std::move(*related) : i == 0 ? place_each(facts, rng) : count_each(facts, rng));
      }
    }
  return exchanges;
}

}  // namespace saucier::teach
