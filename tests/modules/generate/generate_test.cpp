#include "modules/generate/generate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <catch2/catch.hpp>
#include <set>

#include "modules/base/error.h"
#include "modules/text/conversation.h"
#include "tests/modules/model/tiny.h"

using namespace saucier;
using namespace saucier::generate;
using Catch::Matchers::Contains;

namespace {

// Plain pictures whose colour is their reference's number; counts how often it is asked.
class Colours : public data::PictureSource {
 public:
  data::Picture load(const std::string& reference) const override {
    ++loads[reference];
    data::Picture picture{8, 8, std::vector<std::uint8_t>(8 * 8 * 3)};
    for (size_t i = 0; i < picture.pixels.size(); ++i)
      picture.pixels[i] = static_cast<std::uint8_t>(std::stoi(reference) * 37 + static_cast<int>(i) * 11);
    return picture;
  }
  mutable std::map<std::string, int> loads;
};

model::JoinedModel lively_model(std::int64_t eos = -1) {
  const std::vector<std::string> texts = {"a fox and a fox and an owl, where is the owl? it is left of the fox"};
  auto tokenizer = std::make_shared<const text::Tokenizer>(text::Tokenizer::learn(texts, {.vocab_size = 300}));
  model::LanguageConfig config = model::tiny_language(2, tokenizer->vocab_size());
  config.eos = eos;
  model::JoinedModel joined{.tower = model::VisionTower::random(model::tiny_vision(), 1),
                            .projector = model::Projector::random({}, 8, 16, 2),
                            .language = model::LanguageModel::random(config, 3),
                            .tokenizer = tokenizer};
  model::enliven(joined.tower->parameters(), 4);
  model::enliven(joined.projector->parameters(), 5);
  model::enliven(joined.language.parameters(), 6);
  return joined;
}

std::vector<Question> some_questions(const std::shared_ptr<const data::PictureSource>& source) {
  std::vector<Question> questions;
  const std::vector<std::string> texts = {"where is the owl?", "a fox", "is it left of the fox and the owl and the fox?", "owl"};
  for (int i = 0; i < 22; ++i) {
    Question question{texts[static_cast<size_t>(i) % texts.size()] + std::string(static_cast<size_t>(i % 5), '!'), {}};
    if (i % 6 != 5) question.picture = data::PictureRef{std::to_string(i % 7), source};
    questions.push_back(question);
  }
  return questions;
}

}  // namespace

TEST_CASE("answers do not depend on the batch size, and each picture is loaded once") {
  const model::JoinedModel joined = lively_model();
  auto source = std::make_shared<Colours>();
  const auto questions = some_questions(source);
  const auto one = answer(joined, {}, questions, {.max_new_tokens = 9, .batch = 1});
  CHECK(source->loads.size() == 7);
  for (const auto& [reference, times] : source->loads) CHECK(times == 1);
  for (std::int64_t batch : {3, 16}) {
    std::int64_t last = 0;
    const auto many = answer(joined, {}, questions, {.max_new_tokens = 9, .batch = batch},
                             [&](std::int64_t done) { CHECK(done > last); last = done; });
    CHECK(many == one);
    CHECK(last == 22);
  }
  CHECK(std::set<std::string>(one.begin(), one.end()).size() > 10);  // they do depend on question and picture
}

TEST_CASE("the cache gives what reading everything anew gives") {
  const model::JoinedModel joined = lively_model();
  auto source = std::make_shared<Colours>();
  const std::vector<Question> questions = {{"where is the owl?", data::PictureRef{"3", source}}};
  const auto answers = answer(joined, {}, questions, {.max_new_tokens = 6, .batch = 1});

  at::NoGradGuard no_grad;
  const text::Template& form = *text::find_template("vicuna_v1");
  auto ids = text::encode(*joined.tokenizer, text::write_out(form, form.system, {{false, "<image>\nwhere is the owl?"}})).ids;
  const std::vector<data::Picture> pictures = {source->load("3")};
  const at::Tensor features = joined.picture_features(model::pixel_values(pictures, joined.tower->processor(), "square"));
  std::vector<std::int32_t> made;
  for (int i = 0; i < 6; ++i) {
    const std::vector<std::vector<std::int32_t>> rows = {ids};
    const model::JoinedModel::Batch batch = joined.splice(rows, {}, joined.whole(features));
    const at::Tensor hidden = joined.language.forward(batch.embeds, batch.rows);
    const auto next = joined.language.logits(hidden.narrow(0, hidden.size(0) - 1, 1)).argmax(-1).item<std::int32_t>();
    if (next == joined.tokenizer->eos()) break;
    made.push_back(next);
    ids.push_back(next);
  }
  std::string text = joined.tokenizer->decode(made);
  const auto begin = text.find_first_not_of(" \t\r\n");
  text = begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
  CHECK(answers.at(0) == text);
}

