#include "runner/search/designs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "modules/base/error.h"
#include "runner/search/samplers.h"

namespace saucier::search {
namespace {

constexpr double kLeast = 0.02;                 // less of a source is none of it
constexpr double kNarrow = 8, kWide = 1;        // Dirichlet strengths, a source
constexpr size_t kWidths = 4;

Mixture drawn(const Mixture& prior, std::uint64_t seed, size_t index, const Caps& caps) {
  const size_t sources = prior.size();
  const double strength = static_cast<double>(sources) * kNarrow * std::pow(kWide / kNarrow, static_cast<double>(index % kWidths) / (kWidths - 1));
  std::vector<double> alpha, unit;
  for (size_t j = 0; j < sources; ++j) {
    alpha.push_back(strength * prior[j]);
    unit.push_back(scrambled_sobol(j % kSobolDimensions, index, seed, "mixture." + std::to_string(j)));
  }
  if (index % 3 == 2 && sources > 2) {
    const size_t out = (index / 3) % sources;
    double others = 0, room = 0;
    for (size_t j = 0; j < sources; ++j)
      if (j != out) {
        others += alpha[j];
        room += caps[j];
      }
    if (others > 0 && room >= 1) alpha[out] = 0;
  }
  Mixture mixture = dirichlet_at(alpha, unit);
  const double cut = std::min(kLeast, *std::max_element(mixture.begin(), mixture.end()));
  for (double& w : mixture)
    if (w < cut) w = 0;
  return in_thousandths(within_caps(normalised(std::move(mixture)), caps), caps);
}

}  // namespace

Mixture in_thousandths(const Mixture& mixture, const Caps& caps) {
  std::vector<std::int64_t> whole, most;
  std::vector<size_t> order(mixture.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::int64_t left = 1000;
  for (size_t j = 0; j < mixture.size(); ++j) {
    most.push_back(static_cast<std::int64_t>(std::floor(caps[j] * 1000 + 1e-9)));
    whole.push_back(std::min(most[j], static_cast<std::int64_t>(std::floor(mixture[j] * 1000 + 1e-9))));
    left -= whole[j];
  }
  const auto rest = [&](size_t j) { return mixture[j] * 1000 - static_cast<double>(whole[j]); };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rest(a) > rest(b); });
  // Sources that are absent stay so while others have room.
  for (const bool absent_too : {false, true})
    for (bool moved = true; left > 0 && moved;) {
      moved = false;
      for (const size_t j : order) {
        if (left == 0 || whole[j] >= most[j] || (mixture[j] == 0 && !absent_too)) continue;
        ++whole[j];
        --left;
        moved = true;
      }
    }
  Mixture out;
  for (const std::int64_t thousandths : whole) out.push_back(static_cast<double>(thousandths) / 1000);
  if (left > 0) return mixture;  // caps between two thousandths leave no room for whole ones
  return out;
}

std::vector<DesignPoint> mixture_design(const Mixture& given, std::uint64_t seed, const DesignOptions& options) {
  const Mixture natural = normalised(given);
  const size_t sources = natural.size();
  if (sources < 2) throw Error(fmt::format("a mixture needs two sources or more (got {})", sources));
  if (sources > kSobolDimensions) throw Error(fmt::format("a mixture search has at most {} sources (got {})", kSobolDimensions, sources));
  const Caps caps = checked_caps(options.caps, sources);
  const size_t wanted = options.mixtures ? options.mixtures : std::max<size_t>(12, 3 * sources);
  std::vector<DesignPoint> out;
  const auto add = [&](DesignPoint point) {
    const bool known = std::any_of(out.begin(), out.end(), [&](const DesignPoint& other) { return other.mixture == point.mixture; });
    if (out.size() < wanted && !known) out.push_back(std::move(point));
  };
  add({.mixture = within_caps(natural, caps), .role = Role::kNatural});
  add({.mixture = within_caps(uniform_mixture(sources), caps), .role = Role::kUniform});
  for (size_t j = 0; j < sources; ++j) {
    Mixture without = natural;
    without[j] = 0;
    double room = 0;
    for (size_t k = 0; k < sources; ++k) room += k == j ? 0 : caps[k];
    if (room < 1 || std::accumulate(without.begin(), without.end(), 0.0) <= 0) continue;
    Caps others = caps;
    others[j] = 0;
    add({.mixture = within_caps(normalised(std::move(without)), others), .role = Role::kLeftOut, .left_out = j});
  }
  Mixture prior;
  for (const double w : natural) prior.push_back(std::sqrt(w));
  prior = normalised(std::move(prior));
  for (size_t i = 0; out.size() < wanted && i < 20 * wanted; ++i) add({.mixture = drawn(prior, seed, i, caps), .role = Role::kDrawn});
  for (size_t repeat = 1; repeat <= options.repeats; ++repeat) out.push_back({.mixture = out[0].mixture, .role = Role::kNatural, .repeat = repeat});
  return out;
}

}  // namespace saucier::search
