// Small symmetric linear systems: as many unknowns as there are sources, twice.
#pragma once

#include <span>
#include <vector>

namespace saucier::search {

// Row by row, size x size.
struct Square {
  size_t size = 0;
  std::vector<double> entries;

  explicit Square(size_t n) : size(n), entries(n * n, 0) {}
  double& at(size_t row, size_t column) { return entries[row * size + column]; }
  double at(size_t row, size_t column) const { return entries[row * size + column]; }
};

// Cholesky's factor (lower) of a positive definite matrix; pivots that rounding leaves below 1e-14 of the largest
// diagonal entry are raised to that.
Square cholesky(Square matrix);
std::vector<double> solved(const Square& factor, std::vector<double> right);

}  // namespace saucier::search
