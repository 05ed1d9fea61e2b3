// The training loop that every objective shares: steps, schedule, metrics, training states, stopping and resuming.
//
// Everything a step does is a function of (seed, step, parameters): batches come from their number and the generator is
// seeded for each step, so a stage that was cut off goes on from its training state and ends in the same bits (CPU).
#pragma once

#include <filesystem>

#include "modules/base/protocol.h"
#include "modules/options/job.h"
#include "modules/train/optimizer.h"

namespace saucier::train {

// What a step reports beside its loss.
struct StepResult {
  double loss = 0;
  std::int64_t samples = 0;
  std::int64_t tokens = 0;     // real tokens, pictures included
  std::int64_t learned = 0;    // supervised positions
  std::map<std::string, double> extra;  // further metrics of the objective
};

class Objective {
 public:
  virtual ~Objective() = default;
  virtual std::int64_t steps() const = 0;
  // Forward and backward of step number `step`; gradients are left in the parameters.
  virtual StepResult step(std::int64_t step) = 0;
  // Says what it has to say of the steps before `step` that it has not said yet: at the end, and before a training state.
  virtual void report(std::int64_t) {}
};

// Runs from the training state in `job.work`/resume (step 0 when there is none) to the end. Throws Interrupted after
// writing a training state when a stop was asked for, Error on a loss that stays non-finite.
void run(const options::Job& job, Objective& objective, AdamW& optimizer, EventWriter& events);

}  // namespace saucier::train
