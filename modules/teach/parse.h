// A teacher's reply as questions and answers, read strictly.
//
//   Question:
//   What stands beside the door?
//   ===
//   Answer:
//   A bicycle.
//   ===
//
// Blocks end at lines of three or more '='; each begins with its label, which the text may follow on the same line;
// questions and answers take turns, a question first. Nothing is mended: what does not fit is rejected with its reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "modules/teach/exchange.h"
#include "modules/teach/rejection.h"

namespace saucier::teach {

enum class Layout {
  kDialogue,  // pairs
  kPair,      // exactly one
  kAnswer,    // the whole reply is the answer
};
Layout layout_named(std::string_view name);  // "dialogue", "pair", "answer"; throws Error

struct Parsed {
  std::vector<Exchange> exchanges;  // of kAnswer one, without its question
  Rejection rejection;
};
Parsed parse_reply(Layout layout, std::string_view text);

// What parse_reply reads back.
std::string write_pairs(const std::vector<Exchange>& exchanges);

}  // namespace saucier::teach
