#include <algorithm>

#include "modules/data/scenes/questions.h"
#include "modules/data/scenes/words.h"
#include "modules/teach/facts.h"

namespace saucier::teach {

namespace {

using data::capitalised;
using data::counted;
using data::number_word;

const std::vector<std::string> kQuestions = {
    "Describe the picture in detail.",           "Give a detailed description of the picture.",
    "What exactly does the picture show?",       "Tell me everything that you can see in the picture.",
    "Go through the picture and say what is where.", "Write a thorough description of this picture.",
    "Can you describe this picture at length?",  "Explain in detail what is in the picture."};

std::string opening(const Facts& facts, Rng& rng) {
  const std::string n = number_word(facts.objects) + (facts.objects == 1 ? " object" : " objects");
  const std::string list = facts.list();
  return one_of(rng, {"The picture shows " + n + ": " + list + ".", "There " + (facts.objects == 1 ? std::string("is ") : std::string("are ")) + n + " in the picture: " + list + ".",
                      "In this picture you can see " + n + ": " + list + "."});
}

// Every object with its place; those of one kind at one place in one sentence.
std::vector<std::string> places(const Facts& facts, Rng& rng) {
  std::vector<std::string> sentences;
  for (const Group& group : facts.groups) {
    std::vector<std::pair<std::string, std::int64_t>> at;
    for (const data::Box& box : group.boxes) {
      const std::string place = data::place_word(box);
      const auto same = std::find_if(at.begin(), at.end(), [&](const auto& entry) { return entry.first == place; });
      if (same == at.end())
        at.emplace_back(place, 1);
      else
        ++same->second;
    }
    for (const auto& [place, n] : at) {
      const std::string things = counted(group.name, group.plural, n), where = data::place_phrase(place), be = n == 1 ? "is" : "are";
      sentences.push_back(one_of(rng, {capitalised(things) + " " + be + " " + where + ".", capitalised(where) + " there " + be + " " + things + ".",
                                       capitalised(where) + " you can see " + things + "."}));
    }
  }
  return sentences;
}

std::vector<std::string> relations(const Facts& facts, Rng& rng) {
  std::vector<std::string> sentences;
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t a = 0; a < facts.groups.size(); ++a)
    for (size_t b = 0; b < facts.groups.size(); ++b)
      if (a != b && facts.groups[a].single() && facts.groups[b].single()) pairs.emplace_back(a, b);
  rng.shuffle(pairs);
  std::vector<std::pair<size_t, size_t>> told;
  for (const auto& [a, b] : pairs) {
    if (told.size() == 2) break;
    if (std::find(told.begin(), told.end(), std::pair(b, a)) != told.end()) continue;  // the same, turned round
    const auto relation = data::relation_answer(facts.groups[a].boxes[0], facts.groups[b].boxes[0]);
    if (!relation) continue;
    told.emplace_back(a, b);
    sentences.push_back("The " + facts.groups[a].name + " is " + relation_phrase(*relation) + " the " + facts.groups[b].name + ".");
  }
  return sentences;
}

}  // namespace

const std::vector<std::string>& detail_questions() { return kQuestions; }

Exchange write_detail(const Facts& facts, Rng& rng) {
  const std::string question = rng.pick(kQuestions);
  if (facts.objects == 0) return {question, "There are no objects in the picture."};
  std::string answer = opening(facts, rng);
  for (const std::string& sentence : places(facts, rng)) answer += " " + sentence;
  for (const std::string& sentence : relations(facts, rng)) answer += " " + sentence;
  if (const auto largest = find_largest(facts); largest && rng.chance(0.5))
    answer += " The largest object is the " + facts.groups[largest->group].name + ".";
  return {question, answer};
}

}  // namespace saucier::teach
