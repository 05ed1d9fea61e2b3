#include "runner/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "modules/base/json.h"
#include "runner/report/table.h"

namespace saucier::report {
namespace {

constexpr int kLabel = 9;  // columns of the numbers at the left
constexpr const char* kMarks[] = {"●", "○", "▲", "△", "■", "□", "◆", "◇"};
constexpr const char* kAsciiMarks[] = {"*", "o", "+", "x", "#", "@", "%", "="};
constexpr const char* kColours[] = {"\x1b[34m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[36m", "\x1b[31m"};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // 0 … count - 1
  int place(double value, int count) const {
    if (high <= low) return count / 2;
    return std::clamp(static_cast<int>(std::lround((value - low) / (high - low) * (count - 1))), 0, count - 1);
  }
};

struct Cell {
  int dots = 0;    // braille pattern
  int line = -1;   // the line drawn last
};

class Canvas {
 public:
  Canvas(const std::vector<Line>& lines, const PlotOptions& options)
      : options_(options), marked_(options.ascii || (lines.size() > 1 && !options.colour)), width_(std::max(10, options.width - kLabel - 2)),
        height_(std::max(3, options.height)), cells_(static_cast<size_t>(width_ * height_)) {
    for (const Line& line : lines)
      for (const auto& [step, value] : line.points)
        if (const auto y = scaled(value)) steps_.add(static_cast<double>(step)), values_.add(*y);
    for (size_t i = 0; i < lines.size(); ++i) draw(lines[i], static_cast<int>(i));
  }

  bool empty() const { return values_.high < values_.low; }

  std::string text() const {
    std::string out;
    for (int row = 0; row < height_; ++row) {
      std::string label;
      if (row == 0 || row == height_ - 1 || row == height_ / 2) {
        const double at = values_.high - (values_.high - values_.low) * row / (height_ - 1);
        label = show(Json(options_.logarithmic ? std::pow(10, at) : at));
      }
      out += fmt::format("{:>{}} {}", label, kLabel, options_.ascii ? "|" : "│");
      std::string drawn;
      size_t used = 0;
      for (int column = 0; column < width_; ++column) {
        const Cell& cell = cells_[static_cast<size_t>(row * width_ + column)];
        drawn += character(cell);
        if (cell.line >= 0) used = drawn.size();
      }
      out += drawn.substr(0, used) + "\n";
    }
    const std::string first = fmt::format("step {:.0f}", steps_.low), last = fmt::format("{:.0f}", steps_.high);
    std::string rule;
    for (int column = 0; column < width_; ++column) rule += options_.ascii ? "-" : "─";
    out += fmt::format("{:>{}} {}{}\n{:>{}}  {}", "", kLabel, options_.ascii ? "+" : "└", rule, "", kLabel, first);
    const int gap = width_ - static_cast<int>(first.size() + last.size());
    return out + std::string(static_cast<size_t>(std::max(1, gap)), ' ') + last + "\n";
  }

  std::string mark(int line) const {
    const auto i = static_cast<size_t>(line);
    if (marked_) return options_.ascii ? kAsciiMarks[i % std::size(kAsciiMarks)] : kMarks[i % std::size(kMarks)];
    return options_.colour ? std::string(kColours[i % std::size(kColours)]) + "━━\x1b[0m" : "━━";
  }

 private:
  std::optional<double> scaled(std::optional<double> value) const {
    if (!value || !options_.logarithmic) return value;
    return *value > 0 ? std::optional(std::log10(*value)) : std::nullopt;
  }

  void draw(const Line& line, int index) {
    const int across = marked_ ? 1 : 2, down = marked_ ? 1 : 4;
    int last_x = -1, last_y = -1;  // of a stroke that goes on
    for (const auto& [step, value] : line.points) {
      const auto scaled_value = scaled(value);
      if (!scaled_value) {
        last_x = -1;
        continue;
      }
      const int x = steps_.place(static_cast<double>(step), width_ * across);
      const int y = height_ * down - 1 - values_.place(*scaled_value, height_ * down);
      const int strokes = last_x < 0 ? 1 : std::max({std::abs(x - last_x), std::abs(y - last_y), 1});
      for (int i = last_x < 0 ? 0 : 1; i <= strokes; ++i) {
        const double share = last_x < 0 ? 1 : static_cast<double>(i) / strokes;
        put(last_x < 0 ? x : static_cast<int>(std::lround(last_x + share * (x - last_x))),
            last_x < 0 ? y : static_cast<int>(std::lround(last_y + share * (y - last_y))), across, down, index);
      }
      last_x = x;
      last_y = y;
    }
  }

  void put(int x, int y, int across, int down, int index) {
    // Unicode's braille patterns number the dots of a cell 1 4, 2 5, 3 6, 7 8 from the top.
    constexpr int kDots[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    Cell& cell = cells_[static_cast<size_t>(y / down * width_ + x / across)];
    cell.dots |= kDots[y % down][x % across];
    cell.line = index;
  }

  std::string character(const Cell& cell) const {
    if (cell.line < 0) return " ";
    if (marked_) return mark(cell.line);
    const int code = 0x2800 + cell.dots;
    const std::string dots = {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
                              static_cast<char>(0x80 | (code & 0x3F))};
    return options_.colour ? kColours[static_cast<size_t>(cell.line) % std::size(kColours)] + dots + "\x1b[0m" : dots;
  }

  PlotOptions options_;
  bool marked_;
  int width_, height_;
  Range steps_, values_;
  std::vector<Cell> cells_;
};

}  // namespace

std::string plot(const std::vector<Line>& lines, const PlotOptions& options) {
  const Canvas canvas(lines, options);
  if (canvas.empty()) return "";
  std::string out = canvas.text();
  for (size_t i = 0; lines.size() > 1 && i < lines.size(); ++i) {
    const auto& points = lines[i].points;
    const auto last = std::find_if(points.rbegin(), points.rend(), [](const auto& point) { return point.second.has_value(); });
    out += fmt::format("{:>{}}  {} {}", "", kLabel, canvas.mark(static_cast<int>(i)), lines[i].name);
    if (last != points.rend()) out += "  " + show(Json(*last->second));
    out += "\n";
  }
  return out;
}

}  // namespace saucier::report
