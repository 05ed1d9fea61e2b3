// Where a search looks next. Each suggestion is a function of its arguments alone, the same on every machine; trial
// `number` gets its point without those before it.
//
//   grid     every combination
//   random   each parameter by itself
//   Sobol    evenly over all parameters at once, at any number of trials (Sobol 1967; direction numbers of Joe and Kuo,
//            "Constructing Sobol sequences with better two-dimensional projections", 2008), scrambled after Owen,
//            "Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995
//   latin    one trial in each of n slices of every parameter (McKay, Beckman and Conover, 1979); n is known before
//   TPE      near what was good and far from what was not (Bergstra et al., 2011), as Optuna 5 defines it: see parzen.h
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runner/search/history.h"

namespace saucier::search {

// Every combination of values, the last parameter fastest; a parameter that a condition leaves out has one turn only.
// Of a real, `per_real` values evenly from low to high (its middle if 1). Error if there are more than `most`.
std::vector<Point> grid_points(const Space& space, size_t per_real, size_t most);

Point random_point(const Space& space, std::uint64_t seed, std::uint64_t number);

// Error for more than 64 parameters, or beyond 2^32 trials.
Point sobol_point(const Space& space, std::uint64_t seed, std::uint64_t number);

// `number` < `trials`.
Point latin_point(const Space& space, std::uint64_t seed, std::uint64_t number, std::uint64_t trials);

struct TpeOptions {
  size_t startup = 10;        // random until so many trials are complete or pruned
  size_t candidates = 24;     // drawn from the density of the good ones; the best of them is the suggestion
  bool multivariate = true;   // parameters that were always present together are drawn together
  bool constant_liar = true;  // running trials count as not good, so that workers spread
  bool distinct = true;       // not a point that the history has, while one of 24 draws finds another. Optuna repeats
                              // points; here a repeated one would answer from the store and teach nothing
};

// Of several objectives: what is good is decided by domination rank, then by crowding distance (pareto.h), and the good
// ones weigh the same.
Point tpe_point(const Space& space, std::uint64_t seed, std::uint64_t number, const History& history, const TpeOptions& options = {});

// ---- the unit cube under them, and what tests and reports ask

std::vector<double> latin_unit(const Space& space, std::uint64_t seed, std::uint64_t number, std::uint64_t trials);

constexpr size_t kSobolDimensions = 64;
// Coordinate `dimension` of point `number` of the Sobol sequence in Gray code order (as Joe and Kuo's program and scipy
// number them) as a fraction of 2^32.
std::uint32_t sobol_bits(size_t dimension, std::uint64_t number);
// The same with every bit flipped or not by a hash of (seed, stream, the bits above it): Owen's nested scrambling, which
// keeps every balance of the sequence. In (0, 1).
double scrambled_sobol(size_t dimension, std::uint64_t number, std::uint64_t seed, std::string_view stream);

}  // namespace saucier::search
