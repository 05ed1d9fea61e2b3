// Mixtures of data sources: one weight a source, none below 0, together 1.
#pragma once

#include <span>
#include <vector>

#include "modules/base/rng.h"

namespace saucier::search {

using Mixture = std::vector<double>;

Mixture uniform_mixture(size_t sources);
// Scaled so that the weights sum to 1. Error where none is above 0, or one is negative or not finite.
Mixture normalised(Mixture weights);

// How much of each source a run may use: samples x most passes / samples of the run. 1 or more says nothing.
using Caps = std::vector<double>;
// No caps: all 1. Error unless there is a cap a source, none below 0, and room for a whole mixture under them.
Caps checked_caps(const Caps& caps, size_t sources);
// The weights above their caps cut down to them, what is left over shared out among the others as they stand (evenly if
// all of these are 0).
Mixture within_caps(Mixture mixture, const Caps& caps);
// The nearest mixture under the caps (Euclid), to 1e-12: x_j = clamp(v_j - shift, 0, cap_j) with sum 1.
Mixture projected(std::span<const double> v, const Caps& caps);

// KL(w || prior): 0 for the prior itself; infinite where w has a source that the prior has not.
double divergence(const Mixture& w, const Mixture& prior);

// Dirichlet(alpha); a source with alpha 0 gets exactly 0. From the quantiles `unit` of its gammas (in (0, 1)), so that
// an even sequence of unit points gives an even sequence of mixtures; or drawn (Marsaglia and Tsang, 2000).
Mixture dirichlet_at(std::span<const double> alpha, std::span<const double> unit);
Mixture dirichlet(std::span<const double> alpha, Rng& rng);

// Regularised lower incomplete gamma function P(shape, x), and the x where it is p.
double gamma_below(double shape, double x);
double gamma_quantile(double shape, double p);

}  // namespace saucier::search
