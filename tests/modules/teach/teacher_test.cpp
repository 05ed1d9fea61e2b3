// The template teacher, judged by a reader of its own: every sentence is parsed back and compared with the boxes. Nothing
// here uses the teacher's helpers, so that a mistake in them shows.
#include <algorithm>
#include <cmath>
#include <map>
#include <regex>
#include <set>

#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/data/scenes/questions.h"
#include "modules/teach/instruct_source.h"
#include "modules/teach/teacher.h"

using namespace saucier;
using namespace saucier::teach;
using data::CaptionsAndBoxes;

namespace {

const std::shared_ptr<const data::SceneWorld>& world() {
  static const auto kWorld = data::SceneWorld::make({});
  return kWorld;
}

const std::set<std::string> kAnimals = {"dog", "fox", "cat", "panda", "frog", "cow", "tiger", "elephant", "rabbit", "penguin", "owl", "parrot", "flamingo",
                                        "turtle", "snake", "whale", "octopus", "snail", "butterfly", "spider", "crab"};
const std::set<std::string> kFood = {"banana", "lemon", "pear", "pineapple", "carrot", "eggplant", "watermelon", "strawberry", "pizza", "hamburger", "cookie"};
const std::set<std::string> kGreens = {"banana", "lemon", "pear", "pineapple", "carrot", "eggplant", "watermelon", "strawberry", "mushroom"};
const std::set<std::string> kVehicles = {"bus", "tractor", "bicycle", "airplane", "rocket", "sailboat"};
const std::set<std::string> kPlants = {"rose", "sunflower", "cactus"};

struct Thing {
  std::string kind;
  double x, y, area;  // centre
  std::string place;
};

// What the boxes say, worked out anew.
class Truth {
 public:
  explicit Truth(const CaptionsAndBoxes& context) {
    for (const data::Kind& kind : world()->kinds()) name_[kind.name] = name_[kind.plural] = kind.name;
    for (const auto& i : context.instances) {
      const auto k = [](double v) { return static_cast<double>(std::llround(v * 1000)); };
      const double x = k(i.box.x1) + k(i.box.x2), y = k(i.box.y1) + k(i.box.y2);  // of 2000
      std::string place = y < 2000.0 / 3 ? "top" : y > 4000.0 / 3 ? "bottom" : "";
      const std::string column = x < 2000.0 / 3 ? "left" : x > 4000.0 / 3 ? "right" : "";
      if (!column.empty()) place += (place.empty() ? "" : " ") + column;
      things.push_back({i.category, x / 2000, y / 2000, (i.box.x2 - i.box.x1) * (i.box.y2 - i.box.y1), place.empty() ? "middle" : place});
    }
  }

  // Singular of a name in singular or plural; fails the test for anything else.
  std::string name(const std::string& word) const {
    const auto found = name_.find(word);
    INFO("'" << word << "' is no kind");
    REQUIRE(found != name_.end());
    return found->second;
  }
  int count(const std::string& kind) const {
    return static_cast<int>(std::count_if(things.begin(), things.end(), [&](const Thing& t) { return t.kind == kind; }));
  }
  int count(const std::set<std::string>& kinds) const {
    return static_cast<int>(std::count_if(things.begin(), things.end(), [&](const Thing& t) { return kinds.contains(t.kind); }));
  }
  const Thing& only(const std::string& kind) const {
    REQUIRE(count(kind) == 1);
    return *std::find_if(things.begin(), things.end(), [&](const Thing& t) { return t.kind == kind; });
  }
  std::map<std::string, int> counts() const {
    std::map<std::string, int> all;
    for (const Thing& t : things) ++all[t.kind];
    return all;
  }
  std::vector<Thing> things;

