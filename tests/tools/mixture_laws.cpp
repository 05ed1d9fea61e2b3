// Fits laws of mixtures to tables on standard input, for tests/tools/mixture_tables.py.
//
// A table: "RUNS SOURCES QUERIES", then RUNS lines of SOURCES weights and a cost, then QUERIES lines of weights. Its
// answer: leave-one-out errors of ridge, log-linear and the mean, then a line "ridge log-linear chosen" a query.
#include <cstdio>
#include <iostream>

#include "runner/search/mixture_law.h"

using namespace saucier::search;

int main() {
  size_t runs = 0, sources = 0, queries = 0;
  while (std::cin >> runs >> sources >> queries) {
    const auto mixture = [&] {
      Mixture w(sources);
      for (double& weight : w) std::cin >> weight;
      return w;
    };
    std::vector<Mixture> mixtures;
    std::vector<double> costs(runs);
    for (double& cost : costs) {
      mixtures.push_back(mixture());
      std::cin >> cost;
    }
    const FittedLaw fitted = fit_law(mixtures, costs, 0);
    std::printf("%.9g %.9g %.9g\n", fitted.ridge_error, fitted.log_linear_error, fitted.constant_error);
    for (size_t q = 0; q < queries; ++q) {
      const Mixture w = mixture();
      std::printf("%.9g %.9g %.9g\n", fitted.ridge.cost(w), fitted.log_linear.cost(w), fitted.law.cost(w));
    }
  }
}
