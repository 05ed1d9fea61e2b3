// How a metric depends on the mixture, fitted to a few runs. Two forms, each with few enough numbers for that:
//
//   ridge         cost = b + sum_j (u_j w_j + v_j sqrt(w_j)), pulled to the mean
//   log-linear    cost = c + exp(sum_j t_j w_j), |t_j| <= 10 in units of the runs' spread (Ye et al., "Data Mixing Laws",
//                 2025, without its k, which the sum of w absorbs; bounded, since free fits run away), Huber loss,
//                 the t pulled to each other
//
// How strong the pulls are is what leaves the smallest leave-one-out error.
//
// Costs: smaller is better. A metric to be maximised is negated before it comes here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runner/search/mixture.h"

namespace saucier::search {

enum class LawForm { kRidge, kLogLinear };

struct Law {
  LawForm form = LawForm::kRidge;
  double constant = 0;
  double scale = 1;              // log-linear: exp(...) is in units of it
  std::vector<double> linear;    // ridge: u; log-linear: t
  std::vector<double> root;      // ridge: v
  double lambda = 0;             // strength of the pull: ridge, of u and v to 0; log-linear, of the t to each other

  double cost(const Mixture& w) const;
  // d cost / d w_j; the root's slope is taken at 1e-4 where w_j is less.
  std::vector<double> slope(const Mixture& w) const;
};

struct FittedLaw {
  Law law;               // the form with the smaller error
  Law ridge, log_linear; // both
  double ridge_error = 0, log_linear_error = 0;  // mean absolute leave-one-out error (by 20 folds from 40 runs on)
  double constant_error = 0;                     // the same of the mean of the other runs: what a law must beat
  double noise = 0;      // standard deviation between runs of one mixture; 0 where none is repeated

  double error() const { return std::min(ridge_error, log_linear_error); }
  // Does the law say more than "the mean"?
  bool explains() const { return error() < constant_error; }
};

// One run a mixture; runs of one mixture are left out together. Error for fewer than three different mixtures, mixtures
// of different lengths, or a cost that is not finite. `seed`: the starting points of the log-linear fit.
FittedLaw fit_law(std::span<const Mixture> mixtures, std::span<const double> costs, std::uint64_t seed);

// One form alone; log-linear from `first` too, where that is log-linear.
Law fit_ridge(std::span<const Mixture> mixtures, std::span<const double> costs);
Law fit_log_linear(std::span<const Mixture> mixtures, std::span<const double> costs, double pull, std::uint64_t seed, int starts = 10, const Law* first = nullptr);

}  // namespace saucier::search
