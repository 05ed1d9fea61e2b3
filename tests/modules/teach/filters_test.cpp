#include <catch2/catch.hpp>

#include "modules/base/rng.h"
#include "modules/data/overlap/questions.h"
#include "modules/teach/filters.h"
#include "modules/teach/language.h"
#include "modules/teach/near_duplicates.h"

using namespace saucier;
using namespace saucier::teach;

namespace {

const std::vector<std::string> kCategories = {"dog", "cat", "hot dog", "person", "mouse", "orange", "traffic light"};

data::CaptionsAndBoxes two_dogs() {
  return {.id = "1",
          .captions = {"Two dogs run after a ball.", "A man watches, an orange in his hand."},
          .instances = {{"dog", {0.1, 0.1, 0.3, 0.3}}, {"dog", {0.5, 0.1, 0.7, 0.3}}, {"traffic light", {0.8, 0, 0.9, 0.2}}}};
}

std::string claim(const std::string& question, const std::string& answer, const std::vector<std::string>& except = {}) {
  return Claims(kCategories, except).check(two_dogs(), {{question, answer}}).reason;
}

std::string filtered(const options::FilterOptions& options, const std::string& question, const std::string& answer) {
  return Filters(options, kCategories).check(Layout::kPair, two_dogs(), {{question, answer}}).reason;
}

}  // namespace

TEST_CASE("objects that are not there are found, by their longest names, in either number") {
  CHECK(claim("What is there?", "Two dogs run beside a traffic light.") == "");
  CHECK(claim("What is there?", "A dog and a cat.") == "absent-object");
  CHECK(claim("What is there?", "There are mice on the grass.") == "absent-object");
  CHECK(claim("What is there?", "A hot dog lies there.") == "absent-object");
  CHECK(claim("What does he hold?", "He holds an orange.") == "");  // a caption says so
  CHECK(claim("What is there?", "A person in an orange coat.") == "absent-object");
  CHECK(claim("What is there?", "A person in an orange coat.", {"person"}) == "");
  CHECK(claim("What is the cat doing?", "It sleeps.") == "absent-object");
}

TEST_CASE("denials and suppositions claim nothing") {
  CHECK(claim("Is there a cat?", "No, there is no cat in the picture.") == "");
  CHECK(claim("Is there a cat?", "Yes.") == "absent-object");
  CHECK(claim("Is there a cat or a dog?", "There is a dog, but the picture shows no cat.") == "");
  CHECK(claim("What is missing?", "There isn't a cat.") == "");
  CHECK(claim("What do they chase?", "They might chase a cat.") == "");
  CHECK(claim("Is there anything else?", "There is no mouse. A cat sits there.") == "absent-object");  // each clause by itself
  CHECK(claim("Is there anything else?", "There is no mouse, but a cat sits there.") == "absent-object");
}

TEST_CASE("numbers above those of the boxes are found, and every wrong one that was asked for") {
  CHECK(claim("What is there?", "Two brown dogs.") == "");
  CHECK(claim("What is there?", "One dog jumps over the other dog.") == "");
  CHECK(claim("What is there?", "Three dogs.") == "wrong-count");
  CHECK(claim("What is there?", "I see 3 small dogs.") == "wrong-count");
  CHECK(claim("How many dogs are there?", "There is one dog.") == "wrong-count");
  CHECK(claim("How many dogs are in the picture?", "2") == "");
  CHECK(claim("How many dogs are in the picture?", "None.") == "wrong-count");
  CHECK(claim("How many cats are there?", "There are no cats.") == "");
  CHECK(claim("How many dogs are lying down?", "One of the dogs.") == "");  // of some, not of all
}

TEST_CASE("denials of what is there are found") {
  CHECK(claim("Is there a dog?", "No.") == "wrong-denial");
  CHECK(claim("Are there any dogs in the picture?", "No, there are none.") == "wrong-denial");
  CHECK(claim("Is there a dog on the roof?", "No, they run on the grass.") == "");
  CHECK(claim("What else?", "There are no traffic lights in the scene.") == "wrong-denial");
  CHECK(claim("What else?", "There are no dogs on the roof.") == "");
}

TEST_CASE("mentions of what the teacher was given") {
  CHECK(mention_in("The captions say that a dog runs.") == "captions");
  CHECK(mention_in("It is mentioned twice.") == "is mentioned");
  CHECK(mention_in("The dog is at [0.12, 0.5, 0.3, 0.9].") == "a box in numbers");
  CHECK(mention_in("A dog [a poodle], aged 3.") == "");
  CHECK(mention_in("The recapture of the castle, in the context of war.") == "");
  CHECK(refusal_in("I'm sorry, but I can't see it.") == "i m sorry");
  CHECK(refusal_in("He looks sorry.") == "");
}

