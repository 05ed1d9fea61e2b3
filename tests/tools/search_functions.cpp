// Minimises three functions with TPE and prints the best value of each search, for tests/tools/search_functions.py.
//
//   search_functions SEEDS TRIALS   ->   a line "function seed best" each
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numbers>
#include <string>

#include "runner/search/samplers.h"

using namespace saucier::search;

namespace {

Parameter real(std::string name, double low, double high, bool log = false) {
  Parameter p;
  p.name = std::move(name);
  p.low = low;
  p.high = high;
  p.log = log;
  return p;
}

Parameter only_where(Parameter p, size_t on, double value) {
  p.when.push_back({on, {value}});
  return p;
}

double branin(const Point& p) {
  const double x = *p[0], y = *p[1], pi = std::numbers::pi;
  const double a = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
  return a * a + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10;
}

double hartmann6(const Point& p) {
  constexpr double kAlpha[4] = {1.0, 1.2, 3.0, 3.2};
  constexpr double kA[4][6] = {{10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{1312, 1696, 5569, 124, 8283, 5886}, {2329, 4135, 8307, 3736, 1004, 9991}, {2348, 1451, 3522, 2883, 3047, 6650}, {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 0;
  for (size_t i = 0; i < 4; ++i) {
    double inner = 0;
    for (size_t j = 0; j < 6; ++j) inner += kA[i][j] * std::pow(*p[j] - 1e-4 * kP[i][j], 2);
    sum -= kAlpha[i] * std::exp(-inner);
  }
  return sum;
}

double rosenbrock(double x, double y) { return 100 * std::pow(y - x * x, 2) + std::pow(1 - x, 2); }

// Two axes that are always there; kind 1 has a scale of its own, kind 2 a third coordinate.
double conditional(const Point& p) {
  const double flat = rosenbrock(*p[1], *p[2]);
  if (*p[0] == 1) return flat + std::pow(std::log10(*p[3]), 2);
  return *p[0] == 2 ? flat + rosenbrock(*p[2], *p[4]) : flat + 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: search_functions SEEDS TRIALS\n"), 2;
  Parameter kind;
  kind.name = "kind";
  kind.kind = Kind::kCategory;
  kind.choices = 3;
  std::vector<Parameter> unit;
  for (int i = 0; i < 6; ++i) unit.push_back(real("x" + std::to_string(i), 0, 1));
  const struct {
    const char* name;
    Space space;
    std::function<double(const Point&)> value;
  } functions[] = {{"branin", Space({real("x", -5, 10), real("y", 0, 15)}), branin},
                   {"hartmann6", Space(unit), hartmann6},
                   {"conditional", Space({kind, real("x", -2, 2), real("y", -2, 2), only_where(real("scale", 1e-2, 1e2, true), 0, 1), only_where(real("z", -2, 2), 0, 2)}), conditional}};
  for (const auto& function : functions)
    for (std::uint64_t seed = 0; seed < std::strtoull(argv[1], nullptr, 10); ++seed) {
      History history;
      double best = INFINITY;
      for (std::uint64_t number = 0; number < std::strtoull(argv[2], nullptr, 10); ++number) {
        Point point = tpe_point(function.space, seed, number, history);
        const double value = function.value(point);
        best = std::min(best, value);
        history.trials.push_back({static_cast<std::int64_t>(number), std::move(point), Outcome::kComplete, {value}, 0});
      }
      std::printf("%s %llu %.17g\n", function.name, static_cast<unsigned long long>(seed), best);
    }
}
