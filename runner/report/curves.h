// Curves of training as small SVG pictures.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace saucier::report {

struct Line {
  std::string name;
  bool best = false;  // drawn last, and thicker
  std::vector<std::pair<std::int64_t, std::optional<double>>> points;  // step, value; nothing where it was not finite
};

inline constexpr size_t kLineColours = 6;  // classes c0 … c5 of the page's style; further lines are grey (class rest)

// Class of line number `index` of `lines`: "c0", or "rest" where there are more lines than colours.
std::string line_class(size_t index, size_t lines);

// The lines over steps, the vertical axis logarithmic where values are positive and span more than a factor of ten.
// "" when no line has two finite points. `title` is read out by screen readers.
std::string curves_svg(const std::string& title, const std::vector<Line>& lines);

}  // namespace saucier::report
