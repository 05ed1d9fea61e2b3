// Checklists: things are named, and the answer says of each how often it is there, or where. One answer looks up as many
// things as seven short questions do, which is what a model needs that has yet to learn to look something up.
#include <algorithm>

#include "modules/data/scenes/questions.h"
#include "modules/data/scenes/words.h"
#include "modules/teach/facts.h"

namespace saucier::teach {

namespace {

constexpr size_t kItems = 7;
constexpr size_t kMostPresent = 4;

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

}  // namespace

std::vector<Exchange> write_checklist(const Facts& facts, std::int64_t turns, Rng& rng) {
  std::vector<Exchange> exchanges;
  bool count = rng.chance(0.5);
  for (std::int64_t i = 0; i < turns; ++i, count = !count)
    exchanges.push_back(count ? count_each(facts, rng) : place_each(facts, rng));
  return exchanges;
}

}  // namespace saucier::teach
