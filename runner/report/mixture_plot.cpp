// The picture of a mixture's laws.

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "runner/report/markup.h"
#include "runner/report/mixture_fit.h"

namespace saucier::report {
namespace {

constexpr double kWidth = 460, kHeight = 420;
constexpr double kLeft = 60, kSide = 340, kTop = 40;  // of the triangle
constexpr int kCells = 24;                            // along a side of it
constexpr int kSteps = 60;                            // along a curve
constexpr const char* kColours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf"};

struct Point {
  double x = 0, y = 0;
};

// Weighted sum of what the laws expect; larger is better.
double expected(const MixtureFit& fit, const search::Mixture& mixture) {
  double sum = 0, weights = 0;
  for (size_t m = 0; m < fit.metrics.size(); ++m) {
    sum -= fit.goal.weights[m] * fit.result.laws[m].law.cost(mixture);
    weights += fit.goal.weights[m];
  }
  return sum / weights;
}

// From dark blue to yellow by brightness, so that it can be read in grey.
std::string colour(double share) {
  const double t = std::clamp(share, 0.0, 1.0);
  const auto mix = [&](double low, double high) { return static_cast<int>(std::lround(low + t * (high - low))); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(40, 253), mix(42, 231), mix(110, 90));
}

std::string label(double x, double y, const char* anchor, const std::string& what) {
  return fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor, escape(what));
}

Point in_triangle(const search::Mixture& w) {
  const double height = kSide * std::sqrt(3.0) / 2;  // source 0 at the left, 1 at the right, 2 on top
  return {kLeft + kSide * (w[1] + w[2] / 2), kTop + height * (1 - w[2])};
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
  double share(double value) const { return high > low ? (value - low) / (high - low) : 0.5; }
};

std::string mark(const Point& at, const char* shape, const std::string& title) {
  return fmt::format("<g><title>{}</title>{}</g>\n", escape(title),
                     std::string_view(shape) == "star" ? fmt::format("<path d=\"M{:.1f} {:.1f}l6 16l-15 -10h18l-15 10z\" fill=\"#fff\" stroke=\"#000\"/>", at.x, at.y - 9)
                                                       : fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" stroke=\"#000\"/>", at.x, at.y, std::string_view(shape) == "run" ? 3 : 6,
                                                                     std::string_view(shape) == "run" ? "none" : std::string_view(shape) == "natural" ? "#fff" : "#888"));
}

std::string triangle(const MixtureFit& fit) {
  Range range;
  std::vector<std::pair<std::string, double>> cells;  // path, value
  const auto corner = [](int a, int b) { return search::Mixture{(kCells - a - b) / static_cast<double>(kCells), a / static_cast<double>(kCells), b / static_cast<double>(kCells)}; };
  for (int a = 0; a < kCells; ++a)
    for (int b = 0; a + b < kCells; ++b)
      for (const bool up : {true, false}) {
        if (!up && a + b + 2 > kCells) continue;
        const std::vector<search::Mixture> corners = up ? std::vector<search::Mixture>{corner(a, b), corner(a + 1, b), corner(a, b + 1)}
                                                        : std::vector<search::Mixture>{corner(a + 1, b), corner(a + 1, b + 1), corner(a, b + 1)};
        search::Mixture middle(3, 0);
        std::string path;
        for (const search::Mixture& w : corners) {
          for (size_t s = 0; s < middle.size(); ++s) middle[s] += w[s] / 3;
          const Point p = in_triangle(w);
          path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", p.x, p.y);
        }
        cells.emplace_back(path + "z", expected(fit, middle));
        range.add(cells.back().second);
      }
  std::string out;
  for (const auto& [path, value] : cells) out += fmt::format("<path d=\"{}\" fill=\"{}\"/>\n", path, colour(range.share(value)));
  for (size_t i = 0; i < fit.mixtures.size(); ++i) out += mark(in_triangle(fit.mixtures[i]), "run", fit.trials[i]);
  out += mark(in_triangle(fit.goal.natural), "natural", "natural") + mark(in_triangle(search::uniform_mixture(3)), "uniform", "uniform") + mark(in_triangle(fit.result.best), "star", "best");
  const double base = kTop + kSide * std::sqrt(3.0) / 2 + 18;
  out += label(kLeft, base, "middle", fit.sources[0]) + label(kLeft + kSide, base, "middle", fit.sources[1]) + label(kLeft + kSide / 2, kTop - 10, "middle", fit.sources[2]);
  out += label(kLeft, kHeight - 40, "start", fmt::format("dark {} … light {} expected; rings: runs; white dot: natural; grey dot: uniform; star: best", show(range.low), show(range.high)));
  return out;
}

