#include "modules/base/stop.h"

namespace saucier {

namespace {

// Constant-initialised and lock-free: a signal handler may touch it at any time.
std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

std::atomic<bool>& stop_requested() { return g_stop; }

}  // namespace saucier
