#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "runner/search/designs.h"
#include "runner/search/mixture_optimum.h"
#include "tests/runner/search/made_space.h"

using namespace saucier;
using namespace saucier::search;

namespace {

double total(const Mixture& w) { return std::accumulate(w.begin(), w.end(), 0.0); }

// A law known to us: c + exp(t . w), optimum at an inner mixture once it is pulled to natural; or with square roots.
struct Truth {
  std::vector<double> t;
  double constant = 1;
  double root = 0;
  double operator()(const Mixture& w) const {
    double sum = 0, roots = 0;
    for (size_t j = 0; j < w.size(); ++j) {
      sum += t[j] * w[j];
      roots += std::sqrt(w[j]);
    }
    return constant + std::exp(sum) - root * roots;
  }
};

std::vector<Mixture> mixtures_of(const std::vector<DesignPoint>& design) {
  std::vector<Mixture> out;
  for (const DesignPoint& point : design) out.push_back(point.mixture);
  return out;
}

std::vector<double> measured(const std::vector<Mixture>& mixtures, const Truth& truth, double noise, std::uint64_t seed) {
  std::vector<double> out;
  Rng rng(seed, "test.noise");
  for (const Mixture& w : mixtures) out.push_back(truth(w) + noise * rng.normal());
  return out;
}

const Mixture kNatural = {0.5, 0.3, 0.15, 0.05};

}  // namespace

TEST_CASE("gamma quantiles are scipy's") {
  // scipy.stats.gamma.ppf
  CHECK(gamma_quantile(0.05, 0.5) == Approx(5.573878440746256e-07).epsilon(1e-9));
  CHECK(gamma_quantile(1, 0.9) == Approx(2.302585092994046).epsilon(1e-12));
  CHECK(gamma_quantile(2.5, 0.01) == Approx(0.2771490383641386).epsilon(1e-9));
  CHECK(gamma_quantile(40, 0.999) == Approx(62.41961200788239).epsilon(1e-9));
  CHECK(gamma_below(3, gamma_quantile(3, 0.37)) == Approx(0.37).epsilon(1e-12));
}

TEST_CASE("Dirichlet mixtures have the mean that their weights ask for, and zeros where these are zero") {
  const std::vector<double> alpha = {2, 1, 0, 0.5};
  Mixture mean(4, 0), at(4, 0);
  Rng rng(1, "test");
  const int n = 4000;
  for (int i = 0; i < n; ++i) {
    const Mixture drawn = dirichlet(alpha, rng);
    const Mixture quantiles = dirichlet_at(alpha, std::vector<double>{rng.uniform(), rng.uniform(), rng.uniform(), rng.uniform()});
    REQUIRE(total(drawn) == Approx(1));
    REQUIRE(drawn[2] == 0);
    REQUIRE(quantiles[2] == 0);
    for (size_t j = 0; j < 4; ++j) {
      mean[j] += drawn[j] / n;
      at[j] += quantiles[j] / n;
    }
  }
  for (size_t j = 0; j < 4; ++j) {
    CHECK(mean[j] == Approx(alpha[j] / 3.5).margin(0.015));
    CHECK(at[j] == Approx(alpha[j] / 3.5).margin(0.015));
  }
}

TEST_CASE("caps hold, and what they cut off goes to the others") {
  CHECK(within_caps({0.7, 0.2, 0.1}, {0.4, 1, 1})[0] == 0.4);
  CHECK(within_caps({0.7, 0.2, 0.1}, {0.4, 1, 1})[1] == Approx(0.4));
  const Mixture twice = within_caps({0.7, 0.2, 0.1}, {0.4, 0.35, 1});  // the second one meets its cap on the way
  CHECK(twice[1] == 0.35);
  CHECK(twice[2] == Approx(0.25));
  CHECK(within_caps({1, 0, 0}, {0.4, 0.9, 0.3})[1] == Approx(0.45));
  Rng rng(2, "test");
  for (int i = 0; i < 200; ++i) {
    Caps caps;
    std::vector<double> v;
    for (int j = 0; j < 5; ++j) {
      caps.push_back(rng.uniform(0.15, 0.9));
      v.push_back(rng.uniform(-1, 1));
    }
    caps[0] += 0.5;
    caps = checked_caps(caps, 5);
    const Mixture near = projected(v, caps);
    CHECK(total(near) == Approx(1).epsilon(1e-12));
    double distance = 0;
    for (size_t j = 0; j < 5; ++j) {
      REQUIRE(near[j] >= 0);
      REQUIRE(near[j] <= caps[j]);
      distance += (near[j] - v[j]) * (near[j] - v[j]);
    }
    for (int k = 0; k < 20; ++k) {  // no other mixture under the caps is nearer
      const Mixture other = within_caps(dirichlet(std::vector<double>(5, 1.0), rng), caps);
      double there = 0;
      for (size_t j = 0; j < 5; ++j) there += (other[j] - v[j]) * (other[j] - v[j]);
      CHECK(there >= distance - 1e-9);
    }
  }
  CHECK(divergence(kNatural, kNatural) == 0);
  CHECK(std::isinf(divergence({0.5, 0.5}, {1, 0})));
  CHECK(divergence({1, 0}, {0.5, 0.5}) == Approx(std::log(2)));
}