 private:
  std::map<std::string, std::string> name_;
};

int number(const std::string& word) {
  static const std::map<std::string, int> kWords = {{"no", 0}, {"a", 1}, {"an", 1}, {"the", 1}, {"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}, {"five", 5}, {"six", 6}};
  INFO("'" << word << "' is no number");
  REQUIRE(kWords.contains(word));
  return kWords.at(word);
}

std::vector<std::string> split(std::string text, const std::string& by) {
  std::vector<std::string> parts;
  for (size_t at = text.find(by); at != std::string::npos; at = text.find(by)) {
    parts.push_back(text.substr(0, at));
    text = text.substr(at + by.size());
  }
  parts.push_back(text);
  return parts;
}

// "a dog, two foxes and the cup" -> counts.
std::map<std::string, int> read_list(const Truth& truth, const std::string& text) {
  std::map<std::string, int> counts;
  for (const std::string& item : split(std::regex_replace(text, std::regex(" and "), ", "), ", ")) {
    std::smatch m;
    INFO("item '" << item << "' of '" << text << "'");
    REQUIRE(std::regex_match(item, m, std::regex("(?:the )?(?:(a|an|one|two|three|four|five|six) )?([a-z]+)")));
    counts[truth.name(m[2])] += m[1].matched ? number(m[1]) : 1;
  }
  return counts;
}

std::string where_from(const Thing& a, const Thing& b) {
  const double dx = a.x - b.x, dy = a.y - b.y;
  if (std::abs(dx) > std::abs(dy) * 1.2999) return dx < 0 ? "left" : "right";
  if (std::abs(dy) > std::abs(dx) * 1.2999) return dy < 0 ? "above" : "below";
  return "unclear";
}

// Returns the type of the question; fails the test when the answer is wrong or the question unknown.
std::string check_short(const Truth& truth, const std::string& q, const std::string& a) {
  static const std::regex kExists("(?:Is there an? ([a-z]+) in the picture|Can you see an? ([a-z]+)|Does the picture show an? ([a-z]+)|Is an? ([a-z]+) anywhere in this picture)\\?");
  static const std::regex kCount("(?:How many ([a-z]+) are there|How many ([a-z]+) can you see in the picture|What is the number of ([a-z]+))\\?");
  static const std::regex kTotal("How many objects are in the picture\\?|How many things does the picture show in all\\?|What is the total number of objects\\?");
  static const std::regex kRelation("Where is the ([a-z]+) relative to the ([a-z]+)\\?");
  static const std::regex kSeenFrom("Seen from the ([a-z]+), where is the ([a-z]+): left, right, above or below\\?");
  static const std::regex kPlace("(?:Where is the ([a-z]+)|In which part of the picture is the ([a-z]+)|Where can the ([a-z]+) be found)\\?");
  static const std::regex kChoice("Which of these is in the picture\\?\nA\\. ([a-z]+)\nB\\. ([a-z]+)\nC\\. ([a-z]+)\nD\\. ([a-z]+)\nAnswer with the option's letter from the given choices directly\\.");
  std::smatch m;
  const auto group = [&] {
    for (size_t i = 1; i < m.size(); ++i)
      if (m[i].matched) return truth.name(m[i]);
    FAIL("no name");
    return std::string();
  };
  if (std::regex_match(q, m, kExists)) {
    CHECK(a == (truth.count(group()) > 0 ? "Yes" : "No"));
    return a;
  }
  if (std::regex_match(q, m, kTotal)) {
    CHECK(a == std::to_string(truth.things.size()));
    return "total";
  }
  if (std::regex_match(q, m, kCount)) {
    CHECK(a == std::to_string(truth.count(group())));
    CHECK(a != "0");
    return "count";
  }
  if (std::regex_match(q, m, kRelation)) {
    CHECK(a == where_from(truth.only(m[1]), truth.only(m[2])));
    return "relation";
  }
  if (std::regex_match(q, m, kSeenFrom)) {
    CHECK(a == where_from(truth.only(m[2]), truth.only(m[1])));
    return "relation";
  }
  if (std::regex_match(q, m, kPlace)) {
    CHECK(a == truth.only(group()).place);
    return "place";
  }
  INFO("question '" << q << "'");
  REQUIRE(std::regex_match(q, m, kChoice));
  std::set<std::string> options;
  for (size_t i = 1; i <= 4; ++i) {
    options.insert(truth.name(m[i]));
    CHECK((truth.count(m[i]) > 0) == (a == std::string(1, static_cast<char>('A' + static_cast<int>(i) - 1))));
  }
  CHECK(options.size() == 4);
  return "choice";
}

void check_detail(const Truth& truth, std::string text) {
  REQUIRE(text.back() == '.');
  text.pop_back();
  auto sentences = split(text, ". ");
  static const std::regex kOpening("(?:The picture shows|There is|There are|In this picture you can see) ([a-z]+) objects?(?: in the picture)?: ([a-z, ]+)");
  static const std::regex kPlace("([A-Z][a-z]*) ([a-z]+) (?:is|are) (?:at|on|in) the (top left|top right|top|bottom left|bottom right|bottom|left|right|middle)");
  static const std::regex kPlaceFirst("(?:At|On|In) the (top left|top right|top|bottom left|bottom right|bottom|left|right|middle) (?:there (?:is|are)|you can see) ([a-z]+) ([a-z]+)");
  static const std::regex kRelation("The ([a-z]+) is (to the left of|to the right of|above|below) the ([a-z]+)");
  static const std::regex kLargest("The largest object is the ([a-z]+)");
  std::smatch m;
  REQUIRE(std::regex_match(sentences[0], m, kOpening));
  CHECK(number(m[1]) == static_cast<int>(truth.things.size()));
  CHECK(read_list(truth, m[2]) == truth.counts());
  std::map<std::pair<std::string, std::string>, int> told, true_places;
  for (const Thing& t : truth.things) ++true_places[{t.kind, t.place}];
  for (size_t i = 1; i < sentences.size(); ++i) {
    const std::string& s = sentences[i];
    INFO("sentence '" << s << "'");
    if (std::regex_match(s, m, kRelation)) {
      const std::string phrase = m[2];
      CHECK(where_from(truth.only(m[1]), truth.only(m[3])) == (phrase == "to the left of" ? "left" : phrase == "to the right of" ? "right" : phrase));
    } else if (std::regex_match(s, m, kLargest)) {
      for (const Thing& t : truth.things) CHECK((t.kind == m[1] || t.area < truth.only(m[1]).area));
    } else if (std::regex_match(s, m, kPlaceFirst)) {
      told[{truth.name(m[3]), m[1]}] += number(m[2]);
    } else {
      REQUIRE(std::regex_match(s, m, kPlace));
      std::string n = m[1];
      n[0] = static_cast<char>(std::tolower(n[0]));
      told[{truth.name(m[2]), m[3]}] += number(n);
    }
  }
  CHECK(told == true_places);
}

// "animals" -> its members here; a kind is a class of itself.
std::set<std::string> class_of(const Truth& truth, const std::string& word) {
  if (word.starts_with("animal")) return kAnimals;
  if (word.starts_with("vehicle")) return kVehicles;
  if (word.starts_with("food item")) {
    CHECK(truth.count(std::set<std::string>{"crab", "mushroom"}) == 0);  // arguable: nobody should be asked
    return kFood;
  }
  if (word.starts_with("plant")) {
    CHECK(truth.count(kGreens) == 0);
    return kPlants;
  }
  return {truth.name(word)};
}

std::map<std::string, int> part(const Truth& truth, const std::set<std::string>& kinds, bool inside) {
  std::map<std::string, int> all = truth.counts();
  std::erase_if(all, [&](const auto& entry) { return kinds.contains(entry.first) != inside; });
  return all;
}

// Returns the type of the question.
std::string check_reasoning(const Truth& truth, const std::string& q, const std::string& a) {
  static const std::regex kWhichQ("Which of the things in the picture are (.+)\\?|What (.+) does the picture show, and what else is there\\?|Sort the things in the picture: which are (.+) and which are not\\?|(What in the picture can be eaten)\\?");
  static const std::regex kWhich("The picture shows ([a-z, ]+)\\. (?:None of these is an? ([a-z ]+)|This is an? ([a-z ]+)|All of these are ([a-z ]+)|Of these, ([a-z, ]+?) (?:is an?|are) (animals?|food items?|vehicles?|plants?), while ([a-z, ]+?) (?:is|are) not)\\. So there (?:is|are) ([a-z]+) ([a-z ]+?) in the picture(?:: ([a-z, ]+))?\\.");
  static const std::regex kLargest("The ([a-z]+) takes up about ([0-9]+) percent of the picture, and (?:the|an?) ([a-z]+), which comes next, about ([0-9]+) percent\\. So the ([a-z]+) is the largest object in the picture\\.");
  static const std::regex kMoreQ("Are there more ([a-z ]+) than ([a-z ]+) in the picture\\?|Does the picture show more ([a-z ]+) than ([a-z ]+)\\?");
  static const std::regex kMore("There (?:is|are) ([a-z]+) ([a-z ]+?)(?: \\(([a-z, ]+)\\))? and ([a-z]+) ([a-z ]+?)(?: \\(([a-z, ]+)\\))? in the picture\\. So (yes|no), there are (more|fewer|as many) ([a-z ]+) (?:than|as) ([a-z ]+)\\.");
  static const std::regex kNearest("The ([a-z]+) is (?:at|on|in) the ([a-z ]+)\\. (?:The|An?) ([a-z]+) (?:at|on|in) the ([a-z ]+) is closer to it than ([a-z, ]+)\\. So (?:the|an?) ([a-z]+) is nearest to the ([a-z]+)\\.");
  static const std::regex kKinds("(?:(Yes|No)\\. )?The picture shows ([a-z, ]+)\\. So there (?:is|are) ([a-z]+) kinds? of object in it\\.");
  std::smatch m, mq;
  if (std::regex_match(q, mq, kWhichQ)) {
    REQUIRE(std::regex_match(a, m, kWhich));
    CHECK(read_list(truth, m[1]) == truth.counts());
    const std::string what = m[9];
    const auto members = class_of(truth, what);
    for (size_t i = 1; i <= 3; ++i)
      if (mq[i].matched) CHECK(class_of(truth, mq[i]) == members);
    if (mq[4].matched) CHECK((members == kFood && truth.count(kAnimals) == 0));
    for (const size_t i : {2, 3, 4, 6})
      if (m[i].matched) CHECK(class_of(truth, m[i]) == members);
    const int n = truth.count(members), all = static_cast<int>(truth.things.size());
    if (m[2].matched) CHECK(n == 0);
    if (m[3].matched || m[4].matched) CHECK(n == all);
    if (m[5].matched) {
      CHECK(read_list(truth, m[5]) == part(truth, members, true));
      CHECK(read_list(truth, m[7]) == part(truth, members, false));
    }
    CHECK(number(m[8]) == n);
    CHECK(m[10].matched == (n > 0));
    if (n > 0) CHECK(read_list(truth, m[10]) == part(truth, members, true));
    return n == 0 ? "which-none" : "which";
  }
  if (std::regex_match(a, m, kLargest)) {
    const Thing& first = truth.only(m[1]);
    CHECK(m[1].str() == m[5].str());
    CHECK(std::lround(first.area * 100) == std::stol(m[2]));
    double next = 0;
    for (const Thing& t : truth.things)
      if (t.kind != first.kind) next = std::max(next, t.area);
    CHECK(first.area > next * 1.2);
    CHECK(std::lround(next * 100) == std::stol(m[4]));
    CHECK(std::any_of(truth.things.begin(), truth.things.end(), [&](const Thing& t) { return t.kind == m[3] && t.area == next; }));
    return "largest";
  }
  if (std::regex_match(q, mq, kMoreQ)) {
    REQUIRE(std::regex_match(a, m, kMore));
    const bool first = mq[1].matched;
    const auto these = class_of(truth, mq[first ? 1 : 3]), those = class_of(truth, mq[first ? 2 : 4]);
    const int n = truth.count(these), k = truth.count(those);
    CHECK(class_of(truth, m[2]) == these);
    CHECK(class_of(truth, m[5]) == those);
    CHECK(class_of(truth, m[9]) == these);
    CHECK(class_of(truth, m[10]) == those);
    CHECK(number(m[1]) == n);
    CHECK(number(m[4]) == k);
    if (m[3].matched) CHECK(read_list(truth, m[3]) == part(truth, these, true));
    if (m[6].matched) CHECK(read_list(truth, m[6]) == part(truth, those, true));
    CHECK(m[7] == (n > k ? "yes" : "no"));
    CHECK(m[8] == (n > k ? "more" : n < k ? "fewer" : "as many"));
    return "more";
  }
  if (std::regex_match(a, m, kNearest)) {
    const Thing& start = truth.only(m[1]);
    CHECK(m[1] == m[7]);
    CHECK(m[3] == m[6]);
    CHECK(start.place == m[2]);
    const auto far = [&](const Thing& t) { return std::hypot(t.x - start.x, t.y - start.y); };
    double best = 9;
    for (const Thing& t : truth.things)
      if (t.kind == m[3]) best = std::min(best, far(t));
    std::map<std::string, int> others;
    for (const Thing& t : truth.things) {
      if (t.kind == start.kind || t.kind == m[3]) continue;
      CHECK(far(t) > best * 1.19);
      others[t.kind] = 1;
    }
    CHECK(std::any_of(truth.things.begin(), truth.things.end(), [&](const Thing& t) { return t.kind == m[3] && t.place == m[4] && far(t) == best; }));
    static const std::regex kPlaced(" (?:at|on|in) the (?:top left|top right|top|bottom left|bottom right|bottom|left|right|middle)");
    CHECK(read_list(truth, std::regex_replace(m[5].str(), kPlaced, "")) == others);
    return "nearest";
  }
  INFO("question '" << q << "', answer '" << a << "'");
  REQUIRE(std::regex_match(a, m, kKinds));
  CHECK(read_list(truth, m[2]) == truth.counts());
  const auto n = static_cast<int>(truth.counts().size());
  CHECK(number(m[3]) == n);
  CHECK(m[1].matched == q.starts_with("Are all"));
  if (m[1].matched) CHECK(m[1] == (n == 1 ? "Yes" : "No"));
  return "kinds";
}

std::string text_of(const std::vector<data::Turn>& turns) {
  std::string text;
  for (const auto& turn : turns) text += (turn.role == data::Role::kUser ? "Q " : "A ") + turn.text + "\n";
  return text;
}

}  // namespace

TEST_CASE("every statement of thousands of samples is true by the boxes") {
  const TemplateTeacher teacher(world()->kinds());
  std::map<std::string, int> types;
  std::set<std::string> first_words, details;
  for (int i = 0; i < 2500; ++i) {
    const CaptionsAndBoxes context = world()->context(world()->scene(i % 5 == 0 ? "test" : "train", i));
    const Truth truth(context);
    for (const char* kind : {"conversation", "detail", "reasoning"}) {
      const auto turns = teacher.write({.context = context, .kind = kind, .max_turns = 4, .seed = 3, .number = i % 3});
      REQUIRE(turns.size() >= 2);
      REQUIRE(turns.size() % 2 == 0);
      REQUIRE(turns.size() <= (std::string(kind) == "conversation" ? 8u : 2u));
      REQUIRE(turns[0].text.starts_with("<image>\n"));
      std::set<std::string> asked;
      for (size_t t = 0; t < turns.size(); t += 2) {
        REQUIRE(turns[t].role == data::Role::kUser);
        REQUIRE(turns[t + 1].role == data::Role::kAssistant);
        const std::string q = t == 0 ? turns[t].text.substr(8) : turns[t].text, &a = turns[t + 1].text;
        REQUIRE(q.find("<image>") == std::string::npos);
        CHECK(asked.insert(q).second);
        INFO(context.to_text(true) << "\nQ " << q << "\nA " << a);
        if (std::string(kind) == "conversation") {
          ++types[check_short(truth, q, a)];
        } else if (std::string(kind) == "detail") {
          check_detail(truth, a);
          details.insert(q);
        } else {
          ++types[check_reasoning(truth, q, a)];
        }
      }
    }
  }
  for (const char* type : {"Yes", "No", "total", "count", "relation", "place", "choice", "which", "which-none", "largest", "more", "nearest", "kinds"}) {
    INFO(type << ": " << types[type]);
    CHECK(types[type] > 50);
  }
  CHECK(std::abs(types["Yes"] - types["No"]) < 250);
  CHECK(details.size() == 8);
}

TEST_CASE("checklists say of each thing how often it is there, where, or where from another") {
  const TemplateTeacher teacher(world()->kinds());
  int counts = 0, places = 0, pairs = 0, absent = 0;
  for (int i = 0; i < 1000; ++i) {
    const CaptionsAndBoxes context = world()->context(world()->scene("train", i));
    const Truth truth(context);
    const auto turns = teacher.write({.context = context, .kind = "checklist", .max_turns = i % 2 + 1, .seed = 4, .number = 0});
    REQUIRE(turns.size() == static_cast<size_t>(i % 2 + 1) * 2);
    std::set<std::string> sorts;
    for (size_t t = 0; t < turns.size(); t += 2) {
      const std::string q = t == 0 ? turns[t].text.substr(8) : turns[t].text, &a = turns[t + 1].text;
      INFO(context.to_text(true) << "\nQ " << q << "\nA " << a);
      std::smatch m;
      REQUIRE(std::regex_match(q, m, std::regex("(How many of each are there|Count each of these|(?:Where is each of these|Say where each of these is)|(Where is one from the other|In which direction lies)): ([a-z, ]+)\\.")));
      const bool counting = m[1] == "How many of each are there" || m[1] == "Count each of these", relating = m[2].matched;
      const auto names = split(m[3], ", "), answers = split(a.substr(0, a.size() - 1), ", ");
      CHECK(a.back() == '.');
      CHECK(sorts.insert(relating ? "relations" : counting ? "counts" : "places").second);
      REQUIRE(answers.size() == names.size());
      CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
      if (relating)
        CHECK(names.size() <= 6);
      else
        REQUIRE(names.size() == 7);
      ++(relating ? pairs : counting ? counts : places);
      for (size_t n = 0; n < names.size(); ++n) {
        REQUIRE(answers[n].starts_with(names[n] + " "));
        const std::string told = answers[n].substr(names[n].size() + 1);
        if (relating) {
          const auto pair = split(names[n], " from ");
          REQUIRE(pair.size() == 2);
          CHECK(told == where_from(truth.only(pair[0]), truth.only(pair[1])));
          continue;
        }
        if (counting)
          CHECK(number(told) == truth.count(truth.name(names[n])));
        else
          CHECK(told == (truth.count(truth.name(names[n])) == 0 ? "nowhere" : truth.only(names[n]).place));
        absent += truth.count(names[n]) == 0;
      }
    }
  }
  CHECK(counts > 400);
  CHECK(places > 400);
  CHECK(pairs > 300);
  CHECK(absent > 3 * 900);
}

TEST_CASE("negatives are often close to what is there, and letters are balanced") {
  const TemplateTeacher teacher(world()->kinds());
  std::map<std::string, std::string> subgroup;
  for (const data::Kind& kind : world()->kinds()) subgroup[kind.name] = kind.subgroup;
  int close = 0, negatives = 0;
  std::map<std::string, int> letters;
  for (int i = 0; i < 3000; ++i) {
    const CaptionsAndBoxes context = world()->context(world()->scene("train", i));
    const auto turns = teacher.write({.context = context, .kind = "conversation", .max_turns = 3, .seed = 1, .number = 0});
    for (size_t t = 0; t < turns.size(); t += 2) {
      const std::string &q = turns[t].text, &a = turns[t + 1].text;
      if (q.find("Answer with the option") != std::string::npos) ++letters[a];
      std::smatch m;
      if (a != "No" || !std::regex_search(q, m, std::regex("Is there an? ([a-z]+) in"))) continue;
      ++negatives;
      close += std::any_of(context.instances.begin(), context.instances.end(), [&](const auto& o) { return subgroup[o.category] == subgroup[m[1]]; });
    }
  }
  REQUIRE(negatives > 300);
  CHECK(close * 3 > negatives);
  REQUIRE(letters.size() == 4);
  for (const auto& [letter, n] : letters) CHECK(n > 100);
}

TEST_CASE("a sample is a function of its request") {
  const TemplateTeacher teacher(world()->kinds());
  const auto request = [&](const char* kind, std::uint64_t seed, std::int64_t number, int scene) {
    return Request{.context = world()->context(world()->scene("train", scene)), .kind = kind, .max_turns = 3, .seed = seed, .number = number};
  };
  for (const char* kind : {"conversation", "detail", "reasoning"}) {
    std::set<std::string> different;
    for (int i = 0; i < 20; ++i) {
      CHECK(text_of(teacher.write(request(kind, 1, i, 11))) == text_of(teacher.write(request(kind, 1, i, 11))));
      different.insert(text_of(teacher.write(request(kind, 1, i, 11))));
      different.insert(text_of(teacher.write(request(kind, 2, i, 11))));
    }
    INFO(kind);
    CHECK(different.size() > 4);
  }
}

TEST_CASE("10,000 samples are in proportion") {
  const TemplateTeacher teacher(world()->kinds());
  options::SceneOptions scenes;
  scenes.count = 2000;
  const auto samples = instruct_samples(data::described_scenes(world(), scenes), teacher, {.per_picture = 5, .seed = 1, .source = "made"});
  REQUIRE(samples->size() == 10000);
  std::map<std::string, int> kinds;
  std::set<std::string> ids;
  for (std::int64_t i = 0; i < samples->size(); ++i) {
    const data::Sample sample = samples->get(i);
    ++kinds[sample.kind];
    ids.insert(sample.id);
  }
  CHECK(ids.size() == 10000);
  CHECK(std::abs(kinds["conversation"] - 4000) < 250);
  CHECK(std::abs(kinds["detail"] - 2000) < 250);
  CHECK(samples->get(7).id == "scene:train:1#3");
  CHECK(samples->get(7).pictures.at(0).reference == "scene:train:1");
  CHECK(samples->get(7).source == "made");
}

TEST_CASE("pictures of unknown categories, of one object and of none") {
  const TemplateTeacher teacher(world()->kinds());
  CaptionsAndBoxes context{.id = "7", .captions = {"two widgets"}, .instances = {{"widget", {0, 0, 0.5, 0.5}}, {"widget", {0.5, 0.5, 1, 1}}}};
  for (int i = 0; i < 40; ++i) {
    const auto write = [&](const char* kind) { return teacher.write({.context = context, .kind = kind, .max_turns = 2, .seed = 1, .number = i}); };
    const std::string reasoning = text_of(write("reasoning"));
    CHECK(reasoning.find("animals") == std::string::npos);
    CHECK_THAT(text_of(write("detail")), Catch::Contains("two widgets"));
  }
  context.instances.clear();
  for (int i = 0; i < 40; ++i) {
    const auto write = [&](const char* kind) { return text_of(teacher.write({.context = context, .kind = kind, .max_turns = 2, .seed = 1, .number = i})); };
    CHECK(write("conversation").find("Yes") == std::string::npos);
    CHECK_THAT(write("detail"), Catch::Contains("There are no objects in the picture."));
    CHECK_THAT(write("reasoning"), Catch::Contains("no "));
  }
  const TemplateTeacher ignorant({});
  for (int i = 0; i < 20; ++i)
    CHECK(ignorant.write({.context = context, .kind = "conversation", .max_turns = 0, .seed = 1, .number = i}).size() >= 2);
}

TEST_CASE("kinds of sample are drawn in proportion") {
  const std::map<std::string, double> proportions = {{"conversation", 3}, {"reasoning", 1}};
  int talks = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string kind = draw_kind(proportions, 5, i);
    CHECK((kind == "conversation" || kind == "reasoning"));
    talks += kind == "conversation";
  }
  CHECK(std::abs(talks - 3000) < 120);
  CHECK(draw_kind(proportions, 5, 9) == draw_kind(proportions, 5, 9));
  CHECK_THROWS_WITH(draw_kind({{"detial", 1}}, 0, 0), "a teacher writes no samples of kind 'detial'");
  CHECK_THROWS_WITH(draw_kind({{"detail", 0}}, 0, 0), "no kind of sample has a proportion above 0");
  const TemplateTeacher teacher(world()->kinds());
  CHECK_THROWS_AS(teacher.write({.context = {}, .kind = "poem"}), Error);
}
