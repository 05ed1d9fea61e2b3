#include <algorithm>
#include <cmath>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "runner/search/pruners.h"

namespace saucier::search {
namespace {

bool better(double a, double b, Direction direction) { return direction == Direction::kMinimize ? a < b : a > b; }

bool recorded(const Rung& rung, std::uint64_t trial) {
  return std::any_of(rung.entries.begin(), rung.entries.end(), [&](const RungEntry& entry) { return entry.trial == trial; });
}

Judged look(const Halving& halving, size_t index, const Rung& rung, double value) {
  Judged out{.rung = index, .step = rung.step, .value = value, .place = 1, .recorded = rung.entries.size(), .kept = 0, .early = false, .goes_on = true};
  for (const RungEntry& entry : rung.entries) out.place += better(entry.value, value, halving.direction);
  out.kept = std::max<size_t>(1, out.recorded / static_cast<size_t>(halving.eta));
  out.early = out.recorded < halving.least();
  out.goes_on = out.early || out.place <= out.kept;
  return out;
}

std::string sentence(const Judged& j, const Halving& halving) {
  if (j.early) return fmt::format("{} of {} trials at step {}: too few to judge", j.recorded, halving.least(), j.step);
  return fmt::format("place {} of {} at step {}: {}", j.place, j.recorded, j.step, j.kept == 1 ? "the best one goes on" : fmt::format("the best {} go on", j.kept));
}

std::vector<RungEntry> best_first(std::span<const RungEntry> entries, Direction direction) {
  std::vector<RungEntry> sorted(entries.begin(), entries.end());
  std::stable_sort(sorted.begin(), sorted.end(), [&](const RungEntry& a, const RungEntry& b) { return better(a.value, b.value, direction); });
  return sorted;
}

}  // namespace

void check(const Halving& halving) {
  if (halving.eta < 2) throw Error(fmt::format("successive halving keeps one trial in {} (allowed: 2 or more)", halving.eta));
  if (halving.first_step < 1) throw Error(fmt::format("the first rung is at step {} (allowed: 1 or more)", halving.first_step));
  if (halving.last_step < 0) throw Error(fmt::format("the last step is {} (allowed: 0 or more)", halving.last_step));
  if (halving.skipped_rungs < 0) throw Error(fmt::format("{} rungs are skipped (allowed: 0 or more)", halving.skipped_rungs));
}

std::vector<std::int64_t> rung_steps(const Halving& halving, size_t most) {
  check(halving);
  std::vector<std::int64_t> steps;
  std::int64_t step = halving.first_step;
  for (std::int64_t k = 0; steps.size() < most; ++k) {
    if (halving.last_step > 0 && step >= halving.last_step) break;
    if (k >= halving.skipped_rungs) steps.push_back(step);
    if (step > INT64_MAX / halving.eta) break;
    step *= halving.eta;
  }
  return steps;
}

Decision asha_stop(const Halving& halving, std::vector<Rung> rungs, std::uint64_t trial, std::int64_t step, double value) {
  Decision out;
  const std::vector<std::int64_t> steps = rung_steps(halving);
  for (size_t k = 0; k < steps.size() && steps[k] <= step && !out.stop; ++k) {
    if (k < rungs.size() && recorded(rungs[k], trial)) continue;
    if (std::isnan(value)) {
      out.stop = true;
      out.reason = fmt::format("not a number at step {}", step);
      break;
    }
    while (rungs.size() <= k) rungs.push_back({.step = steps[rungs.size()], .entries = {}});
    SAUCIER_CHECK(rungs[k].step == steps[k], "rung {} is at step {}, not {}", k, rungs[k].step, steps[k]);
    rungs[k].entries.push_back({trial, value});
    out.judged.push_back(look(halving, k, rungs[k], value));
    out.reason = sentence(out.judged.back(), halving);
    out.stop = !out.judged.back().goes_on;
  }
  out.rungs = std::move(rungs);
  return out;
}

std::optional<Promotion> asha_promotion(const Halving& halving, std::span<const Rung> rungs, std::span<const std::vector<std::uint64_t>> promoted) {
  const std::vector<std::int64_t> steps = rung_steps(halving);
  for (size_t k = std::min(rungs.size(), steps.size()); k-- > 0;) {
    if (k + 1 == steps.size() && halving.last_step == 0) continue;  // nowhere to go
    std::vector<RungEntry> finite;
    for (const RungEntry& entry : rungs[k].entries)
      if (!std::isnan(entry.value)) finite.push_back(entry);
    if (finite.size() < halving.least()) continue;
    const std::vector<RungEntry> sorted = best_first(finite, halving.direction);
    const size_t kept = sorted.size() / static_cast<size_t>(halving.eta);
    for (size_t place = 0; place < kept; ++place) {
      const bool left = k < promoted.size() && std::find(promoted[k].begin(), promoted[k].end(), sorted[place].trial) != promoted[k].end();
      if (left) continue;
      const Judged judged{.rung = k, .step = steps[k], .value = sorted[place].value, .place = place + 1, .recorded = sorted.size(), .kept = kept, .early = false, .goes_on = true};
      return Promotion{.trial = sorted[place].trial, .from = k, .to_step = k + 1 < steps.size() ? steps[k + 1] : halving.last_step, .reason = sentence(judged, halving), .table = rungs[k].entries};
    }
  }
  return std::nullopt;
}

std::vector<RungEntry> survivors(std::span<const RungEntry> entries, std::int64_t eta, Direction direction) {
  std::vector<RungEntry> finite;
  for (const RungEntry& entry : entries)
    if (!std::isnan(entry.value)) finite.push_back(entry);
  std::vector<RungEntry> sorted = best_first(finite, direction);
  const size_t kept = std::max<size_t>(1, entries.size() / static_cast<size_t>(eta));
  if (kept < sorted.size()) sorted.resize(kept);
  return sorted;
}

std::vector<Halving> hyperband_brackets(const Halving& halving) {
  check(halving);
  if (halving.last_step == 0) throw Error("Hyperband needs a last step");
  std::vector<Halving> brackets;
  for (std::int64_t step = halving.first_step; step <= halving.last_step; step *= halving.eta) {
    brackets.push_back(halving);
    brackets.back().skipped_rungs = static_cast<std::int64_t>(brackets.size()) - 1;
    if (step > INT64_MAX / halving.eta) break;
  }
  if (brackets.empty()) brackets.push_back(halving);
  return brackets;
}

size_t hyperband_bracket(const Halving& halving, std::uint64_t seed, std::uint64_t trial) {
  const size_t brackets = hyperband_brackets(halving).size();
  std::vector<double> shares;
  for (size_t b = 0; b < brackets; ++b) {
    const double s = static_cast<double>(brackets - 1 - b);
    shares.push_back(std::ceil(static_cast<double>(brackets) * std::pow(static_cast<double>(halving.eta), s) / (s + 1)));
  }
  return Rng(seed, "hyperband", trial).weighted(shares);
}

}  // namespace saucier::search
