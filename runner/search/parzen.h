// The densities behind TPE, exactly as Optuna 5 has them (its defaults: prior weight 1, magic clip, no endpoints).
//
// A density is a mixture of one kernel an observation and one for the prior (the last), each kernel a product over the
// parameters: for numbers a normal distribution cut off at the ends of the range, around what was observed, as wide as
// the larger gap to its sorted neighbours, but between range / min(100, kernels + 1) and range; for lists without order
// a row of 1 / kernels with 1 more at what was observed. Logarithmic parameters live in log space; stepped ones have
// the mass from half a step below a value to half a step above it. The newest 25 observations weigh 1, older ones from
// 1 / n up to 1.
#pragma once

#include <span>
#include <vector>

#include "modules/base/rng.h"
#include "runner/search/history.h"
#include "runner/search/samplers.h"

namespace saucier::search {

class Parzen {
 public:
  // Over `parameters` of the space; each observation has a value of each of them. Oldest first. `even`: all weigh 1.
  // The space must outlive it.
  Parzen(const Space& space, std::vector<size_t> parameters, std::span<const Point* const> observations, bool even = false);

  // Of the point's values of its parameters.
  double log_density(const Point& point) const;
  // Its parameters drawn, the others absent.
  Point draw(Rng& rng) const;

 private:
  struct Kernels {  // of one parameter
    double low = 0, high = 0;          // where the normals are cut off
    std::vector<double> mu, sigma;     // one a kernel
    std::vector<double> log_mass;      // what is left of each normal between low and high, its log
    std::vector<double> probability;   // lists without order: kernels x choices
  };
  Kernels numbers(const Parameter& parameter, std::vector<double> observed) const;
  Kernels choices(const Parameter& parameter, const std::vector<double>& observed) const;

  const Space& space_;
  std::vector<size_t> parameters_;
  std::vector<double> weights_;  // one a kernel, sum 1
  std::vector<Kernels> kernels_; // one a parameter
};

// The trials behind l (good) and g (the rest), both by number. Complete trials by value come first, then pruned ones, the
// longest first, and complete ones whose value is NaN; the best min(ceil(n / 10), 25) of all n are the good ones.
struct Split {
  std::vector<const Trial*> below, above;
};
Split split(const History& history, bool constant_liar);

// Parameters that the complete and pruned trials had together or not at all, each such set drawn as one; those that no
// trial had stand alone. One parameter a set where `multivariate` is off. Parameters with one value are in none.
std::vector<std::vector<size_t>> groups(const Space& space, const History& history, bool multivariate);

// log of the standard normal's mass between a < b, also where it is tiny.
double log_normal_mass(double a, double b);

}  // namespace saucier::search
