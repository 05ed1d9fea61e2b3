// How far a pass over many samples is, said now and then: pictures by the hundred thousand take minutes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace saucier::data {

class Progress {
 public:
  struct Now {
    std::string what;
    std::int64_t done = 0, samples = 0;
    double rate = 0;  // samples a second since the pass began
  };
  using Tell = std::function<void(const Now&)>;  // one call at a time, from any thread

  Progress() = default;  // says nothing
  explicit Progress(Tell tell, double seconds_between = 0.5) : tell_(std::move(tell)), between_(seconds_between) {}

  class Pass {
   public:
    Pass(const Progress& progress, std::string what, std::int64_t samples) : progress_(progress), what_(std::move(what)), samples_(samples) {}
    // After every sample. Thread-safe.
    void step() {
      if (!progress_.tell_) return;
      const std::lock_guard lock(mutex_);
      ++done_;
      const Clock::time_point now = Clock::now();
      if (std::chrono::duration<double>(now - told_).count() < progress_.between_) return;
      told_ = now;
      const double seconds = std::chrono::duration<double>(now - began_).count();
      progress_.tell_({.what = what_, .done = done_, .samples = samples_, .rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0});
    }

   private:
    using Clock = std::chrono::steady_clock;
    const Progress& progress_;
    std::string what_;
    std::int64_t samples_ = 0, done_ = 0;
    Clock::time_point began_ = Clock::now(), told_ = began_;
    std::mutex mutex_;
  };

 private:
  Tell tell_;
  double between_ = 0;
};

}  // namespace saucier::data