TEST_CASE("each filter can be turned off and says its name") {
  const options::FilterOptions usual;
  CHECK(filtered(usual, "What do the dogs do?", "They run after a ball.") == "");
  CHECK(filtered(usual, "What?", "They run.") == "question-length");
  CHECK(filtered({.min_answer_words = 3}, "What do they do?", "They run.") == "answer-length");
  CHECK(filtered({.max_answer_words = 3}, "What do they do?", "They run and run.") == "answer-length");
  CHECK(filtered(usual, "What do the captions say?", "Dogs run.") == "mentions-source");
  CHECK(filtered({.mentions = false}, "What do the captions say?", "Dogs run.") == "");
  CHECK(filtered(usual, "What is that?", "I am sorry, I cannot see it.") == "refusal");
  CHECK(filtered(usual, "What is that?", "It is a cat.") == "absent-object");
  CHECK(filtered({.claims = false}, "What is that?", "It is a cat.") == "");
  CHECK(filtered({.claims_except = {"cat"}}, "What is that?", "It is a cat.") == "");
  CHECK(filtered({.language = "en"}, "Was ist das?", "Das sind zwei Hunde, die auf der Wiese hinter einem Ball herlaufen.") == "language");
  CHECK(Filters({.min_pairs = 2}, kCategories).check(Layout::kDialogue, two_dogs(), {{"What is it?", "A dog."}}).reason == "few-pairs");
  const Rejection second = Filters(usual, kCategories).check(Layout::kDialogue, two_dogs(), {{"What is it?", "A dog."}, {"And there?", "A cat."}});
  CHECK(second.detail == "pair 2: 'cat' is not in the picture");
}

TEST_CASE("languages are told apart by script and common words") {
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"en", "The two dogs run over the grass, and a man with a hat looks at them from the bench."},
      {"de", "Zwei Hunde laufen über die Wiese, und ein Mann mit einem Hut sieht ihnen von der Bank aus zu."},
      {"fr", "Deux chiens courent dans l'herbe et un homme avec un chapeau les regarde depuis le banc."},
      {"es", "Dos perros corren por la hierba y un hombre con un sombrero los mira desde el banco."},
      {"it", "Due cani corrono sull'erba e un uomo con il cappello li guarda dalla panchina che è nel parco."},
      {"nl", "Twee honden rennen over het gras en een man met een hoed kijkt naar hen vanaf de bank."},
      {"pt", "Dois cachorros correm na grama e um homem com um chapéu olha para eles do banco que está no parque."},
      {"ru", "Две собаки бегут по траве, а мужчина в шляпе смотрит на них со скамейки."},
      {"zh", "两只狗在草地上奔跑，一个戴帽子的男人在长椅上看着它们。"},
      {"ko", "개 두 마리가 잔디 위를 달리고 모자를 쓴 남자가 벤치에서 바라본다."},
      {"ar", "كلبان يركضان على العشب ورجل يرتدي قبعة ينظر إليهما من المقعد."},
      {"hi", "दो कुत्ते घास पर दौड़ रहे हैं और टोपी पहने एक आदमी उन्हें बेंच से देख रहा है।"}};
  for (const auto& [language, text] : texts)
    for (const auto& [other, unused] : texts) {
      INFO(other << " of: " << text);
      CHECK(is_in_language(text, other) == (language == other));
    }
  CHECK(is_in_language("犬が二匹、草の上を走っている。", "ja"));
  CHECK(is_in_language("Yes.", "en"));
  CHECK(is_in_language("Oui.", "en"));  // too short to tell, in the same letters
  CHECK_FALSE(is_in_language("Да.", "en"));
}

TEST_CASE("near duplicates are those that share runs of words, as a comparison of all pairs says") {
  NearDuplicates seen(0.8);
  CHECK_FALSE(seen.find_or_add("A brown dog sleeps on the mat in front of the old red door.", 5));
  CHECK(seen.find_or_add("A brown dog sleeps on the mat in front of the old red door", 6) == 5);
  CHECK_FALSE(seen.find_or_add("A black cat runs over the street behind the new green car.", 7));
  CHECK_FALSE(seen.find_or_add("", 8));

  // Texts of 60 words of which some are changed: found as often as all pairs, compared exactly, say.
  Rng rng(3, "near");
  std::vector<std::string> texts;
  for (int family = 0; family < 20; ++family) {
    std::vector<std::string> words;
    for (int i = 0; i < 60; ++i) words.push_back("w" + std::to_string(rng.integer(0, 400)));
    for (int copy = 0; copy < 10; ++copy) {
      std::string text;
      for (const std::string& word : words) text += (rng.chance(0.02 * copy) ? "x" + std::to_string(rng.integer(0, 400)) : word) + " ";
      texts.push_back(text);
    }
  }
  NearDuplicates by_bands(0.8);
  std::vector<data::QuestionMark> kept;
  std::int64_t found = 0, expected = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const data::QuestionMark mark = data::mark_question(texts[i]);
    const bool near = std::any_of(kept.begin(), kept.end(), [&](const auto& other) { return data::jaccard(mark, other) >= 0.8; });
    if (!near) kept.push_back(mark);
    const auto one = by_bands.find_or_add(texts[i], static_cast<std::int64_t>(i));
    if (one) CHECK(data::jaccard(mark, data::mark_question(texts[static_cast<size_t>(*one)])) >= 0.8);
    found += one.has_value();
    expected += near;
  }
  CHECK(expected > 20);
  CHECK(expected < 180);
  CHECK(found == expected);
}
