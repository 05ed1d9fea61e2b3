#include "modules/data/conversation_samples.h"

#include <set>

#include "tests/modules/data/dialogue.h"

using namespace saucier;
using namespace saucier::data;
using options::ConversationOptions;

TEST_CASE("the length counts pictures by their size where tiles are made of them") {
  const image::PictureTokens tokens{.each = 0, .pinpoints = {{2, 2}, {2, 4}}, .side = 2, .side_patches = 2};
  const auto result = ConversationWriter(tokenizer(), {kBare, {}}, tokens, 1).write(dialogue(1, true));
  const Conversation& written_one = result.conversations.at(0);
  CHECK(written_one.length == static_cast<std::int64_t>(written_one.encoded.ids.size()) - 1 + tokens.count({1, 1}));
  CHECK(tokens.count({1, 1}) == 4 + 2 * 3);
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

TEST_CASE("the plain template learns the caption alone") {
  Sample sample = dialogue(1, true);
  sample.turns[0].text = "<image>";
  const Conversation conversation = written(sample, {.template_name = "plain"});
  CHECK(whole(conversation) == "<image>A1\n");
  const auto& [ids, labels] = conversation.encoded;
  REQUIRE(ids.size() == 5);  // <s> <image> A 1 \n
  CHECK(labels == std::vector<std::int32_t>{text::kIgnore, text::kIgnore, ids[2], ids[3], ids[4]});
}

TEST_CASE("what is too long loses pairs from its end") {
  ConversationOptions options = kBare;
  const Conversation whole_one = written(dialogue(3, true), options);
  options.max_length = whole_one.length;
  CHECK(write(dialogue(3, true), options).cut_pairs == 0);
  options.max_length = whole_one.length - 1;
  const WrittenSample cut = write(dialogue(3, true), options);
  CHECK(cut.cut_pairs == 1);
  CHECK(cut.cut_answers == 0);
  CHECK(whole(cut.conversations.at(0)) == "USER: <image>\nQ1 ASSISTANT: A1</s>USER: Q2 ASSISTANT: A2</s>");
  CHECK(cut.conversations[0].length <= options.max_length);
}

TEST_CASE("an answer that alone is too long is cut at a token and learns no end") {
  ConversationOptions options = kBare;
  Sample sample = dialogue(2, true);
  sample.turns[1].text = "Ä1234";  // seven bytes, a token each; the first two are one character
  options.max_length = written(sample, {.system = "none", .length_overflow = "truncate"}).length;
  const std::int64_t prompt = written(dialogue(1, true), kBare).length - 3;  // A, 1, </s>
  const auto cut_to = [&](std::int64_t room) {
    options.max_length = prompt + room;
    return write(sample, options);
  };
  CHECK(whole(cut_to(7).conversations.at(0)) == "USER: <image>\nQ1 ASSISTANT: Ä1234</s>");
  const WrittenSample cut = cut_to(4);
  CHECK(cut.cut_answers == 1);
  CHECK(cut.cut_pairs == 1);
  const Conversation& conversation = cut.conversations.at(0);
  CHECK(whole(conversation) == "USER: <image>\nQ1 ASSISTANT: Ä12");
  CHECK(conversation.messages.at(1).text == "Ä12");
  CHECK(conversation.length == prompt + 4);
  CHECK(conversation.encoded.labels.back() == conversation.encoded.ids.back());
  CHECK(whole(cut_to(6).conversations.at(0)) == "USER: <image>\nQ1 ASSISTANT: Ä1234");  // only its end is lost
  CHECK(whole(cut_to(2).conversations.at(0)) == "USER: <image>\nQ1 ASSISTANT: Ä");
  // Never half a character, never an empty answer, never into the picture.
  for (const std::int64_t room : {1, 0, -1, -5, -12}) {
    const WrittenSample none = cut_to(room);
    CHECK(none.conversations.empty());
    REQUIRE(none.drops.size() == 1);
    CHECK(none.drops[0].reason == Reason::kTooLong);
    CHECK(none.cut_answers == 0);
  }
}

TEST_CASE("what is too long is split at pairs, with the pictures shown so far in each part") {
  Sample sample = dialogue(4, true);
  sample.turns[4].text = "<image>\nQ3";
  sample.pictures.push_back(picture("8"));
  ConversationOptions options{.system = "none", .image_position = "back", .length_overflow = "split"};
  options.max_length = written(dialogue(2, true), kBare).length;
  const WrittenSample split = write(sample, options);
  REQUIRE(split.conversations.size() == 3);
  CHECK(split.parts == 3);
  CHECK(whole(split.conversations[0]) == "USER: Q1\n<image> ASSISTANT: A1</s>USER: Q2 ASSISTANT: A2</s>");
  CHECK(split.conversations[1].id == "d~2");
  CHECK(whole(split.conversations[1]) == "USER: Q3\n<image>\n<image> ASSISTANT: A3</s>");
  CHECK(split.conversations[1].pictures.at(1).reference == "8");
  CHECK(split.cut_pairs == 0);
  CHECK(whole(split.conversations[2]) == "USER: Q4\n<image>\n<image> ASSISTANT: A4</s>");
  // Where a pair does not fit its answer is cut; where not even that fits, the part is dropped and the others stay.
  sample.turns[5].text = std::string(30, 'x');
  const WrittenSample cut = write(sample, options);
  REQUIRE(cut.conversations.size() == 3);
  CHECK(cut.cut_answers == 1);
  CHECK(whole(cut.conversations[1]).starts_with("USER: Q3\n<image>\n<image> ASSISTANT: xxx"));
  sample.turns[4].text += std::string(40, 'y');
  const WrittenSample dropped = write(sample, options);
  CHECK(dropped.conversations.size() == 2);
  REQUIRE(dropped.drops.size() == 1);
  CHECK(dropped.drops[0].id == "d~2");
  CHECK(dropped.drops[0].reason == Reason::kTooLong);
}

TEST_CASE("what is too long is left out where the recipe wants it so") {
  ConversationOptions options{.system = "none", .length_overflow = "drop"};
  options.max_length = written(dialogue(3, true), kBare).length;
  CHECK(written(dialogue(3, true), options).length == options.max_length);
  --options.max_length;
  CHECK(reason(dialogue(3, true), options) == "too-long");
}

TEST_CASE("a picture that was cut away with its turn is not loaded") {
  Sample sample = dialogue(2, false);
  sample.pictures = {picture()};
  sample.turns[2].text = "<image>\nQ2";
  ConversationOptions options = kBare;
  options.max_length = written(sample, kBare).length - 1;
  const WrittenSample cut = write(sample, options);
  CHECK(cut.cut_pairs == 1);
  CHECK(cut.conversations.at(0).pictures.empty());
}

TEST_CASE("samples that cannot be used are dropped by name") {
  const auto with = [](size_t turn, const std::string& text) {
    Sample sample = dialogue(2, true);
    sample.turns[turn].text = text;
    return sample;
  };
  CHECK(reason(dialogue(0, false)) == "no-turns");
  CHECK(reason(with(3, "  \n\u00a0")) == "empty-turn");
  CHECK(reason(with(2, "")) == "empty-turn");
  CHECK(reason(with(1, "here: <image>")) == "marker-in-answer");
  CHECK(reason(with(2, "<image> again")) == "more-markers-than-pictures");
  CHECK(reason(with(1, "bye</s>")) == "special-token-in-text");
  CHECK(reason(with(0, "<s><image>")) == "special-token-in-text");
  CHECK(reason(with(1, "I say: ASSISTANT: yes")) == "template-separator-in-text");
  CHECK(reason(with(2, "Q2 USER: Q3")) == "template-separator-in-text");
  CHECK(written(with(2, "Q2 SUPERUSER: Q3"), kBare).messages.size() == 4);  // no label, only its end
  CHECK(reason(with(1, "x<|im_end|>"), {.template_name = "chatml_direct"}) == "template-separator-in-text");
  CHECK(reason(with(1, "a ### b"), {.template_name = "llava_v0"}) == "template-separator-in-text");
  CHECK(written(with(1, "a ### b, an assistant: x"), kBare).messages.size() == 4);
  Sample sample = dialogue(2, true);
  sample.pictures.push_back(picture());
  CHECK(reason(sample) == "fewer-markers-than-pictures");
  sample.pictures.clear();
  CHECK(reason(sample) == "marker-without-picture");
  sample = dialogue(2, true);
  sample.turns.pop_back();
  CHECK(reason(sample) == "no-answer");
  std::swap(sample.turns[0], sample.turns[1]);
  CHECK(reason(sample) == "first-turn");
  CHECK(reason(dialogue(2, true), {.template_name = "plain"}) == "several-answers");
  sample = dialogue(1, true);
  sample.system = "You see <image>";
  CHECK(reason(sample) == "marker-in-answer");
  CHECK(reason(dialogue(1, false), {.system = "You see <image>"}) == "marker-in-answer");
  sample.system = "USER: I";
  CHECK(reason(sample) == "template-separator-in-text");
}

TEST_CASE("a sample of which nothing is learned is dropped") {
  options::JobConversation conversation{kBare, options::TemplateOptions{.user = "Q", .assistant = "A", .learned = {}}};
  const text::Tokenizer merged = text::Tokenizer::learn(std::vector<std::string>(9, "Axy"), {.vocab_size = 263});
  REQUIRE(merged.encode("Ax").size() == 1);  // the answer's only character is in the label's token
  Sample sample = dialogue(1, false);
  sample.turns[1].text = "x";
  const WrittenSample result = ConversationWriter(merged, conversation, {.each = 9}, 1).write(sample);
  REQUIRE(result.drops.size() == 1);
  CHECK(result.drops[0].reason == Reason::kFullyMasked);
}

TEST_CASE("reasons have names and meanings") {
  std::set<std::string_view> names;
  for (const ReasonText& one : reasons()) {
    names.insert(one.name);
    CHECK(name_of(one.reason) == one.name);
    CHECK(reason_named(one.name) == one.reason);
    CHECK(one.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos);
    CHECK(explain(one.reason) == fmt::format("{} ({})", one.name, one.meaning));
  }
  CHECK(names.size() == reasons().size());
  CHECK_FALSE(reason_named("too long"));
}

TEST_CASE("system messages: the template's, none, a text, drawn by weight, the sample's own") {
  Sample sample = dialogue(1, false);
  CHECK(whole(written(sample, {})).starts_with("A chat between a curious user"));
  CHECK(whole(written(sample, {.system = "Be brief."})) == "Be brief. USER: Q1 ASSISTANT: A1</s>");
  sample.system = "Mine.";
  CHECK(whole(written(sample, {})) == "Mine. USER: Q1 ASSISTANT: A1</s>");
  CHECK(whole(written(sample, {.system = "none", .sample_system = "ignore"})) == "USER: Q1 ASSISTANT: A1</s>");
  sample.system = "template";  // a text like any other
  CHECK(whole(written(sample, {})) == "template USER: Q1 ASSISTANT: A1</s>");

  const ConversationOptions drawn{.systems = {{"One.", 3.0}, {"none", 1.0}, {"Never.", 0.0}}};
  int one = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string text = whole(written(dialogue(1, false, std::to_string(i)), drawn));
    CHECK(text == whole(written(dialogue(1, false, std::to_string(i)), drawn)));
    one += text == "One. USER: Q1 ASSISTANT: A1</s>";
    CHECK((text.starts_with("One.") || text.starts_with("USER")));
  }
  CHECK(one > 260);  // 300 are expected, give or take 9
  CHECK(one < 340);
  CHECK(text::system_text({drawn, {}}) == "One.");
}