TEST_CASE("a design has natural, uniform, each source left out, draws with exact zeros, and repeats") {
  const std::vector<DesignPoint> design = mixture_design(kNatural, 3);
  REQUIRE(design.size() == 12 + 2);
  CHECK(design[0].mixture == kNatural);
  CHECK(design[0].role == Role::kNatural);
  CHECK(design[1].mixture == uniform_mixture(4));
  for (size_t j = 0; j < 4; ++j) {
    CHECK(design[2 + j].role == Role::kLeftOut);
    CHECK(design[2 + j].left_out == j);
    CHECK(design[2 + j].mixture[j] == 0);
    CHECK(total(design[2 + j].mixture) == Approx(1));
  }
  CHECK(design[2].mixture[1] == Approx(0.6));
  for (size_t i = 12; i < 14; ++i) {
    CHECK(design[i].repeat == i - 11);
    CHECK(design[i].mixture == kNatural);
  }
  CHECK(mixtures_of(mixture_design(kNatural, 3)) == mixtures_of(design));
  CHECK(mixtures_of(mixture_design(kNatural, 4)) != mixtures_of(design));
  const std::vector<DesignPoint> more = mixture_design(kNatural, 3, {.mixtures = 20, .repeats = 0, .caps = {}});  // goes on where the smaller one ends
  CHECK(std::equal(design.begin(), design.begin() + 12, more.begin(), [](const DesignPoint& a, const DesignPoint& b) { return a.mixture == b.mixture; }));
}

TEST_CASE("draws of a design are whole thousandths, keep caps, have zeros and are no two alike") {
  const Caps caps = {0.6, 1, 0.5, 0.2};
  const std::vector<DesignPoint> design = mixture_design(kNatural, 9, {.mixtures = 60, .repeats = 0, .caps = caps});
  CHECK(design.size() == 60);
  std::set<Mixture> different;
  std::vector<int> zeros(4, 0);
  Mixture mean(4, 0);
  for (const DesignPoint& point : design) {
    different.insert(point.mixture);
    CHECK(total(point.mixture) == Approx(1).epsilon(1e-12));
    for (size_t j = 0; j < 4; ++j) {
      CHECK(point.mixture[j] <= caps[j] + 1e-12);
      CHECK(point.mixture[j] >= 0);
      if (point.role != Role::kDrawn) continue;
      CHECK(std::abs(point.mixture[j] * 1000 - std::round(point.mixture[j] * 1000)) < 1e-9);
      CHECK((point.mixture[j] == 0 || point.mixture[j] >= 0.019));
      zeros[j] += point.mixture[j] == 0;
      mean[j] += point.mixture[j] / 54;
    }
  }
  CHECK(different.size() == 60);
  for (const int count : zeros) CHECK(count >= 3);
  CHECK(mean[0] > mean[2]);
  CHECK(mean[2] > mean[3]);
}

TEST_CASE("what no design can be made of is said") {
  CHECK(refusal([] { mixture_design({1}, 0); }) == "a mixture needs two sources or more (got 1)\n");
  CHECK(refusal([] { mixture_design(Mixture(65, 1), 0); }) == "a mixture search has at most 64 sources (got 65)\n");
  CHECK(refusal([] { mixture_design({0, 0}, 0); }) == "a mixture has no weight above 0\n");
  CHECK(refusal([] { mixture_design({1, -1}, 0); }) == "a mixture has a weight of -1 (allowed: 0 or more)\n");
  CHECK(refusal([] { mixture_design({1, 1}, 0, {.caps = {0.5}}); }) == "1 caps for 2 sources\n");
  CHECK(refusal([] { mixture_design({1, 1}, 0, {.caps = {0.5, -1}}); }) == "a source may have at most -1 of the mixture (allowed: 0 or more)\n");
  CHECK(refusal([] { mixture_design({1, 1}, 0, {.caps = {0.5, 0.25}}); }) ==
        "the sources together may fill 0.75 of the mixture only\nhint: allow more passes, or train on fewer samples\n");
}

