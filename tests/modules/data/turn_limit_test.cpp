#include "modules/data/turn_limit.h"

#include <set>

#include "tests/modules/data/dialogue.h"

using namespace saucier;
using namespace saucier::data;

namespace {

std::vector<std::string> questions_of(const Sample& sample) {
  std::vector<std::string> out;
  for (size_t i = 0; i < sample.turns.size(); i += 2) out.push_back(sample.turns[i].text);
  return out;
}

}  // namespace

TEST_CASE("turn limits split or truncate") {
  const Sample sample = dialogue(5, true);
  const auto parts = limit_turns(sample, {.max_turns = 2});
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].id == "d");
  CHECK(parts[1].id == "d#2");
  CHECK(parts[2].id == "d#3");
  CHECK(parts[0].turns.size() == 4);
  CHECK(parts[1].turns[0].text == "<image>\nQ3");
  CHECK(parts[1].turns[3].text == "A4");
  CHECK(parts[2].turns.size() == 2);
  CHECK(parts[2].turns[0].text == "<image>\nQ5");
  for (const Sample& part : parts) CHECK(part.pictures.size() == 1);
  CHECK(limit_turns(dialogue(4, false), {.max_turns = 2})[1].turns[0].text == "Q3");

  const auto cut = limit_turns(sample, {.max_turns = 2, .split = false});
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].turns.size() == 4);
  CHECK(limit_turns(sample, {}).size() == 1);
  CHECK(limit_turns(sample, {.max_turns = 5}).size() == 1);
  options::ConversationOptions options;
  options.turn_overflow = "fold";
  CHECK_THROWS_WITH(turn_limit(options, 1), Catch::Contains("turn_overflow 'fold'"));
}

TEST_CASE("parts of a sample with several pictures show what was shown before") {
  Sample sample = dialogue(3, true);
  sample.pictures = {picture("1"), picture("2")};
  sample.turns[2].text = "<image>\nQ2";
  const auto parts = limit_turns(sample, {.max_turns = 1});
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].pictures.size() == 1);
  CHECK(parts[1].turns[0].text == "<image>\n<image>\nQ2");
  CHECK(parts[1].pictures.size() == 2);
  CHECK(parts[2].turns[0].text == "<image>\n<image>\nQ3");
  CHECK(parts[2].pictures.at(1).reference == "2");
  CHECK(limit_turns(sample, {.max_turns = 1, .split = false})[0].pictures.size() == 1);
  for (const Sample& part : parts) CHECK(written(part, kBare).pictures.size() == part.pictures.size());
  // Not mentioned at all: they stand in front of each part's first question.
  sample = dialogue(2, false);
  sample.pictures = {picture("1"), picture("2")};
  const auto unmarked = limit_turns(sample, {.max_turns = 1});
  CHECK(unmarked[1].turns[0].text == "Q2");
  CHECK(whole(written(unmarked[1], kBare)) == "USER: <image>\n<image>\nQ2 ASSISTANT: A2</s>");
}

TEST_CASE("a source with a turn limit has the parts as its samples") {
  const auto source = std::make_shared<FakeSource>(4, [](std::int64_t i) { return dialogue(static_cast<int>(i), false, std::to_string(i)); });
  const auto parts = limit_turns(source, {.max_turns = 2});  // 0, 1, 2 and 3 pairs: a sample without turns stays, to be dropped by name
  REQUIRE(parts->size() == 5);
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < parts->size(); ++i) ids.push_back(parts->get(i).id);
  CHECK(ids == std::vector<std::string>{"0", "1", "2", "3", "3#2"});
  CHECK(limit_turns(source, {.max_turns = 2, .split = false})->size() == 4);
  CHECK(limit_turns(source, {.max_turns = 2, .split = false})->get(3).turns.size() == 4);
  CHECK(limit_turns(source, {}) == source);
  CHECK(limit_turns(source, {.shuffled = true})->size() == 4);
}

