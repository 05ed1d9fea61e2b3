// The text of every template, against what LLaVA's get_prompt and transformers' apply_chat_template give
// (tests/parity/conversations.py compares many more), and every mask.
#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/text/chat_template.h"
#include "tests/must_be_current.h"

using namespace saucier;
using namespace saucier::text;

namespace {

// What is learned in square brackets.
std::string marked(const Template& form, std::string_view system, Learn learn = Learn::kAnswers, bool prompt = false) {
  std::vector<Message> messages = {{false, "<image>\nQ1"}, {true, "A1"}, {false, "Q2"}, {true, "A2"}};
  if (prompt) messages.pop_back();
  std::string out;
  for (const Piece& piece : write_out(form, system, messages, learn)) out += piece.learned ? "[" + piece.text + "]" : piece.text;
  return out;
}

struct Golden {
  const char* name;
  const char* with_system;  // "S"
  const char* without;
};

const Golden kGolden[] = {
    {"vicuna_v1", "S USER: <image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]",
     "USER: <image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]"},
    {"llava_v1", "S USER: <image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]",
     "USER: <image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]"},
    {"v1_mmtag", "S USER: <Image><image></Image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]",
     "USER: <Image><image></Image>\nQ1 ASSISTANT:[ A1</s>]USER: Q2 ASSISTANT:[ A2</s>]"},
    {"llava_v0", "S###Human: <image>\nQ1###Assistant:[ A1###]Human: Q2###Assistant:[ A2###]",
     "Human: <image>\nQ1###Assistant:[ A1###]Human: Q2###Assistant:[ A2###]"},
    {"v0_mmtag", "S###Human: <Image><image></Image>\nQ1###Assistant:[ A1###]Human: Q2###Assistant:[ A2###]",
     "Human: <Image><image></Image>\nQ1###Assistant:[ A1###]Human: Q2###Assistant:[ A2###]"},
    {"llama_2", "[INST] <<SYS>>\nS\n<</SYS>>\n\n<image>\nQ1 [/INST][ A1 </s>]<s>[INST] Q2 [/INST][ A2 </s>]",
     "[INST] <image>\nQ1 [/INST][ A1 </s>]<s>[INST] Q2 [/INST][ A2 </s>]"},
    {"llava_llama_2", "[INST] <<SYS>>\nS\n<</SYS>>\n\n<image>\nQ1 [/INST][ A1 </s>]<s>[INST] Q2 [/INST][ A2 </s>]",
     "[INST] <image>\nQ1 [/INST][ A1 </s>]<s>[INST] Q2 [/INST][ A2 </s>]"},
    {"mistral_instruct", "[INST] <<SYS>>\nS\n<</SYS>>\n\n<image>\nQ1 [/INST][ A1 </s>][INST] Q2 [/INST][ A2 </s>]",
     "[INST] <image>\nQ1 [/INST][ A1 </s>][INST] Q2 [/INST][ A2 </s>]"},
    {"mpt",
     "<|im_start|>system\nS<|im_end|><|im_start|>user\n<image>\nQ1<|im_end|><|im_start|>assistant\n[A1<|im_end|>]"
     "<|im_start|>user\nQ2<|im_end|><|im_start|>assistant\n[A2<|im_end|>]",
     "<|im_start|>user\n<image>\nQ1<|im_end|><|im_start|>assistant\n[A1<|im_end|>]"
     "<|im_start|>user\nQ2<|im_end|><|im_start|>assistant\n[A2<|im_end|>]"},
    {"chatml_direct",
     "<|im_start|>system\nS<|im_end|><|im_start|>user\n<image>\nQ1<|im_end|><|im_start|>assistant\n[A1<|im_end|>]"
     "<|im_start|>user\nQ2<|im_end|><|im_start|>assistant\n[A2<|im_end|>]",
     "<|im_start|>user\n<image>\nQ1<|im_end|><|im_start|>assistant\n[A1<|im_end|>]"
     "<|im_start|>user\nQ2<|im_end|><|im_start|>assistant\n[A2<|im_end|>]"},
    {"qwen_2",
     "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n<image>\nQ1<|im_end|>\n<|im_start|>assistant\n[A1<|im_end|>]\n"
     "<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\n[A2<|im_end|>]\n",
     "<|im_start|>user\n<image>\nQ1<|im_end|>\n<|im_start|>assistant\n[A1<|im_end|>]\n"
     "<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\n[A2<|im_end|>]\n"},
    {"smollm",
     "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n<image>\nQ1<|im_end|>\n<|im_start|>assistant\n[A1<|im_end|>]\n"
     "<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\n[A2<|im_end|>]\n",
     "<|im_start|>user\n<image>\nQ1<|im_end|>\n<|im_start|>assistant\n[A1<|im_end|>]\n"
     "<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\n[A2<|im_end|>]\n"},
    {"llama_3",
     "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n<image>\nQ1<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\n[A1<|eot_id|>]<|start_header_id|>user<|end_header_id|>\n\nQ2<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\n[A2<|eot_id|>]",
     "<|start_header_id|>user<|end_header_id|>\n\n<image>\nQ1<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[A1<|eot_id|>]"
     "<|start_header_id|>user<|end_header_id|>\n\nQ2<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[A2<|eot_id|>]"},
    {"gemma",
     "<start_of_turn>user\nS\n\n<image>\nQ1<end_of_turn>\n<start_of_turn>model\n[A1<end_of_turn>]\n"
     "<start_of_turn>user\nQ2<end_of_turn>\n<start_of_turn>model\n[A2<end_of_turn>]\n",
     "<start_of_turn>user\n<image>\nQ1<end_of_turn>\n<start_of_turn>model\n[A1<end_of_turn>]\n"
     "<start_of_turn>user\nQ2<end_of_turn>\n<start_of_turn>model\n[A2<end_of_turn>]\n"},
    {"phi_3",
     "<|system|>\nS<|end|>\n<|user|>\n<image>\nQ1<|end|>\n<|assistant|>\n[A1<|end|>]\n<|user|>\nQ2<|end|>\n<|assistant|>\n[A2<|end|>]\n"
     "<|endoftext|>",
     "<|user|>\n<image>\nQ1<|end|>\n<|assistant|>\n[A1<|end|>]\n<|user|>\nQ2<|end|>\n<|assistant|>\n[A2<|end|>]\n<|endoftext|>"},
};

std::string without_marks(std::string text) {
  std::erase(text, '[');
  std::erase(text, ']');
  return text;
}

}  // namespace

