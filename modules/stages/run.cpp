#include "modules/stages/stage.h"

namespace saucier::stages {

void run(const options::Job& job, EventWriter& events) {
  if (job.kind == "train") return train(job, events);
  if (job.kind == "synthesize") return synthesize(job, events);
  if (job.kind == "evaluate") return evaluate(job, events);
  throw Error(fmt::format("unknown stage kind '{}'", job.kind), "saucier and saucier-worker are of different versions");
}

}  // namespace saucier::stages