TEST_CASE("shuffled pairs keep their answers, and the parts hold each once") {
  std::set<std::vector<std::string>> orders;
  for (int i = 0; i < 40; ++i) {
    const Sample sample = dialogue(6, false, std::to_string(i));
    const Sample whole_one = limit_turns(sample, {.shuffled = true, .seed = 3})[0];
    orders.insert(questions_of(whole_one));
    std::set<std::string> seen;
    for (size_t t = 0; t < whole_one.turns.size(); t += 2) {
      CHECK(whole_one.turns[t + 1].text == "A" + whole_one.turns[t].text.substr(1));
      seen.insert(whole_one.turns[t].text);
    }
    CHECK(seen.size() == 6);
    // The cut comes after the shuffling, and the order is a function of (seed, source, id).
    std::vector<std::string> joined;
    for (const Sample& part : limit_turns(sample, {.max_turns = 4, .shuffled = true, .seed = 3}))
      for (const std::string& question : questions_of(part)) joined.push_back(question);
    CHECK(joined == questions_of(whole_one));
    CHECK(questions_of(limit_turns(sample, {.max_turns = 4, .split = false, .shuffled = true, .seed = 3})[0]) ==
          std::vector<std::string>(joined.begin(), joined.begin() + 4));
  }
  CHECK(orders.size() > 30);
  const Sample sample = dialogue(6, false);
  CHECK(questions_of(limit_turns(sample, {.shuffled = true, .seed = 3})[0]) != questions_of(limit_turns(sample, {.shuffled = true, .seed = 4})[0]));
}

TEST_CASE("no question passes a picture when pairs are shuffled") {
  bool moved = false;
  for (int i = 0; i < 60; ++i) {
    Sample sample = dialogue(7, false, std::to_string(i));
    sample.pictures = {picture("1"), picture("2")};
    sample.turns[4].text = "<image>\nQ3";   // Q1 Q2 | picture Q3 Q4 Q5 | picture Q6 Q7
    sample.turns[10].text = "Q6\n<image>";
    const Sample shuffled = limit_turns(sample, {.shuffled = true})[0];
    const std::vector<std::string> questions = questions_of(shuffled);
    REQUIRE(questions.size() == 7);
    CHECK(questions[2].starts_with("<image>\n"));
    CHECK(questions[5].ends_with("\n<image>"));
    moved = moved || questions[2] != "<image>\nQ3";
    const auto group = [](const std::string& question) {
      const std::string number = question.substr(question.find('Q'), 2);
      return number <= "Q2" ? 0 : number <= "Q5" ? 1 : 2;
    };
    for (size_t q = 0; q < 7; ++q) CHECK(group(questions[q]) == (q < 2 ? 0 : q < 5 ? 1 : 2));
    for (const Sample& part : limit_turns(sample, {.max_turns = 2, .shuffled = true})) CHECK(written(part, kBare).pictures.size() == part.pictures.size());
  }
  CHECK(moved);
  // A question that is nothing but its picture has to stay the first.
  Sample sample = dialogue(5, true);
  sample.turns[0].text = "<image>";
  CHECK(questions_of(limit_turns(sample, {.shuffled = true})[0])[0] == "<image>");
}

TEST_CASE("what a source says of conversations wins over the stage") {
  options::JobConversation conversation;
  conversation.systems = {{"a", 1.0}};
  options::DataOptions source;
  CHECK(conversation_for(conversation, source).systems.size() == 1);
  source.system = "none";
  source.image_position = "back";
  source.max_turns = 3;
  source.turn_overflow = "truncate";
  source.turn_order = "shuffled";
  const options::JobConversation own = conversation_for(conversation, source);
  CHECK(own.systems.empty());
  CHECK(own.system == "none");
  CHECK(own.image_position == "back");
  const TurnLimit limit = turn_limit(own, 5);
  CHECK(limit.max_turns == 3);
  CHECK_FALSE(limit.split);
  CHECK(limit.shuffled);
  source.systems = {{"b", 1.0}};
  CHECK(conversation_for(conversation, source).systems.count("b") == 1);
}