// Source `s` at weight x, the others in the proportions of the best mixture.
search::Mixture along(const search::Mixture& best, size_t s, double x) {
  search::Mixture w = best;
  const double others = 1 - best[s];
  for (size_t j = 0; j < w.size(); ++j) w[j] = j == s ? x : others > 0 ? best[j] / others * (1 - x) : (1 - x) / static_cast<double>(w.size() - 1);
  return w;
}

std::string curves(const MixtureFit& fit) {
  constexpr double kRight = 440, kBottom = 330, kPlotTop = 30;
  Range range;
  std::vector<std::vector<double>> values(fit.sources.size());
  for (size_t s = 0; s < fit.sources.size(); ++s)
    for (int i = 0; i <= kSteps; ++i) {
      values[s].push_back(expected(fit, along(fit.result.best, s, i / static_cast<double>(kSteps))));
      range.add(values[s].back());
    }
  const auto x = [&](double share) { return kLeft + share * (kRight - kLeft); };
  const auto y = [&](double value) { return kBottom - range.share(value) * (kBottom - kPlotTop); };
  std::string out;
  for (const double share : {0.0, 0.5, 1.0}) {
    const double value = range.low + share * (range.high - range.low);
    out += fmt::format("<path d=\"M{} {:.1f}H{}\" stroke=\"#ccc\"/>\n", kLeft, y(value), kRight) + label(kLeft - 5, y(value) + 4, "end", show(value));
    out += label(x(share), kBottom + 16, "middle", show(share));
  }
  for (size_t s = 0; s < fit.sources.size(); ++s) {
    const char* stroke = kColours[s % std::size(kColours)];
    std::string path;
    for (int i = 0; i <= kSteps; ++i)
      path += fmt::format("{}{:.1f} {:.1f}", i == 0 ? 'M' : 'L', x(i / static_cast<double>(kSteps)), y(values[s][static_cast<size_t>(i)]));
    out += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"><title>{}</title></path>\n", path, stroke, escape(fit.sources[s]));
    out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", x(fit.result.best[s]), y(expected(fit, fit.result.best)), stroke);
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" fill=\"{}\">{}</text>\n", kLeft + 130.0 * static_cast<double>(s % 3), kBottom + 38 + 16.0 * static_cast<double>(s / 3), stroke, escape(fit.sources[s]));
  }
  return out + label((kLeft + kRight) / 2, kPlotTop - 12, "middle", "expected score by the weight of one source; dots: the best mixture");
}

}  // namespace

std::string mixture_svg(const MixtureFit& fit) {
  const double height = kHeight + (fit.sources.size() == 3 ? 0 : 16.0 * static_cast<double>((fit.sources.size() + 2) / 3));
  return fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"11\" role=\"img\" aria-label=\"{}\">\n", kWidth, height,
                     escape(fmt::format("expected score of mixtures of {}", fmt::join(fit.sources, ", ")))) +
         fmt::format("<rect width=\"{}\" height=\"{}\" fill=\"#fff\"/>\n", kWidth, height) + (fit.sources.size() == 3 ? triangle(fit) : curves(fit)) + "</svg>\n";
}

}  // namespace saucier::report
