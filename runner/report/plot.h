// Curves drawn with characters, for a terminal.
#pragma once

#include <string>
#include <vector>

#include "runner/report/curves.h"

namespace saucier::report {

struct PlotOptions {
  int width = 80;    // columns of the whole picture
  int height = 16;   // lines of the drawing
  bool logarithmic = false;  // vertical axis; values that are not positive are left out
  bool ascii = false;        // plain characters, a mark a line; else braille dots
  bool colour = false;       // a colour a line (ANSI)
};

// The lines over steps, with the range of both axes and, for several, which is which. Without colours several lines are told
// apart by their marks. Non-finite values are gaps. "" when there is no value to draw.
std::string plot(const std::vector<Line>& lines, const PlotOptions& options);

}  // namespace saucier::report
