// The named templates. LLaVA's are those of llava/conversation.py; qwen_2, llama_3, gemma, phi_3 and smollm write what the
// chat templates of those models write.
#include "modules/text/conversation.h"

namespace saucier::text {
namespace {

constexpr const char* kCuriousUser =
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
    "polite answers to the user's questions.";
constexpr const char* kCuriousHuman =
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
    "polite answers to the human's questions.";
// The space that lacks behind "language." lacks in LLaVA.
constexpr const char* kTaggedPictures =
    "A chat between a curious user and an artificial intelligence assistant. The assistant is able to understand the visual "
    "content that the user provides, and assist the user with a variety of tasks using natural language.The visual content "
    "will be provided with the following format: <Image>visual content</Image>.";
constexpr const char* kLlama2 =
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being safe.  Your "
    "answers should not include any harmful, unethical, racist, sexist, toxic, dangerous, or illegal content. Please ensure "
    "that your responses are socially unbiased and positive in nature.\n\nIf a question does not make any sense, or is not "
    "factually coherent, explain why instead of answering something not correct. If you don't know the answer to a "
    "question, please don't share false information.";
constexpr const char* kLanguageAndVision =
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language.";

Template vicuna(const char* system) {
  return {.system = system,
          .system_end = " ",
          .user = "USER: ",
          .user_end = " ",
          .assistant = "ASSISTANT:",
          .answer_start = " ",
          .assistant_end = "</s>"};
}

// "###" both ends a turn and begins the next: LLaVA learns each.
Template vicuna_v0(const char* system) {
  return {.system = system,
          .system_end = "###",
          .user = "Human: ",
          .user_end = "###",
          .assistant = "Assistant:",
          .answer_start = " ",
          .assistant_end = "###",
          .learned_with_turns = {"system_end", "user_end", "assistant"}};
}

Template tagged(Template form) {
  form.picture_start = "<Image>";
  form.picture_end = "</Image>";
  return form;
}

Template llama_2(const char* system, const char* between, const char* answer_end) {
  return {.system = system,
          .system_start = "<<SYS>>\n",
          .system_end = "\n<</SYS>>\n\n",
          .system_in_user = true,
          .user = "[INST] ",
          .user_end = " [/INST]",
          .answer_start = " ",
          .assistant_end = answer_end,
          .between = between};
}

// `line`: what stands behind each "<|im_end|>".
Template chatml(const char* system, const std::string& line) {
  const std::string end = "<|im_end|>";
  return {.system = system,
          .system_start = "<|im_start|>system\n",
          .system_end = end + line,
          .user = "<|im_start|>user\n",
          .user_end = end + line,
          .assistant = "<|im_start|>assistant\n",
          .assistant_end = end,
          .turn_end = line};
}

std::vector<NamedTemplate> make() {
  return {
      {"plain", {.assistant_end = "\n", .questions = false}},
      {"vicuna_v1", vicuna(kCuriousUser)},
      {"llava_v1", vicuna(kCuriousHuman)},
      {"v1_mmtag", tagged(vicuna(kTaggedPictures))},
      {"llava_v0", vicuna_v0(kCuriousHuman)},
      {"v0_mmtag", tagged(vicuna_v0(kTaggedPictures))},
      {"llama_2", llama_2(kLlama2, "<s>", " </s>")},
      {"llava_llama_2", llama_2(kLanguageAndVision, "<s>", " </s>")},
      {"mistral_instruct", llama_2("", "", " </s>")},
      {"mpt", chatml("A conversation between a user and an LLM-based AI assistant. The assistant gives helpful and honest answers.", "")},
      {"chatml_direct", chatml("Answer the questions.", "")},
      {"qwen_2", chatml("You are a helpful assistant.", "\n")},
      {"llama_3",
       {.system_start = "<|start_header_id|>system<|end_header_id|>\n\n",
        .system_end = "<|eot_id|>",
        .user = "<|start_header_id|>user<|end_header_id|>\n\n",
        .user_end = "<|eot_id|>",
        .assistant = "<|start_header_id|>assistant<|end_header_id|>\n\n",
        .assistant_end = "<|eot_id|>",
        .trim = true}},
      {"gemma",
       {.system_end = "\n\n",
        .system_in_user = true,
        .user = "<start_of_turn>user\n",
        .user_end = "<end_of_turn>\n",
        .assistant = "<start_of_turn>model\n",
        .assistant_end = "<end_of_turn>",
        .turn_end = "\n",
        .trim = true}},
      {"phi_3",
       {.system_start = "<|system|>\n",
        .system_end = "<|end|>\n",
        .user = "<|user|>\n",
        .user_end = "<|end|>\n",
        .assistant = "<|assistant|>\n",
        .assistant_end = "<|end|>",
        .turn_end = "\n",
        .closing = "<|endoftext|>"}},
      {"smollm", chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face", "\n")},
  };
}

}  // namespace

const std::vector<NamedTemplate>& templates() {
  static const std::vector<NamedTemplate> list = make();
  return list;
}

}  // namespace saucier::text
