#include <algorithm>
#include <cmath>
#include <limits>

#include "runner/search/linear.h"
#include "runner/search/mixture_law.h"

namespace saucier::search {
namespace {

// Centred features, one row a run: w, then sqrt(w).
struct Table {
  std::vector<std::vector<double>> rows;
  std::vector<double> means;
  std::vector<double> costs;  // centred
  double mean = 0;
};

Table table_of(std::span<const Mixture> mixtures, std::span<const double> costs) {
  Table out;
  const size_t sources = mixtures[0].size(), n = mixtures.size();
  out.means.assign(2 * sources, 0);
  for (const Mixture& w : mixtures) {
    out.rows.emplace_back(w);
    for (const double x : w) out.rows.back().push_back(std::sqrt(x));
    for (size_t f = 0; f < 2 * sources; ++f) out.means[f] += out.rows.back()[f] / static_cast<double>(n);
  }
  for (auto& row : out.rows)
    for (size_t f = 0; f < row.size(); ++f) row[f] -= out.means[f];
  for (const double cost : costs) out.mean += cost / static_cast<double>(n);
  for (const double cost : costs) out.costs.push_back(cost - out.mean);
  return out;
}

struct Solution {
  std::vector<double> weights;
  double error = 0;  // mean squared leave-one-out error
};

Solution solve(const Table& table, const Square& gram, std::span<const double> right, double lambda) {
  const size_t features = gram.size, n = table.rows.size();
  Square system = gram;
  for (size_t f = 0; f < features; ++f) system.at(f, f) += lambda;
  const Square factor = cholesky(std::move(system));
  Solution out;
  out.weights = solved(factor, std::vector<double>(right.begin(), right.end()));
  for (size_t i = 0; i < n; ++i) {
    const std::vector<double>& row = table.rows[i];
    const std::vector<double> influence = solved(factor, row);
    double fitted = 0, leverage = 1 / static_cast<double>(n);  // the mean is fitted, too
    for (size_t f = 0; f < features; ++f) {
      fitted += row[f] * out.weights[f];
      leverage += row[f] * influence[f];
    }
    const double left_out = (table.costs[i] - fitted) / std::max(1 - leverage, 1e-6);
    out.error += left_out * left_out / static_cast<double>(n);
  }
  return out;
}

}  // namespace

Law fit_ridge(std::span<const Mixture> mixtures, std::span<const double> costs) {
  const Table table = table_of(mixtures, costs);
  const size_t sources = mixtures[0].size(), features = 2 * sources;
  Square gram(features);
  std::vector<double> right(features, 0);
  for (size_t i = 0; i < table.rows.size(); ++i)
    for (size_t a = 0; a < features; ++a) {
      right[a] += table.rows[i][a] * table.costs[i];
      for (size_t b = 0; b < features; ++b) gram.at(a, b) += table.rows[i][a] * table.rows[i][b];
    }
  double trace = 0;
  for (size_t f = 0; f < features; ++f) trace += gram.at(f, f) / static_cast<double>(features);
  Law law;
  Solution best;
  best.error = std::numeric_limits<double>::infinity();
  for (int k = 0; k <= 28; ++k) {  // from 1e-6 to 1e+1 of the mean diagonal entry, four a decade
    const double lambda = std::max(trace, 1e-12) * std::pow(10.0, -6 + 0.25 * k);
    Solution solution = solve(table, gram, right, lambda);
    if (solution.error < best.error) {
      best = std::move(solution);
      law.lambda = lambda;
    }
  }
  law.constant = table.mean;
  for (size_t f = 0; f < features; ++f) law.constant -= best.weights[f] * table.means[f];
  law.linear.assign(best.weights.begin(), best.weights.begin() + static_cast<std::ptrdiff_t>(sources));
  law.root.assign(best.weights.begin() + static_cast<std::ptrdiff_t>(sources), best.weights.end());
  return law;
}

}  // namespace saucier::search
