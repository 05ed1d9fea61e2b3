// [kind.NAME]: what a teacher in words is asked to write. A table with the name of a ready kind (conversation, detail,
// reasoning) changes that kind: what it does not say stays.
#pragma once

#include "modules/options/table.h"

namespace saucier::options {

struct KindOptions {
  std::string prompts;
  std::string system;
  std::optional<std::string> layout;
  std::optional<bool> boxes;
  std::vector<std::string> questions;

  template <class Visitor>
  void declare(Visitor& v) {
    v(prompts, {.key = "prompts", .help = "Folder of prompts in LLaVA's layout: system_message.txt, pairs NAME_caps.txt (what the teacher gets) and NAME_conv.txt (what it should reply), questions.txt (a question a line); each may be absent.", .path = true});
    v(system, {.key = "system", .help = "The system message, in the place of the folder's; '{turns}' in it stands for the stage's max_turns in words."});
    v(layout, {.key = "layout", .help = "How a reply is read: 'dialogue' is pairs of 'Question:' and 'Answer:' with lines '===' between, 'pair' exactly one of them, 'answer' the whole reply as the answer to one of `questions`.", .choices = {"dialogue", "pair", "answer"}});
    v(boxes, {.key = "boxes", .help = "Whether the teacher gets boxes and notes beside the captions."});
    v(questions, {.key = "questions", .help = "Questions of layout 'answer', of which one is drawn for each sample."});
  }
};

}  // namespace saucier::options