TEST_CASE("every template writes its golden text and learns its answers") {
  CHECK(std::size(kGolden) + 1 == templates().size());  // but plain: conversation.cpp
  for (const Golden& golden : kGolden) {
    INFO(golden.name);
    const Template* form = find_template(golden.name);
    REQUIRE(form);
    CHECK(marked(*form, "S") == golden.with_system);
    CHECK(marked(*form, "") == golden.without);
    // A prompt is the text up to the last answer, whatever was asked to be learned.
    const std::string trained = without_marks(golden.with_system);
    const std::string prompt = without_marks(marked(*form, "S", Learn::kAnswers, true));
    CHECK(trained.starts_with(prompt));
    CHECK(trained.substr(prompt.size() + form->answer_start.size()).starts_with("A2"));
  }
}

TEST_CASE("the system messages of LLaVA's templates") {
  const auto starts = [](const char* name, const char* text) {
    INFO(name);
    CHECK(find_template(name)->system.starts_with(text));
  };
  starts("v1_mmtag", "A chat between a curious user and an artificial intelligence assistant. The assistant is able to understand the visual content");
  CHECK(find_template("v0_mmtag")->system == find_template("v1_mmtag")->system);
  CHECK(find_template("v0_mmtag")->system.ends_with("using natural language.The visual content will be provided with the following format: <Image>visual content</Image>."));
  CHECK(find_template("llava_v0")->system == find_template("llava_v1")->system);
  starts("llama_2", "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being safe.  Your answers");
  CHECK(find_template("llama_2")->system.ends_with("please don't share false information."));
  starts("llava_llama_2", "You are a helpful language and vision assistant.");
  starts("mpt", "A conversation between a user and an LLM-based AI assistant. The assistant gives helpful and honest answers.");
  for (const char* name : {"plain", "mistral_instruct", "llama_3", "gemma", "phi_3"}) CHECK(find_template(name)->system.empty());
}

