#include "modules/text/conversation.h"

#include <catch2/catch.hpp>

#include "modules/base/error.h"

using namespace saucier;
using namespace saucier::text;

namespace {

std::string whole(const std::vector<Piece>& pieces) {
  std::string out;
  for (const Piece& piece : pieces) out += piece.text;
  return out;
}

// The text with what is learned in square brackets.
std::string marked(const std::vector<Piece>& pieces) {
  std::string out;
  for (const Piece& piece : pieces) out += piece.learned ? "[" + piece.text + "]" : piece.text;
  return out;
}

std::vector<Piece> with_own_system(const char* name, const std::vector<Message>& messages) {
  const Template& form = *find_template(name);
  return write_out(form, form.system, messages);
}

const std::vector<Message> kTwoTurns = {{false, "<image>\nQ1"}, {true, "A1"}, {false, "Q2"}, {true, "A2"}};

Tokenizer small_tokenizer() {
  const std::vector<std::string> texts(8, "USER: what is it? ASSISTANT: a red apple. SYSTEM Q1 A1 Q2 A2");
  return Tokenizer::learn(texts, {.vocab_size = 320});
}

// Learned tokens and the others, each decoded: "text[learned]text".
std::string marked(const Tokenizer& tokenizer, const Encoded& encoded) {
  std::string out;
  bool learned = false;
  for (size_t i = 0; i < encoded.ids.size(); ++i) {
    const bool now = encoded.labels[i] != kIgnore;
    if (now) CHECK(encoded.labels[i] == encoded.ids[i]);
    if (now != learned) out += now ? "[" : "]";
    learned = now;
    out += tokenizer.decode(std::span(&encoded.ids[i], 1), false);
  }
  return out + (learned ? "]" : "");
}

}  // namespace

TEST_CASE("templates write LLaVA's golden strings") {
  CHECK(whole(write_out(*find_template("vicuna_v1"), "SYSTEM", kTwoTurns)) ==
        "SYSTEM USER: <image>\nQ1 ASSISTANT: A1</s>USER: Q2 ASSISTANT: A2</s>");
  CHECK(whole(write_out(*find_template("chatml_direct"), "SYSTEM", kTwoTurns)) ==
        "<|im_start|>system\nSYSTEM<|im_end|><|im_start|>user\n<image>\nQ1<|im_end|><|im_start|>assistant\nA1<|im_end|>"
        "<|im_start|>user\nQ2<|im_end|><|im_start|>assistant\nA2<|im_end|>");
  CHECK(whole(write_out(*find_template("plain"), "", {{false, "Describe it.\n<image>"}, {true, "A red apple."}})) ==
        "<image>A red apple.\n");
}

TEST_CASE("a template's own system message, another and none") {
  const std::vector<Message> messages = {{false, "Q"}, {true, "A"}};
  CHECK(whole(with_own_system("vicuna_v1", messages)) ==
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
        "and polite answers to the user's questions. USER: Q ASSISTANT: A</s>");
  CHECK(whole(with_own_system("llava_v1", messages)) ==
        "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, detailed, "
        "and polite answers to the human's questions. USER: Q ASSISTANT: A</s>");
  CHECK(whole(with_own_system("chatml_direct", messages)) ==
        "<|im_start|>system\nAnswer the questions.<|im_end|><|im_start|>user\nQ<|im_end|><|im_start|>assistant\nA<|im_end|>");
  CHECK(whole(write_out(*find_template("vicuna_v1"), "", messages)) == "USER: Q ASSISTANT: A</s>");
  CHECK(whole(write_out(*find_template("chatml_direct"), "", messages)) ==
        "<|im_start|>user\nQ<|im_end|><|im_start|>assistant\nA<|im_end|>");
  CHECK(whole(write_out(*find_template("plain"), "SYSTEM", messages)) == "A\n");
}