TEST_CASE("rows end at the end token, whoever is beside them") {
  auto source = std::make_shared<Colours>();
  const auto questions = some_questions(source);
  // A token that some answers make early and others do not is declared the end.
  const model::JoinedModel endless = lively_model();
  const auto long_answers = answer(endless, {}, questions, {.max_new_tokens = 9, .batch = 16});
  std::map<std::int32_t, int> rows_with;
  for (const std::string& text : long_answers) {
    std::set<std::int32_t> seen;
    for (const text::Token& token : endless.tokenizer->encode(text)) seen.insert(token.id);
    for (std::int32_t id : seen) ++rows_with[id];
  }
  std::int32_t end = -1;
  for (const auto& [id, count] : rows_with)
    if (count > 3 && count < 19) end = id;
  REQUIRE(end >= 0);
  const model::JoinedModel ending = lively_model(end);
  const auto alone = answer(ending, {}, questions, {.max_new_tokens = 9, .batch = 1});
  const auto together = answer(ending, {}, questions, {.max_new_tokens = 9, .batch = 22});
  CHECK(alone == together);
  size_t shorter = 0;
  for (size_t i = 0; i < alone.size(); ++i) shorter += alone[i].size() < long_answers[i].size() ? 1 : 0;
  CHECK(shorter > 0);
  CHECK(shorter < alone.size());
  const auto told = answers(ending, {}, questions, {.max_new_tokens = 9, .batch = 22});
  const auto shorter_told = std::count_if(told.begin(), told.end(), [](const Answer& one) { return one.tokens < 9; });
  CHECK(static_cast<size_t>(shorter_told) == shorter);  // the others were cut off
}

TEST_CASE("an adapter acts in generation, and the model is left as it was") {
  model::JoinedModel joined = lively_model();
  auto source = std::make_shared<Colours>();
  const auto questions = some_questions(source);
  const auto before = answer(joined, {}, questions, {.max_new_tokens = 5});
  joined.language.add_lora({.rank = 2, .alpha = 8, .modules = {"o_proj", "down_proj"}}, 1);
  CHECK(answer(joined, {}, questions, {.max_new_tokens = 5}) == before);
  at::manual_seed(1);
  for (auto& [name, tensor] : joined.language.lora()) tensor = at::randn(tensor.sizes());
  CHECK(answer(joined, {}, questions, {.max_new_tokens = 5}) != before);
  CHECK(joined.language.lora_config().has_value());
}

TEST_CASE("grey pictures: no picture is loaded and none makes a difference") {
  const model::JoinedModel joined = lively_model();
  auto source = std::make_shared<Colours>();
  std::vector<Question> questions;
  for (int i = 0; i < 5; ++i) questions.push_back({"where is the owl?", data::PictureRef{std::to_string(i), source}});
  const auto answers = answer(joined, {}, questions, {.max_new_tokens = 5, .grey_pictures = true});
  CHECK(source->loads.empty());
  for (const std::string& text : answers) CHECK(text == answers.front());
}

TEST_CASE("what cannot be answered is said") {
  model::JoinedModel joined = lively_model();
  const std::vector<Question> questions = {{"a fox", data::PictureRef{"1", std::make_shared<Colours>()}}};
  options::JobConversation conversation;
  conversation.template_name = "vicuna_v2";
  CHECK_THROWS_WITH(answer(joined, conversation, questions, {}), Contains("unknown template 'vicuna_v2'"));
  joined.tower.reset();
  CHECK_THROWS_WITH(answer(joined, {}, questions, {}), Contains("without a vision tower"));
  CHECK(answer(joined, {}, {}, {}).empty());
}
