// Where stages run, as --devices says it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::exec {

struct Slot {  // a place where one stage runs at a time
  std::vector<std::string> devices;  // what the job says, a process each: "cpu", "cuda:0"
  std::string visible = {};          // CUDA_VISIBLE_DEVICES of the worker
  std::int64_t threads = 0;          // of a process; 0: as many as cores
};

// Slots with commas between them: "cpu", "cuda:1" or "1", or several of a kind with + between them, on which one stage runs
// together. `threads` of a slot, 0: not said; processes on the CPU share the cores then. Throws Error for an unknown device.
std::vector<Slot> read_slots(std::string_view devices, std::int64_t threads);

}  // namespace saucier::exec