TEST_CASE("a law that is log-linear is found again, and chosen") {
  const Truth truth{.t = {0.3, -0.8, -1.5, 0.9}};
  const std::vector<Mixture> mixtures = mixtures_of(mixture_design(kNatural, 1, {.mixtures = 24, .repeats = 3, .caps = {}}));
  const FittedLaw fitted = fit_law(mixtures, measured(mixtures, truth, 0.002, 1), 0);
  CHECK(fitted.law.form == LawForm::kLogLinear);
  CHECK(fitted.log_linear_error < 0.005);
  CHECK(fitted.log_linear_error < fitted.ridge_error);
  CHECK(fitted.explains());
  CHECK(fitted.noise > 0);
  CHECK(fitted.noise < 0.006);
  Rng rng(7, "test");
  for (int i = 0; i < 50; ++i) {
    const Mixture w = dirichlet(std::vector<double>(4, 1.0), rng);
    CHECK(fitted.law.cost(w) == Approx(truth(w)).margin(0.02));
  }
  CHECK(fit_law(mixtures, measured(mixtures, truth, 0.002, 1), 0).law.linear == fitted.law.linear);
}

TEST_CASE("a law with square roots is ridge's") {
  const Truth truth{.t = {-0.2, 0.1, 0.2, 0.1}, .constant = 2, .root = 0.4};
  const std::vector<Mixture> mixtures = mixtures_of(mixture_design(kNatural, 1, {.mixtures = 24, .repeats = 0, .caps = {}}));
  const FittedLaw fitted = fit_law(mixtures, measured(mixtures, truth, 0.002, 2), 0);
  CHECK(fitted.law.form == LawForm::kRidge);
  CHECK(fitted.ridge_error < 0.01);
  CHECK(fitted.ridge_error < 0.5 * fitted.log_linear_error);
  CHECK(fitted.noise == 0);
}

TEST_CASE("the slope of a law is its slope, and no law runs away") {
  Rng rng(1, "test");
  for (const LawForm form : {LawForm::kRidge, LawForm::kLogLinear}) {
    Law law;
    law.form = form;
    law.constant = 0.3;
    law.scale = form == LawForm::kRidge ? 1 : 0.7;
    law.linear = {0.5, -1, 0.2};
    if (form == LawForm::kRidge) law.root = {0.1, 0.4, -0.3};
    const Mixture w = {0.2, 0.5, 0.3};
    for (size_t j = 0; j < 3; ++j) {
      Mixture more = w, less = w;
      more[j] += 1e-6;
      less[j] -= 1e-6;
      CHECK(law.slope(w)[j] == Approx((law.cost(more) - law.cost(less)) / 2e-6).epsilon(1e-6));
    }
  }
  // Three runs, four sources, a value far off: bounded all the same.
  const std::vector<Mixture> few = {kNatural, uniform_mixture(4), {1, 0, 0, 0}};
  const Law law = fit_log_linear(few, std::vector<double>{1, 2, 500}, 1e-5, 0);
  for (const double t : law.linear) CHECK(std::abs(t) <= 10);
  // All runs alike.
  const FittedLaw flat = fit_law(few, std::vector<double>{3, 3, 3}, 0);
  CHECK(flat.law.cost(kNatural) == Approx(3).margin(1e-3));
}

TEST_CASE("what no law can be fitted to is said") {
  const std::vector<Mixture> two = {kNatural, uniform_mixture(4), kNatural};
  CHECK(refusal([&] { fit_law(two, std::vector<double>{1, 2, 3}, 0); }) == "a law of mixtures needs three different mixtures (got 2)\n");
  const std::vector<Mixture> uneven = {kNatural, uniform_mixture(4), {0.5, 0.5}};
  CHECK(refusal([&] { fit_law(uneven, std::vector<double>{1, 2, 3}, 0); }) == "run 3 has 2 sources, the first one has 4\n");
  const std::vector<Mixture> three = {kNatural, uniform_mixture(4), {1, 0, 0, 0}};
  CHECK(refusal([&] { fit_law(three, std::vector<double>{1, std::nan(""), 3}, 0); }) == "run 2 has the value nan\nhint: leave out runs that failed\n");
}

