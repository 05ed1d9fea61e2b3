// Which process this is, so that another one can tell later whether it still lives: a pid alone is used again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace saucier::store {

struct Owner {
  std::string host;
  std::string boot;        // boot id: another one means that the machine was started again
  std::int64_t pid = 0;
  std::int64_t start = 0;  // start time of the process, clock ticks since boot
};

Owner this_process();
Owner owner_of(pid_t pid);  // start 0 when there is no such process

// Certain that the process is gone. False for a process of another host: only its heartbeat can tell.
bool gone(const Owner& owner);

}  // namespace saucier::store