TEST_CASE("what else may be learned") {
  const Template& v1 = *find_template("vicuna_v1");
  CHECK(marked(v1, "S", Learn::kLastAnswer) == "S USER: <image>\nQ1 ASSISTANT: A1</s>USER: Q2 ASSISTANT:[ A2</s>]");
  CHECK(marked(v1, "S", Learn::kTurns) == "S USER: <image>\nQ1 [ASSISTANT: A1</s>]USER: Q2 [ASSISTANT: A2</s>]");
  CHECK(marked(v1, "S", Learn::kAll) == "[S USER: ]<image>[\nQ1 ASSISTANT: A1</s>USER: Q2 ASSISTANT: A2</s>]");
  // LLaVA's mask of v0: the assistant's turns with their label, and every "###", which is what ends a turn.
  CHECK(marked(*find_template("llava_v0"), "S", Learn::kTurns) == "S[###]Human: <image>\nQ1[###Assistant: A1###]Human: Q2[###Assistant: A2###]");
  CHECK(marked(*find_template("qwen_2"), "", Learn::kLastAnswer).ends_with("<|im_start|>assistant\nA1<|im_end|>\n<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\n[A2<|im_end|>]\n"));
  CHECK(marked(*find_template("plain"), "S", Learn::kAll) == "<image>[A1\nA2\n]");
  CHECK(learn_of("last_answer") == Learn::kLastAnswer);
  CHECK_THROWS_AS(learn_of("answer"), Error);
}

TEST_CASE("a template of the recipe's own is the same structure") {
  options::JobConversation conversation;
  conversation.template_name = "mine";
  CHECK_THROWS_WITH(template_of(conversation), "unknown template 'mine'");
  conversation.form = Template{.system = "S", .system_end = "\n", .user = "Q: ", .user_end = "\n", .assistant = "A:", .answer_start = " ",
                               .assistant_end = "\n", .turn_end = "\n", .between = "--\n", .closing = "END", .picture_start = "(", .picture_end = ")",
                               .learned = {"answer_start", "assistant_end", "closing"}, .learned_with_turns = {"assistant", "turn_end"}};
  const Template& form = template_of(conversation);
  CHECK(marked(form, system_text(conversation)) == "S\nQ: (<image>)\nQ1\nA:[ A1\n]\n--\nQ: Q2\nA:[ A2\n]\n[END]");
  CHECK(marked(form, "", Learn::kTurns) == "Q: (<image>)\nQ1\n[A: A1\n\n]--\nQ: Q2\n[A: A2\n\nEND]");
  conversation.system = "none";
  CHECK(system_text(conversation).empty());
}

TEST_CASE("templates that trim take what Python's strip takes") {
  const Template& form = *find_template("llama_3");
  std::string text;
  for (const Piece& piece : write_out(form, " S\u2003", {{false, "\x1c\n<image>\nQ \u00a0"}, {true, "\u3000A\u0085\t"}})) text += piece.text;
  CHECK(text == "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n<image>\nQ<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>");
  CHECK(strip("").empty());
  CHECK(strip(" \u200b ") == "\u200b");  // no white space
  CHECK(strip("\xff \xff") == "\xff \xff");
}

// tests/parity/chat_templates.py has transformers render them.
TEST_CASE("the chat templates that export writes") {
  std::string all;
  for (const NamedTemplate& one : templates()) {
    all += one.name + "\n" + chat_template(one.form, one.form.system, "front") + "\n\n";
    CHECK(chat_template(one.form, one.form.system, "random") == chat_template(one.form, one.form.system, "front"));
    CHECK(chat_template(one.form, one.form.system, "back") != chat_template(one.form, one.form.system, "front"));
  }
  must_be_current(fs::path(SAUCIER_SOURCE_DIR) / "tests/golden/chat_templates.txt", all);
}