TEST_CASE("the optimum is where a fine grid finds it, under caps and with the pull") {
  Law loss;
  loss.form = LawForm::kLogLinear;
  loss.constant = 1;
  loss.linear = {0.4, -0.9, 0.1};
  Law other = loss;
  other.linear = {-0.5, 0.8, -0.2};
  const std::vector<Law> laws = {loss, other};
  for (const double pull : {0.0, 0.1, 1.0})
    for (const Caps& caps : {Caps{}, Caps{1, 0.35, 0.3}}) {
      const Goal goal{.natural = {0.6, 0.3, 0.1}, .caps = caps, .weights = {1, 0.5}, .pull = pull};
      const Mixture found = mixture_optimum(laws, 0.3, goal, 1, {.draws = 4000});
      CHECK(total(found) == Approx(1));
      const Caps most = checked_caps(caps, 3);
      const auto objective = [&](const Mixture& w) { return loss.cost(w) + 0.5 * other.cost(w) + pull * 0.3 * divergence(w, goal.natural); };
      double best = INFINITY;
      for (int a = 0; a <= 200; ++a)
        for (int b = 0; a + b <= 200; ++b) {
          const Mixture w = {a / 200.0, b / 200.0, (200 - a - b) / 200.0};
          if (w[0] <= most[0] && w[1] <= most[1] && w[2] <= most[2]) best = std::min(best, objective(w));
        }
      for (size_t j = 0; j < 3; ++j) CHECK(found[j] <= most[j] + 1e-9);
      CHECK(objective(found) <= best + 1e-4);
    }
  const Goal far{.natural = {0.6, 0.3, 0.1}, .caps = {}, .weights = {1, 0.5}, .pull = 1000};
  for (size_t j = 0; j < 3; ++j) CHECK(mixture_optimum(laws, 0.3, far, 1, {.draws = 2000})[j] == Approx(far.natural[j]).margin(0.005));
}

TEST_CASE("of two valleys one is taken, and a source that is not there stays away") {
  Law two;  // a hill of square roots: best at a corner, worst in the middle
  two.linear = {0, 0.02, 0};
  two.root = {1, 1, 1};
  const Mixture corner = mixture_optimum(std::vector<Law>{two}, 1, {.natural = {1, 1, 1}, .caps = {}, .weights = {1}, .pull = 0}, 1, {.draws = 3000});
  CHECK(*std::max_element(corner.begin(), corner.end()) > 0.99);
  Law second;
  second.linear = {0, -1, 0};
  second.root = {0, 0, 0};
  const Mixture without = mixture_optimum(std::vector<Law>{second}, 1, {.natural = {0.5, 0, 0.5}, .caps = {}, .weights = {1}, .pull = 0.01}, 1, {.draws = 500});
  CHECK(without[1] == 0);
}

TEST_CASE("where the mixture matters, the search says so and finds what is good") {
  const Truth truth{.t = {0.6, -0.9, -0.2, 0.7}};
  const std::vector<Mixture> mixtures = mixtures_of(mixture_design(kNatural, 5, {.mixtures = 16, .repeats = 2, .caps = {}}));
  const MetricRuns runs{measured(mixtures, truth, 0.01, 3)};
  const Goal goal{.natural = kNatural, .caps = {}, .weights = {1}, .pull = 0.05};
  const MixtureOptions options{.bootstrap = 100, .shuffles = 40, .optimum = {.draws = 5000}};
  const MixtureResult result = search_mixture(mixtures, std::vector<MetricRuns>{runs}, goal, 1, options);
  CHECK(result.beats_uniform);
  CHECK(result.beats_natural);
  CHECK(result.better_than_uniform > 0.95);
  CHECK(truth(result.best) < truth(kNatural) - 0.3);
  CHECK(result.best[1] > 0.6);
  CHECK(total(result.best) == Approx(1));
  REQUIRE(result.intervals.size() == 4);
  CHECK(result.intervals[1].low > 0.4);
  for (const WeightInterval& interval : result.intervals) CHECK(interval.low <= interval.high);
  CHECK(result.cost_best == Approx(truth(result.best)).margin(0.03));
  const MixtureResult again = search_mixture(mixtures, std::vector<MetricRuns>{runs}, goal, 1, options);
  CHECK(again.best == result.best);
  CHECK(again.p_chance == result.p_chance);
}

TEST_CASE("where it does not matter, the result is not distinguishable from uniform") {
  const std::vector<Mixture> mixtures = mixtures_of(mixture_design(kNatural, 5, {.mixtures = 16, .repeats = 2, .caps = {}}));
  const Goal goal{.natural = kNatural, .caps = {}, .weights = {1}, .pull = 0.05};
  int claims = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const MetricRuns runs{measured(mixtures, Truth{.t = {0, 0, 0, 0}}, 0.05, 100 + seed)};
    claims += search_mixture(mixtures, std::vector<MetricRuns>{runs}, goal, seed, {.bootstrap = 40, .shuffles = 40, .optimum = {.draws = 1000}}).beats_uniform;
  }
  CHECK(claims <= 2);  // one in twenty by chance
}
