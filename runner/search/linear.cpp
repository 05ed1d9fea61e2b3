#include "runner/search/linear.h"

#include <algorithm>
#include <cmath>

namespace saucier::search {

Square cholesky(Square m) {
  double largest = 0;
  for (size_t i = 0; i < m.size; ++i) largest = std::max(largest, m.at(i, i));
  const double least = std::max(largest * 1e-14, 1e-300);
  for (size_t j = 0; j < m.size; ++j) {
    double pivot = m.at(j, j);
    for (size_t k = 0; k < j; ++k) pivot -= m.at(j, k) * m.at(j, k);
    const double root = std::sqrt(std::max(pivot, least));
    m.at(j, j) = root;
    for (size_t i = j + 1; i < m.size; ++i) {
      double sum = m.at(i, j);
      for (size_t k = 0; k < j; ++k) sum -= m.at(i, k) * m.at(j, k);
      m.at(i, j) = sum / root;
    }
  }
  return m;
}

std::vector<double> solved(const Square& factor, std::vector<double> x) {
  for (size_t i = 0; i < factor.size; ++i) {
    for (size_t k = 0; k < i; ++k) x[i] -= factor.at(i, k) * x[k];
    x[i] /= factor.at(i, i);
  }
  for (size_t i = factor.size; i-- > 0;) {
    for (size_t k = i + 1; k < factor.size; ++k) x[i] -= factor.at(k, i) * x[k];
    x[i] /= factor.at(i, i);
  }
  return x;
}

}  // namespace saucier::search
