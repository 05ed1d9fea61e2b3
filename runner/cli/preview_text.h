// Text of samples on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace saucier::cli {

// What stands around a stretch of text: on a terminal colours, elsewhere brackets around what is learned.
struct Marks {
  const char *learned, *picture, *soft, *end_learned, *end;
};
const Marks& marks();

// Data may hold anything: what would move the cursor is shown, not sent.
std::string harmless(std::string_view text);

// The text, its picture markers marked; behind each `back` is the colour again.
std::string with_pictures(std::string_view text, const Marks& m, const char* back);

}  // namespace saucier::cli
