// One function a stage kind: job → artifact in WORK/out and events. They throw Error; runner/worker reports it.
#pragma once

#include "modules/base/protocol.h"
#include "modules/options/job.h"

namespace saucier::stages {

void synthesize(const options::Job& job, EventWriter& events);
void train(const options::Job& job, EventWriter& events);     // resumes from WORK/resume when it is there
void evaluate(const options::Job& job, EventWriter& events);

void run(const options::Job& job, EventWriter& events);       // by job.kind

}  // namespace saucier::stages
