#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "runner/search/linear.h"
#include "runner/search/mixture_law.h"

namespace saucier::search {
namespace {

constexpr double kBound = 10;      // of |t|, where costs are in units of their spread
constexpr double kHuber = 0.05;    // residuals beyond it count linearly: the paper's 0.01 to 0.02 nats, in units of its spread
constexpr int kSteps = 60;

// The problem in units of the runs' spread: unknowns c, t_1 .. t_m.
class Fit {
 public:
  Fit(std::span<const Mixture> mixtures, std::vector<double> y, double pull) : mixtures_(mixtures), y_(std::move(y)), size_(mixtures[0].size() + 1), pull_(pull) {}

  double loss(const std::vector<double>& x) const {
    double sum = 0;
    for (size_t i = 0; i < y_.size(); ++i) {
      const double r = std::abs(residual(x, i));
      sum += r <= kHuber ? 0.5 * r * r : kHuber * (r - 0.5 * kHuber);
    }
    sum /= static_cast<double>(y_.size());
    const double middle = middle_of(x);
    for (size_t j = 1; j < size_; ++j) sum += 0.5 * pull_ * (x[j] - middle) * (x[j] - middle);
    return sum;
  }

  // Levenberg and Marquardt's steps on the re-weighted residuals, unknowns at a bound that the slope pushes outwards held.
  std::vector<double> descend(std::vector<double> x) const {
    double now = loss(x), damping = 1e-2;
    for (int step = 0; step < kSteps; ++step) {
      Square system(size_);
      std::vector<double> slope(size_, 0), row(size_);
      for (size_t i = 0; i < y_.size(); ++i) {
        const double r = residual(x, i), weight = (std::abs(r) <= kHuber ? 1 : kHuber / std::abs(r)) / static_cast<double>(y_.size());
        const double e = power(x, i);
        row[0] = 1;
        for (size_t j = 1; j < size_; ++j) row[j] = e * mixtures_[i][j - 1];
        for (size_t a = 0; a < size_; ++a) {
          slope[a] += weight * r * row[a];
          for (size_t b = 0; b <= a; ++b) system.at(a, b) += weight * row[a] * row[b];
        }
      }
      const double middle = middle_of(x);
      for (size_t a = 1; a < size_; ++a) {
        slope[a] += pull_ * (x[a] - middle);
        for (size_t b = 1; b <= a; ++b) system.at(a, b) += pull_ * ((a == b ? 1 : 0) - 1 / static_cast<double>(size_ - 1));
      }
      std::vector<bool> held(size_, false);
      for (size_t j = 1; j < size_; ++j) held[j] = (x[j] >= kBound && slope[j] < 0) || (x[j] <= -kBound && slope[j] > 0);
      bool better = false;
      double gain = 0;
      while (!better && damping < 1e10) {
        Square damped = system;
        std::vector<double> right(size_);
        for (size_t a = 0; a < size_; ++a) {
          for (size_t b = 0; b < a; ++b)
            if (held[a] || held[b]) damped.at(a, b) = 0;
          damped.at(a, a) = held[a] ? 1 : damped.at(a, a) * (1 + damping) + 1e-12;
          right[a] = held[a] ? 0 : -slope[a];
        }
        const std::vector<double> move = solved(cholesky(std::move(damped)), std::move(right));
        std::vector<double> next = x;
        for (size_t j = 0; j < size_; ++j) next[j] = j == 0 ? x[j] + move[j] : std::clamp(x[j] + move[j], -kBound, kBound);
        const double then = loss(next);
        better = then < now;
        if (better) {
          gain = now - then;
          x = std::move(next);
          now = then;
          damping = std::max(damping / 5, 1e-9);
        } else {
          damping *= 5;
        }
      }
      if (!better || gain < 1e-10 * (now + 1e-12)) break;
    }
    return x;
  }

 private:
  // What all t have in common is the size of the exponential (the paper's k): free.
  double middle_of(const std::vector<double>& x) const { return std::accumulate(x.begin() + 1, x.end(), 0.0) / static_cast<double>(size_ - 1); }
  double power(const std::vector<double>& x, size_t i) const {
    double sum = 0;
    for (size_t j = 1; j < size_; ++j) sum += x[j] * mixtures_[i][j - 1];
    return std::exp(sum);
  }
  double residual(const std::vector<double>& x, size_t i) const { return x[0] + power(x, i) - y_[i]; }

  std::span<const Mixture> mixtures_;
  std::vector<double> y_;
  size_t size_;
  double pull_;
};

}  // namespace

Law fit_log_linear(std::span<const Mixture> mixtures, std::span<const double> costs, double pull, std::uint64_t seed, int starts, const Law* first) {
  const size_t sources = mixtures[0].size();
  double mean = 0, spread = 0;
  for (const double cost : costs) mean += cost / static_cast<double>(costs.size());
  for (const double cost : costs) spread += (cost - mean) * (cost - mean) / static_cast<double>(costs.size());
  spread = std::sqrt(spread);
  if (spread < 1e-12 * std::max(1.0, std::abs(mean))) spread = std::max(1.0, std::abs(mean));  // all alike: any unit will do
  std::vector<double> y;
  for (const double cost : costs) y.push_back((cost - mean) / spread);
  const double least = *std::min_element(y.begin(), y.end());
  const Fit fit(mixtures, std::move(y), pull);

  double best = std::numeric_limits<double>::infinity();
  std::vector<double> chosen;
  const auto from = [&](std::vector<double> start) {
    std::vector<double> x = fit.descend(std::move(start));
    if (const double loss = fit.loss(x); loss < best) {
      best = loss;
      chosen = std::move(x);
    }
  };
  if (first && first->form == LawForm::kLogLinear) {
    std::vector<double> x = {(first->constant - mean) / spread};
    for (const double t : first->linear) x.push_back(std::clamp(t + std::log(first->scale / spread), -kBound, kBound));
    from(std::move(x));
  }
  for (int start = 0; start < starts; ++start) {
    Rng rng(seed, "mixture.law", static_cast<std::uint64_t>(start));
    const double gap = std::exp(rng.uniform(std::log(0.2), std::log(5.0)));  // how far the constant is below all runs
    std::vector<double> x = {least - gap};
    for (size_t j = 0; j < sources; ++j) x.push_back(std::log(gap - least) + (start == 0 ? 0 : 0.7 * rng.normal()));
    from(std::move(x));
  }
  Law law;
  law.form = LawForm::kLogLinear;
  law.constant = mean + spread * chosen[0];
  law.scale = spread;
  law.lambda = pull;
  law.linear.assign(chosen.begin() + 1, chosen.end());
  return law;
}

}  // namespace saucier::search
