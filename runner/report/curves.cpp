#include "runner/report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "modules/base/json.h"
#include "runner/report/markup.h"
#include "runner/report/table.h"

namespace saucier::report {
namespace {

constexpr double kWidth = 360, kHeight = 170, kLeft = 46, kRight = 8, kTop = 8, kBottom = 22;
constexpr size_t kMostPoints = 240;  // a line: more cannot be told apart at this width

struct Axes {
  double first_step = std::numeric_limits<double>::infinity(), last_step = -first_step;
  double low = first_step, high = -first_step;
  bool logarithmic = false;

  double x(double step) const {
    const double span = last_step > first_step ? last_step - first_step : 1;
    return kLeft + (kWidth - kLeft - kRight) * (step - first_step) / span;
  }
  double y(double value) const {
    const double bottom = scale(low), span = scale(high) > bottom ? scale(high) - bottom : 1;
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (scale(value) - bottom) / span;
  }
  double scale(double value) const { return logarithmic ? std::log10(value) : value; }
};

Axes axes_of(const std::vector<Line>& lines) {
  Axes axes;
  for (const Line& line : lines) {
    for (const auto& [step, value] : line.points) {
      if (!value) continue;
      axes.first_step = std::min(axes.first_step, static_cast<double>(step));
      axes.last_step = std::max(axes.last_step, static_cast<double>(step));
      axes.low = std::min(axes.low, *value);
      axes.high = std::max(axes.high, *value);
    }
  }
  axes.logarithmic = axes.low > 0 && axes.high > 10 * axes.low;
  return axes;
}

// "M1 2L3 4": a new stroke after each gap, every n-th point of a long line and its last.
std::string path(const Line& line, const Axes& axes) {
  const size_t stride = std::max<size_t>(1, line.points.size() / kMostPoints);
  std::string out;
  bool drawing = false;
  for (size_t i = 0; i < line.points.size(); ++i) {
    const auto& [step, value] = line.points[i];
    if (!value) drawing = false;
    if (!value || (i % stride != 0 && i + 1 != line.points.size())) continue;
    out += fmt::format("{}{:.1f} {:.1f}", drawing ? 'L' : 'M', axes.x(static_cast<double>(step)), axes.y(*value));
    drawing = true;
  }
  return out;
}

std::string text(double x, double y, const char* anchor, const std::string& what) {
  return fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"{}\">{}</text>", x, y, anchor, escape(what));
}

std::string frame(const Axes& axes) {
  std::string out;
  for (double share : {0.0, 0.5, 1.0}) {
    const double at = axes.scale(axes.low) + share * (axes.scale(axes.high) - axes.scale(axes.low));
    const double value = axes.logarithmic ? std::pow(10, at) : at;
    const double y = kHeight - kBottom - share * (kHeight - kTop - kBottom);
    out += fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>", kLeft, y, kWidth - kRight);
    out += text(kLeft - 5, y + 4, "end", show(Json(value)));
  }
  out += text(kLeft, kHeight - 6, "start", fmt::format("step {:.0f}", axes.first_step));
  out += text(kWidth - kRight, kHeight - 6, "end", fmt::format("{:.0f}", axes.last_step));
  if (axes.logarithmic) out += text((kLeft + kWidth - kRight) / 2, kHeight - 6, "middle", "log scale");
  return out;
}

}  // namespace

std::string line_class(size_t index, size_t lines) {
  return lines <= kLineColours ? fmt::format("c{}", index) : "rest";
}

std::string curves_svg(const std::string& title, const std::vector<Line>& lines) {
  const bool any = std::any_of(lines.begin(), lines.end(), [](const Line& line) {
    return std::count_if(line.points.begin(), line.points.end(), [](const auto& p) { return p.second.has_value(); }) > 1;
  });
  if (!any) return "";
  const Axes axes = axes_of(lines);
  std::string out = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", kWidth, kHeight, escape(title));
  out += frame(axes);
  for (const bool best : {false, true}) {
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].best != best) continue;
      const std::string colour = best && lines.size() > kLineColours ? "c0" : line_class(i, lines.size());
      out += fmt::format("<path class=\"line {}{}\" d=\"{}\"><title>{}</title></path>", colour, best ? " best" : "",
                         path(lines[i], axes), escape(lines[i].name));
    }
  }
  return out + "</svg>\n";
}

}  // namespace saucier::report
