// The training loop that every objective shares: steps, schedule, metrics, validation, training states, stopping and
// resuming.
//
// Everything a step does is a function of (seed, step, parameters): batches come from their number and the generator is
// seeded for each step, so a stage that was cut off goes on from its training state and ends in the same bits (CPU).
#pragma once

#include <functional>

#include "modules/base/protocol.h"
#include "modules/options/job.h"
#include "modules/train/optimizer.h"
#include "modules/train/ranks.h"
#include "modules/train/step_result.h"

namespace saucier::train {

class Objective {
 public:
  virtual ~Objective() = default;
  virtual std::int64_t steps() const = 0;
  // Forward and backward of step number `step`, of this rank's part of the batch; gradients are left in the parameters.
  // Calls `last` before its last backward pass, best of all; true: its gradients go to other ranks from then on.
  virtual StepResult step(std::int64_t step, const std::function<bool()>& last) = 0;
  // The loss on samples held out, by source: always the same ones, of them this rank's part. Leaves parameters and gradients alone.
  virtual std::map<std::string, SourceLoss> validate() { return {}; }
  // All that by_source may name, in one order on all ranks, of steps and of validations.
  virtual std::vector<std::string> sources() const { return {}; }
  virtual std::vector<std::string> validation_sources() const { return {}; }
  // Says what it has to say of the steps before `step` that it has not said yet: at the end, and before a training state.
  virtual void report(std::int64_t) {}
  // What it has found out on the way and a run that goes on shall know.
  virtual Json state() const { return {}; }
  virtual void restore(const Json&) {}
};

// Runs from the training state in `job.work`/resume (step 0 when there is none) to the end, and leaves the parameters that
// options.use names. Throws Interrupted after writing a training state when a stop was asked for, Error on bad steps as
// modules/train/bad_steps.h has them.
//
// A bad step that is rolled back (Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", 2022, section 5.1):
// parameters and optimizer become those of the last multiple of roll_back_every, and training goes on behind the bad step.
// So what led to it is left out as well, and nothing is met twice.
//
// With several ranks each calls it, and all leave the same parameters; only the first has states and says metrics.
void run(const options::Job& job, Objective& objective, Optimizer& optimizer, Ranks& ranks, EventWriter& events);

}  // namespace saucier::train
