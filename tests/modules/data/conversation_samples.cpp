#include "modules/data/conversation_samples.h"

#include <catch2/catch.hpp>

#include "tests/modules/data/fake_source.h"

using namespace saucier;
using namespace saucier::data;
using options::ConversationOptions;

namespace {

const text::Tokenizer& tokenizer() {
  static const text::Tokenizer value = text::Tokenizer::learn(std::vector<std::string>{"one red apple"}, {.vocab_size = 262});
  return value;
}

PictureRef picture() { return {"7", std::make_shared<FakePictures>()}; }

Sample dialogue(int pairs, bool with_picture, const std::string& id = "d") {
  Sample sample{.id = id, .source = "s", .kind = "", .system = {}, .turns = {}, .pictures = {}};
  for (int i = 1; i <= pairs; ++i) {
    sample.turns.push_back({Role::kUser, fmt::format("{}Q{}", with_picture && i == 1 ? "<image>\n" : "", i)});
    sample.turns.push_back({Role::kAssistant, fmt::format("A{}", i)});
  }
  if (with_picture) sample.pictures = {picture()};
  return sample;
}

Conversation written(const Sample& sample, const ConversationOptions& options, std::int64_t picture_tokens = 9) {
  const ConversationWriter writer(tokenizer(), options, {.each = picture_tokens}, 1);
  auto result = writer.write(sample);
  REQUIRE(std::holds_alternative<Conversation>(result));
  return std::get<Conversation>(std::move(result));
}

std::string whole(const Conversation& conversation) {
  std::string out;
  for (const text::Piece& piece : conversation.pieces) out += piece.text;
  return out;
}

std::string reason(const Sample& sample, const ConversationOptions& options = {}) {
  const auto result = ConversationWriter(tokenizer(), options, {.each = 9}, 1).write(sample);
  REQUIRE(std::holds_alternative<Drop>(result));
  const Drop& drop = std::get<Drop>(result);
  CHECK(drop.id == sample.id);
  CHECK(std::count(drop_reasons().begin(), drop_reasons().end(), drop.reason) == 1);
  return drop.reason;
}

const ConversationOptions kBare{.system = "none"};

}  // namespace

TEST_CASE("turn limits split or truncate") {
  const Sample sample = dialogue(5, true);
  const auto parts = limit_turns(sample, 2, "split");
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
  CHECK(limit_turns(dialogue(4, false), 2, "split")[1].turns[0].text == "Q3");

  const auto cut = limit_turns(sample, 2, "truncate");
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].turns.size() == 4);
  CHECK(limit_turns(sample, 0, "split").size() == 1);
  CHECK(limit_turns(sample, 5, "split").size() == 1);
  CHECK_THROWS_WITH(limit_turns(sample, 2, "fold"), Catch::Contains("turn_overflow 'fold'"));
}

TEST_CASE("parts of a sample with several pictures show what was shown before") {
  Sample sample = dialogue(3, true);
  sample.pictures = {{"1", picture().source}, {"2", picture().source}};
  sample.turns[2].text = "<image>\nQ2";
  const auto parts = limit_turns(sample, 1, "split");
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].pictures.size() == 1);
  CHECK(parts[1].turns[0].text == "<image>\n<image>\nQ2");
  CHECK(parts[1].pictures.size() == 2);
  CHECK(parts[2].turns[0].text == "<image>\n<image>\nQ3");
  CHECK(parts[2].pictures.at(1).reference == "2");
  CHECK(limit_turns(sample, 1, "truncate")[0].pictures.size() == 1);
  for (const Sample& part : parts) CHECK(written(part, kBare).pictures.size() == part.pictures.size());
  // Not mentioned at all: they stand in front of each part's first question.
  sample = dialogue(2, false);
  sample.pictures = {{"1", picture().source}, {"2", picture().source}};
  const auto unmarked = limit_turns(sample, 1, "split");
  CHECK(unmarked[1].turns[0].text == "Q2");
  CHECK(whole(written(unmarked[1], kBare)) == "USER: <image>\n<image>\nQ2 ASSISTANT: A2</s>");
}

TEST_CASE("the length counts pictures by their size where tiles are made of them") {
  const image::PictureTokens tokens{.each = 0, .pinpoints = {{2, 2}, {2, 4}}, .side = 2, .side_patches = 2};
  const auto result = ConversationWriter(tokenizer(), kBare, tokens, 1).write(dialogue(1, true));
  const Conversation& written_one = std::get<Conversation>(result);
  CHECK(written_one.length == static_cast<std::int64_t>(written_one.encoded.ids.size()) - 1 + tokens.count({1, 1}));
  CHECK(tokens.count({1, 1}) == 4 + 2 * 3);
}

TEST_CASE("a source with a turn limit has the parts as its samples") {
  const auto source = std::make_shared<FakeSource>(4, [](std::int64_t i) { return dialogue(static_cast<int>(i), false, std::to_string(i)); });
  const auto parts = limit_turns(source, 2, "split");  // 0, 1, 2 and 3 pairs: a sample without turns stays, to be dropped by name
  REQUIRE(parts->size() == 5);
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < parts->size(); ++i) ids.push_back(parts->get(i).id);
  CHECK(ids == std::vector<std::string>{"0", "1", "2", "3", "3#2"});
  CHECK(limit_turns(source, 2, "truncate")->size() == 4);
  CHECK(limit_turns(source, 2, "truncate")->get(3).turns.size() == 4);
  CHECK(limit_turns(source, 0, "split") == source);
}

