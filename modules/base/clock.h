// Time, behind an interface because tests need a fake one.
#pragma once

#include <cstdint>
#include <string>

namespace saucier {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t now_us() const = 0;   // microseconds since 1970, UTC: what the store keeps
  virtual double steady_seconds() const = 0; // for durations
};

const Clock& system_clock();

std::string format_duration(double seconds);      // "0.4 s", "12 s", "3 min 05 s", "2 h 10 min"
std::string format_time(std::int64_t us);          // "2026-11-23 14:05:09" (UTC)

}  // namespace saucier
