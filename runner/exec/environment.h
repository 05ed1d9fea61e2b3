// Where a stage ran, as it is kept with its rows and in its artifact. The worker adds what only it knows (libtorch).
#pragma once

#include "runner/exec/attempt.h"

namespace saucier::exec {

// saucier, sqlite, host, os, kernel, cpu, cpus, memory_bytes, gpus, gpu_driver; and of the folder that the recipe lies
// in, where git knows it: recipe_commit, recipe_changed ("yes" or "no"). What cannot be found out is left out.
store::Environment run_environment(const fs::path& recipe_file);

// device, visible_devices, seed, and content.PATH: the digest of each file and folder that the stage reads, from the text
// of its key.
store::Environment stage_environment(const plan::Node& node, const Slot& slot);

}  // namespace saucier::exec