TEST_CASE("a data source may say otherwise than the stage") {
  options::DataOptions mine;
  mine.system = "Mine.";
  mine.image_position = "back";
  const ConversationWriter writer(tokenizer(), {kBare, {}}, {.each = 9}, 1, {{"mine", mine}, {"s", {}}});
  Sample sample = dialogue(1, true);
  CHECK(whole(writer.write(sample).conversations.at(0)) == "USER: <image>\nQ1 ASSISTANT: A1</s>");
  sample.source = "mine";
  CHECK(whole(writer.write(sample).conversations.at(0)) == "Mine. USER: Q1\n<image> ASSISTANT: A1</s>");
}

TEST_CASE("unknown names are refused with the nearest known one") {
  const auto message = [](const ConversationOptions& options) {
    try {
      ConversationWriter(tokenizer(), {options, {}}, {.each = 9}, 1);
    } catch (const Error& error) {
      return fmt::format("{}; {}", error.what(), error.hint());
    }
    return std::string();
  };
  CHECK(message({.template_name = "vicuna_v2"}) == "unknown template 'vicuna_v2'; did you mean 'vicuna_v1'?");
  CHECK_THAT(message({.image_position = "middle"}), Catch::Contains("image position 'middle' is not known"));
  CHECK_THAT(message({.length_overflow = "cut"}), Catch::Contains("length_overflow 'cut' is not known"));
  CHECK_THAT(message({.learn = "answer"}), Catch::Contains("learn 'answer' is not known"));
}
