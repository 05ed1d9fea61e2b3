// What goes on, on standard error: on a terminal one line that is drawn over, elsewhere lines.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace saucier::cli {

class ProgressLine {
 public:
  ProgressLine() = default;
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  bool terminal() const { return terminal_; }
  double seconds_between() const { return terminal_ ? 0.2 : 15; }  // draws, for who decides how many there are

  void draw(const std::string& text) {
    if (!terminal_) return say(text);
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    drawn_ = true;
  }
  // A line that stays.
  void say(const std::string& text) {
    clear();
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  void clear() {
    if (drawn_) std::fputs("\r\033[K", stderr);
    drawn_ = false;
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) != 0, drawn_ = false;
};

}  // namespace saucier::cli