TEST_CASE("learned is the answer with its end token, and nothing else") {
  CHECK(marked(write_out(*find_template("vicuna_v1"), "SYSTEM", kTwoTurns)) ==
        "SYSTEM USER: <image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]");
  CHECK(marked(write_out(*find_template("chatml_direct"), "", kTwoTurns)) ==
        "<|im_start|>user\n<image>\nQ1<|im_end|><|im_start|>assistant\n[A1<|im_end|>]<|im_start|>user\nQ2<|im_end|>"
        "<|im_start|>assistant\n[A2<|im_end|>]");
  CHECK(marked(write_out(*find_template("plain"), "", {{false, "<image>"}, {true, "cap"}})) == "<image>[cap\n]");
}

TEST_CASE("the text of a generation prompt is a prefix of the text that is trained on") {
  for (const auto& [name, form] : templates()) {
    INFO(name);
    const std::string trained = whole(write_out(form, form.system, {{false, "<image>\nQ"}, {true, "A"}}));
    const std::vector<Piece> prompt = write_out(form, form.system, {{false, "<image>\nQ"}});
    CHECK(trained.starts_with(whole(prompt)));
    for (const Piece& piece : prompt) CHECK_FALSE(piece.learned);
  }
  CHECK(whole(write_out(*find_template("vicuna_v1"), "", {{false, "Q"}})) == "USER: Q ASSISTANT:");
}

TEST_CASE("the tokens of a generation prompt are a prefix of the tokens that are trained on") {
  const Tokenizer tokenizer = small_tokenizer();
  for (const auto& [name, form] : templates()) {
    INFO(name);
    const Encoded trained = encode(tokenizer, write_out(form, "", {{false, "<image>\nQ1"}, {true, "7 apples"}}));
    const Encoded prompt = encode(tokenizer, write_out(form, "", {{false, "<image>\nQ1"}}));
    REQUIRE(trained.ids.size() > prompt.ids.size());
    CHECK(std::equal(prompt.ids.begin(), prompt.ids.end(), trained.ids.begin()));
    CHECK(trained.labels[prompt.ids.size()] != kIgnore);  // the first token to generate is the first that is learned
  }
}

TEST_CASE("the mask of tokens follows the pieces") {
  const Tokenizer tokenizer = small_tokenizer();
  // The picture's token takes the space in front of it.
  CHECK(marked(tokenizer, encode(tokenizer, write_out(*find_template("vicuna_v1"), "SYSTEM", kTwoTurns))) ==
        "<s>SYSTEM USER:<image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]");
  CHECK(marked(tokenizer, encode(tokenizer, write_out(*find_template("plain"), "", {{false, "x<image>y"}, {true, "a red apple."}}))) ==
        "<s><image>[a red apple.\n]");
  // A token over a border belongs to the piece that it starts in.
  const std::vector<Piece> over = {{"a re", false}, {"d apple", true}};
  const Encoded encoded = encode(tokenizer, over);
  CHECK(marked(tokenizer, encoded) == "<s>a red[ apple]");
}

TEST_CASE("the picture moves inside its turn") {
  CHECK(place_image("<image>\nWhat?", "front") == "<image>\nWhat?");
  CHECK(place_image("What?\n<image>", "front") == "<image>\nWhat?");
  CHECK(place_image("<image>\nWhat?", "back") == "What?\n<image>");
  CHECK(place_image(" What <image> is it?", "as_is") == " What <image> is it?");
  CHECK(place_image("What?", "front") == "What?");
  CHECK(place_image("<image>a<image>b", "front") == "<image>\n<image>\nab");
  CHECK(place_image("<image>a<image>b", "back") == "ab\n<image>\n<image>");
  CHECK(place_image("<image>", "back") == "<image>");
  CHECK_THROWS_AS(place_image("<image>", "middle"), Error);
}

TEST_CASE("unknown templates are not found, and options know the others") {
  CHECK(find_template("v0") == nullptr);
  CHECK(template_names() == options::table_of<options::ConversationOptions>().find("template")->rule.choices);
}
