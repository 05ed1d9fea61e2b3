#include <catch2/catch.hpp>

#include "runner/report/plot.h"

using namespace saucier;
using report::Line;

TEST_CASE("a plot of one value, of equal values and of none") {
  const report::PlotOptions small{.width = 23, .height = 3, .logarithmic = false, .ascii = true, .colour = false};
  CHECK(report::plot({{"a", false, {{5, 2.0}}}}, small) ==
        "    2.000 |\n"
        "    2.000 |      *\n"
        "    2.000 |\n"
        "          +------------\n"
        "           step 5     5\n");
  CHECK(report::plot({{"a", false, {{1, 2.0}, {2, 2.0}}}}, small).find("|************\n") != std::string::npos);
  CHECK(report::plot({{"a", false, {{1, std::nullopt}}}}, small).empty());
  CHECK(report::plot({}, small).empty());
  report::PlotOptions logarithmic = small;
  logarithmic.logarithmic = true;
  CHECK(report::plot({{"a", false, {{1, -1.0}, {2, 0.0}}}}, logarithmic).empty());
}

TEST_CASE("a gap breaks the stroke, and with colours each line has its own") {
  const Line a{"a", false, {{0, 0.0}, {1, std::nullopt}, {4, 0.0}}}, b{"b", false, {{0, 1.0}, {4, 1.0}}};
  const std::string plain = report::plot({a, b}, {.width = 16, .height = 3, .logarithmic = false, .ascii = false, .colour = false});
  CHECK(plain.find("│○○○○○○○○○○\n") != std::string::npos);
  CHECK(plain.find("│●        ●\n") != std::string::npos);
  CHECK(plain.ends_with("● a  0.000\n           ○ b  1.000\n"));
  const std::string coloured = report::plot({a, b}, {.width = 16, .height = 3, .logarithmic = false, .ascii = false, .colour = true});
  CHECK(coloured.find("\x1b[34m━━\x1b[0m a") != std::string::npos);
  CHECK(coloured.find("\x1b[33m⠉\x1b[0m") != std::string::npos);
}
