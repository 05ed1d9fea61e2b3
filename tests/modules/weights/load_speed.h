// What loading costs over a plain read of the same file: for the hidden [speed] cases here and in tests/modules/checkpoint.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "modules/weights/container.h"

namespace saucier::weights {

constexpr int kSpeedTensors = 125;
constexpr std::int64_t kSpeedSide = 1000;  // 4 MB each, 500 MB in all

inline void write_half_gigabyte(const fs::path& file) {
  std::vector<float> numbers(kSpeedSide * kSpeedSide);
  std::mt19937 random(1);
  for (float& number : numbers) number = static_cast<float>(random());
  std::vector<Output> outputs;
  for (int i = 0; i < kSpeedTensors; ++i) outputs.push_back({fmt::format("layer.{}.weight", i), Dtype::f32, {kSpeedSide, kSpeedSide}, numbers.data(), 4 * numbers.size()});
  write_safetensors(file, outputs);
}

inline double seconds_of(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Into memory of its own, as a reader without mapping would.
inline void read_plainly(const fs::path& file) {
  const size_t size = fs::file_size(file);
  const std::unique_ptr<char[]> memory(new char[size]);
  const int fd = ::open(file.c_str(), O_RDONLY);
  size_t done = 0;
  for (ssize_t got = 1; got > 0 && done < size; done += static_cast<size_t>(got)) got = ::read(fd, memory.get() + done, size - done);
  ::close(fd);
  if (done != size) throw std::runtime_error("not read");
}

// One number of each page.
inline float touch(const float* numbers, size_t count) {
  float sum = 0;
  for (size_t i = 0; i < count; i += 1024) sum += numbers[i];
  return sum;
}

// "plain read 0.210 s, load 0.025 s (0.12 of it)": the best of seven of each, in turns.
inline std::string compare_with_plain_read(const fs::path& file, const std::function<void()>& load) {
  double plain = 1e9, loaded = 1e9;
  for (int i = 0; i < 7; ++i) {
    plain = std::min(plain, seconds_of([&] { read_plainly(file); }));
    loaded = std::min(loaded, seconds_of(load));
  }
  return fmt::format("plain read {:.3f} s, load {:.3f} s ({:.2f} of it)", plain, loaded, loaded / plain);
}

}  // namespace saucier::weights