TEST_CASE("the picture stands where it is asked for") {
  Sample sample = dialogue(1, true);
  const auto text_with = [&](const char* position) {
    ConversationOptions options = kBare;
    options.image_position = position;
    return whole(written(sample, options));
  };
  CHECK(text_with("front") == "USER: <image>\nQ1 ASSISTANT: A1</s>");
  CHECK(text_with("back") == "USER: Q1\n<image> ASSISTANT: A1</s>");
  sample.turns[0].text = "see <image> Q1";
  CHECK(text_with("as_is") == "USER: see <image> Q1 ASSISTANT: A1</s>");
  sample.turns[0].text = "Q1";  // nobody says where: the first question, in front unless asked otherwise
  CHECK(text_with("as_is") == "USER: <image>\nQ1 ASSISTANT: A1</s>");
  CHECK(text_with("back") == "USER: Q1\n<image> ASSISTANT: A1</s>");
}

TEST_CASE("a random picture position is a function of the sample, and both come about as often") {
  ConversationOptions options = kBare;
  options.image_position = "random";
  int front = 0;
  for (int i = 0; i < 400; ++i) {
    const Sample sample = dialogue(1, true, std::to_string(i));
    const std::string text = whole(written(sample, options));
    CHECK(text == whole(written(sample, options)));
    front += text.starts_with("USER: <image>");
  }
  CHECK(front > 160);
  CHECK(front < 240);
}

TEST_CASE("the length counts the picture's tokens") {
  const Conversation with = written(dialogue(1, true), kBare, 9);
  CHECK(with.length == static_cast<std::int64_t>(with.encoded.ids.size()) + 8);
  CHECK(std::count(with.encoded.ids.begin(), with.encoded.ids.end(), tokenizer().image()) == 1);
  const Conversation without = written(dialogue(1, false), kBare, 9);
  CHECK(without.length == static_cast<std::int64_t>(without.encoded.ids.size()));
  CHECK(without.pictures.empty());
}

TEST_CASE("what is too long is cut at a turn") {
  ConversationOptions options = kBare;
  const Conversation whole_one = written(dialogue(3, true), options);
  options.max_length = whole_one.length;
  CHECK(written(dialogue(3, true), options).cut_pairs == 0);
  options.max_length = whole_one.length - 1;
  const Conversation cut = written(dialogue(3, true), options);
  CHECK(cut.cut_pairs == 1);
  CHECK(whole(cut) == "USER: <image>\nQ1 ASSISTANT: A1</s>USER: Q2 ASSISTANT: A2</s>");
  CHECK(cut.length <= options.max_length);
  options.max_length = written(dialogue(1, true), kBare).length - 1;
  CHECK(reason(dialogue(3, true), options) == "longer than max_length");
}

TEST_CASE("a picture that was cut away with its turn is not loaded") {
  Sample sample = dialogue(2, false);
  sample.pictures = {picture()};
  sample.turns[2].text = "<image>\nQ2";
  ConversationOptions options = kBare;
  options.max_length = written(sample, kBare).length - 1;
  const Conversation cut = written(sample, options);
  CHECK(cut.cut_pairs == 1);
  CHECK(cut.pictures.empty());
}

TEST_CASE("samples that cannot be used are dropped by name") {
  const auto with = [](size_t turn, const std::string& text) {
    Sample sample = dialogue(2, true);
    sample.turns[turn].text = text;
    return sample;
  };
  CHECK(reason(dialogue(0, false)) == "no turns");
  CHECK(reason(with(3, "  \n")) == "empty turn");
  CHECK(reason(with(2, "")) == "empty turn");
  CHECK(reason(with(1, "here: <image>")) == "picture marker in an answer");
  CHECK(reason(with(2, "<image> again")) == "more picture markers than pictures");
  CHECK(reason(with(1, "bye</s>")) == "special token in a turn");
  CHECK(reason(with(0, "<s><image>")) == "special token in a turn");
  CHECK(reason(with(1, "x<|im_end|>"), {.template_name = "chatml_direct"}) == "special token in a turn");
  Sample sample = dialogue(2, true);
  sample.pictures.push_back(picture());
  CHECK(reason(sample) == "fewer picture markers than pictures");
  sample.pictures.clear();
  CHECK(reason(sample) == "picture marker without a picture");
  sample = dialogue(2, true);
  sample.turns.pop_back();
  CHECK(reason(sample) == "last question has no answer");
  std::swap(sample.turns[0], sample.turns[1]);
  CHECK(reason(sample) == "turns do not alternate from user to assistant");
  CHECK(reason(dialogue(2, true), {.template_name = "plain"}) == "more than one answer for template 'plain'");
}

TEST_CASE("the plain template learns the caption alone") {
  Sample sample = dialogue(1, true);
  sample.turns[0].text = "<image>";
  const Conversation conversation = written(sample, {.template_name = "plain"});
  CHECK(whole(conversation) == "<image>A1\n");
  const auto& [ids, labels] = conversation.encoded;
  REQUIRE(ids.size() == 5);  // <s> <image> A 1 \n
  CHECK(labels == std::vector<std::int32_t>{text::kIgnore, text::kIgnore, ids[2], ids[3], ids[4]});
}

TEST_CASE("unknown names are refused with the nearest known one") {
  try {
    ConversationWriter(tokenizer(), {.template_name = "vicuna_v2"}, {.each = 9}, 1);
    FAIL("an unknown template was taken");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "conversation template 'vicuna_v2' is not known");
    CHECK_THAT(error.hint(), Catch::Contains("vicuna_v1"));
  }
  CHECK_THROWS_WITH(ConversationWriter(tokenizer(), {.image_position = "middle"}, {.each = 9}, 1), "image position 'middle' is not known");
}
