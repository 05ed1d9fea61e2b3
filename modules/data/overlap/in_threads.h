// Work that is cut into pieces for some threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace saucier::data {

// Calls each(i) for 0 .. count - 1, in any order; `threads`: 0 as many as cores. What a call throws ends the others after
// their piece, and is thrown here.
template <class Each>
void in_threads(std::int64_t count, int threads, const Each& each) {
  constexpr std::int64_t kPiece = 16;
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;
  const auto work = [&] {
    try {
      for (std::int64_t begin = next.fetch_add(kPiece); begin < count; begin = next.fetch_add(kPiece))
        for (std::int64_t i = begin; i < std::min(count, begin + kPiece); ++i) each(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      next = count;
    }
  };
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::thread> others;
  for (int i = 1; i < threads && i * kPiece < count; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace saucier::data
