// [template.NAME]: how turns are written out, as parts between which the texts stand. The named templates
// (modules/text/templates.cpp) are values of the same structure.
//
// A conversation is: system_start SYSTEM system_end, then a pair after the other, `between` before every pair but the
// first: user QUESTION user_end assistant answer_start ANSWER assistant_end turn_end; `closing` behind the last. Without
// a system message what surrounds it is left out too.
#pragma once

#include "modules/options/table.h"

namespace saucier::options {

struct TemplateOptions {
  std::string system = {};
  std::string system_start = {};
  std::string system_end = {};
  bool system_in_user = false;
  std::string user = {};
  std::string user_end = {};
  std::string assistant = {};
  std::string answer_start = {};
  std::string assistant_end = {};
  std::string turn_end = {};
  std::string between = {};
  std::string closing = {};
  std::string picture_start = {};
  std::string picture_end = {};
  bool trim = false;
  bool questions = true;
  std::vector<std::string> learned = {"answer_start", "assistant_end"};
  std::vector<std::string> learned_with_turns = {"assistant"};

  template <class Visitor>
  void declare(Visitor& v) {
    v(system, {.key = "system", .help = "The template's own system message; empty: none."});
    v(system_start, {.key = "system_start", .help = "Before a system message."});
    v(system_end, {.key = "system_end", .help = "Behind a system message."});
    v(system_in_user, {.key = "system_in_user", .help = "Whether the system message stands inside the first user's turn, between `user` and the question, in place of before it."});
    v(user, {.key = "user", .help = "Before a question."});
    v(user_end, {.key = "user_end", .help = "Behind a question."});
    v(assistant, {.key = "assistant", .help = "Where the assistant begins: the end of a prompt that is to be answered."});
    v(answer_start, {.key = "answer_start", .help = "Between that and the answer, learned with it: a space, where the first token of an answer takes it."});
    v(assistant_end, {.key = "assistant_end", .help = "Behind an answer: the end that the model learns to write."});
    v(turn_end, {.key = "turn_end", .help = "Behind that, not learned."});
    v(between, {.key = "between", .help = "Before every question but the first."});
    v(closing, {.key = "closing", .help = "Behind the last answer."});
    v(picture_start, {.key = "picture_start", .help = "Before every picture."});
    v(picture_end, {.key = "picture_end", .help = "Behind every picture."});
    v(trim, {.key = "trim", .help = "Whether white space around each text goes."});
    v(questions, {.key = "questions", .help = "Whether questions are written; else of each only its pictures are, and no system message."});
    v(learned, {.key = "learned", .help = "Parts that are learned with an answer.", .choices = {"system_end", "user_end", "assistant", "answer_start", "assistant_end", "turn_end", "closing"}});
    v(learned_with_turns, {.key = "learned_with_turns", .help = "Parts that are learned beside those with conversation.learn = \"turns\".", .choices = {"system_end", "user_end", "assistant", "answer_start", "assistant_end", "turn_end", "closing"}});
  }
};

}  // namespace saucier::options
