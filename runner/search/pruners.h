// Which trials are not worth their remaining steps. Every decision carries the table that it was made from, so that it
// can be stored, explained and made again: decisions of a search that runs on several devices hang on the order in which
// trials arrive, and that order is the order of the entries.
//
// A value that is NaN stops its trial, enters no table and never wins.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runner/search/history.h"

namespace saucier::search {

struct RungEntry {
  std::uint64_t trial = 0;
  double value = 0;
  friend bool operator==(const RungEntry&, const RungEntry&) = default;
};

struct Rung {
  std::int64_t step = 0;           // a trial is looked at when it has taken so many
  std::vector<RungEntry> entries;  // in order of arrival
  friend bool operator==(const Rung&, const Rung&) = default;
};

// One look at one rung.
struct Judged {
  size_t rung = 0;
  std::int64_t step = 0;  // of the rung
  double value = 0;
  size_t place = 0;   // 1 is the best of those recorded, the trial itself among them; ties take the better place
  size_t recorded = 0;
  size_t kept = 0;    // so many of them go on: recorded / eta, at least one
  bool early = false; // fewer were recorded than a decision needs
  bool goes_on = true;
};

struct Decision {
  bool stop = false;
  std::string reason;           // "place 3 of 9 at step 4: the best 2 go on"; empty where no rung was reached
  std::vector<Judged> judged;   // rung by rung, where it was looked at at all
  std::vector<Rung> rungs;      // the table after it, with the entries that it was made from
};

// Successive halving without waiting (ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020).
struct Halving {
  Direction direction = Direction::kMinimize;
  std::int64_t first_step = 1;    // of the first rung; the next ones are eta times as far, each
  std::int64_t eta = 4;           // about one in eta goes on
  std::int64_t last_step = 0;     // rungs from here on do not exist; 0: no end
  std::int64_t skipped_rungs = 0; // Hyperband's later brackets
  std::optional<size_t> bootstrap = std::nullopt;  // no trial is judged at a rung before so many are recorded there; none: eta

  size_t least() const { return bootstrap.value_or(static_cast<size_t>(eta)); }
};

// Error for eta < 2, a first step < 1, a negative number.
void check(const Halving& halving);
// Steps of rung 0, 1, ... of `halving`; those below last_step, or of the first `most`.
std::vector<std::int64_t> rung_steps(const Halving& halving, size_t most = 64);

// Stopping: a trial that reports `value` after `step` steps is recorded at every rung it has reached since its last
// report, and stops at the first one where it is not among the best recorded / eta (Optuna's rule: where that is none,
// it must be the best). While fewer than `bootstrap` are recorded, it goes on. A trial that is recorded at a rung is not
// looked at there again.
Decision asha_stop(const Halving& halving, std::vector<Rung> rungs, std::uint64_t trial, std::int64_t step, double value);

// Promotion: every trial pauses at its rung (`rungs` has it there), and a free device takes the best paused one of the
// highest rung that has one among its best recorded / eta. `promoted[k]` names the trials that have left rung k. None:
// start a new trial.
struct Promotion {
  std::uint64_t trial = 0;
  size_t from = 0;
  std::int64_t to_step = 0;  // the next rung's step, or last_step
  std::string reason;
  std::vector<RungEntry> table;  // of the rung it leaves
};
std::optional<Promotion> asha_promotion(const Halving& halving, std::span<const Rung> rungs, std::span<const std::vector<std::uint64_t>> promoted);

// Successive halving that waits: the best recorded / eta of a full rung, at least one, best first.
std::vector<RungEntry> survivors(std::span<const RungEntry> entries, std::int64_t eta, Direction direction);

// Hyperband (Li et al., 2018) as Optuna runs it: trials are dealt to brackets that differ in where their first rung is,
// in proportion to ceil(brackets eta^s / (s + 1)). Each bracket has rungs of its own.
std::vector<Halving> hyperband_brackets(const Halving& halving);  // last_step > 0
size_t hyperband_bracket(const Halving& halving, std::uint64_t seed, std::uint64_t trial);

struct CurvePoint {
  std::int64_t step = 0;
  double value = 0;
};

// The median rule (Golovin et al., "Google Vizier", 2017), as Optuna has it: a trial stops where its best value so far
// is worse than the median of what complete trials had at this step.
struct MedianRule {
  Direction direction = Direction::kMinimize;
  size_t startup = 5;         // complete trials before the rule works
  std::int64_t warmup = 0;    // steps before a trial is looked at
  std::int64_t interval = 1;  // and how far apart the looks are
  double percentile = 50;     // 25: only the best quarter goes on
};

struct MedianDecision {
  bool stop = false;
  std::string reason;
  double best = 0, bound = 0;    // NaN where there is none
  std::vector<RungEntry> table;  // complete trials' values at the step
};

struct CompleteCurve {
  std::uint64_t trial = 0;
  std::vector<CurvePoint> points;
};

// `own`: the trial's curve up to now, the last point the newest.
MedianDecision median_rule(const MedianRule& rule, std::span<const CompleteCurve> complete, std::span<const CurvePoint> own);

}  // namespace saucier::search
