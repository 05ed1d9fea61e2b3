// What every stage does first.
#pragma once

#include <c10/core/Device.h>

#include <filesystem>

#include "modules/base/protocol.h"
#include "modules/options/job.h"

namespace saucier::stages {

// Threads, denormals, deterministic seed; an empty WORK/out; environment events (versions, threads).
void prepare(const options::Job& job, EventWriter& events);

at::Device device_of(const options::Job& job);

std::filesystem::path output_folder(const options::Job& job);  // WORK/out

}  // namespace saucier::stages
