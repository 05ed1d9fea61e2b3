// Reads C++ sources for the messages and hints that they give to diagnostics, so that a test can ask for each of them.
//
// No compiler: it knows calls, parameters, `?:`, `+`, literals, fmt::format and variables that are assigned nearby. What it
// cannot read becomes kAnything, and a message of which nothing could be read is listed as such.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace saucier::testing {

inline constexpr char kAnything = '\x01';  // in a pattern: any text

struct Said {
  std::string place;   // "check.cpp:31"
  std::string pattern;
};

struct Messages {
  std::vector<Said> messages, hints;
  std::vector<Said> parts;   // what functions return into the middle of a message; the place is the function
  std::vector<Said> unread;  // the expression of a message that says nothing to the reader
  size_t reports = 0;        // calls that report, before helpers are followed to their callers
};

struct CppText {
  std::string name, text;
};

Messages messages_of(const std::vector<CppText>& sources);

// Does `pattern` stand for the whole of `text`?
bool matches(std::string_view pattern, std::string_view text);
std::string shown(std::string pattern);  // with "…" for anything

}  // namespace saucier::testing
