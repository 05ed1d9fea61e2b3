// Which mixtures to train on, to learn how a metric depends on the mixture: few runs, so none is wasted on chance.
#pragma once

#include <cstdint>
#include <string>

#include "runner/search/mixture.h"

namespace saucier::search {

enum class Role { kNatural, kUniform, kLeftOut, kDrawn };

struct DesignPoint {
  Mixture mixture;
  Role role = Role::kDrawn;
  size_t left_out = 0;  // the source, of kLeftOut
  size_t repeat = 0;    // 1, 2, ...: the same mixture with another seed, to know the noise
};

struct DesignOptions {
  size_t mixtures = 0;  // different ones; 0: three a source, at least twelve
  size_t repeats = 2;   // further seeds of the natural mixture
  Caps caps;
};

// The natural mixture, the uniform one, natural without each source in turn, then draws around the prior (its weights'
// square roots: small sources are seen, too), from narrow to wide. They are a scrambled Sobol sequence of Dirichlet
// quantiles; every third has a source taken out, in turn, and weights below 2 % are exactly 0 everywhere among the
// draws, so that the fit knows what absence does. Draws are whole thousandths. Last the repeats. Fewer than
// 2 + sources mixtures: as many as fit, in that order. Caps hold everywhere.
std::vector<DesignPoint> mixture_design(const Mixture& natural, std::uint64_t seed, const DesignOptions& options = {});

// Whole thousandths that sum to 1 and are nearest in the sense of largest remainders; none goes above its cap.
Mixture in_thousandths(const Mixture& mixture, const Caps& caps);

}  // namespace saucier::search
