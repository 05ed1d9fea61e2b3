#include "modules/train/states.h"

#include <algorithm>
#include <charconv>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/checkpoint/checkpoint.h"

namespace saucier::train {
namespace {

constexpr const char* kState = "state";
constexpr const char* kBest = "best";
constexpr std::string_view kEnd = ".safetensors";

Tensors copies(const Tensors& tensors) {
  Tensors out;
  for (const auto& [name, tensor] : tensors) out[name] = tensor.detach().to(at::kCPU, tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  return out;
}

}  // namespace

States::States(std::filesystem::path folder, std::int64_t keep) : folder_(std::move(folder)), keep_(keep) {
  if (!fs::exists(folder_)) return;
  std::vector<fs::path> torn;  // of a write that was killed
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().extension() == ".tmp") torn.push_back(entry.path());
  for (const fs::path& file : torn) fs::remove(file);
}

States::~States() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !job_; });
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::filesystem::path States::file(const char* kind, std::int64_t step) const { return folder_ / fmt::format("{}-{}{}", kind, step, kEnd); }

std::vector<std::int64_t> States::steps_of(const char* kind) const {
  std::vector<std::int64_t> steps;
  if (!fs::exists(folder_)) return steps;
  const std::string begin = fmt::format("{}-", kind);
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(begin) || !name.ends_with(kEnd)) continue;
    std::int64_t step = 0;
    const char* const end = name.data() + name.size() - kEnd.size();
    if (const auto read = std::from_chars(name.data() + begin.size(), end, step); read.ec == std::errc() && read.ptr == end) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::optional<std::int64_t> States::newest() {
  wait();
  const std::vector<std::int64_t> steps = steps_of(kState);
  return steps.empty() ? std::nullopt : std::optional(steps.back());
}

Tensors States::read(std::int64_t step) {
  wait();
  return checkpoint::read_safetensors(file(kState, step));
}

Tensors States::read_best(std::int64_t step) {
  wait();
  return checkpoint::read_safetensors(file(kBest, step));
}

void States::write(std::int64_t step, const Tensors& tensors, std::int64_t anchor, std::int64_t best) {
  wait();  // so that there is one copy at a time
  enqueue([this, step, anchor, best, kept = copies(tensors)] {
    make_folders(folder_);
    checkpoint::write_safetensors(file(kState, step), kept);
    clean_up(anchor, best);
  });
}

void States::write_best(std::int64_t step, const Tensors& tensors) {
  wait();
  enqueue([this, step, kept = copies(tensors)] {
    make_folders(folder_);
    checkpoint::write_safetensors(file(kBest, step), kept);
  });
}

void States::clean_up(std::int64_t anchor, std::int64_t best) const {
  const std::vector<std::int64_t> steps = steps_of(kState);
  for (size_t i = 0; i + static_cast<size_t>(keep_) < steps.size(); ++i)
    if (steps[i] != anchor) fs::remove(file(kState, steps[i]));
  for (const std::int64_t step : steps_of(kBest))
    if (step != best) fs::remove(file(kBest, step));
}

void States::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !job_; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void States::enqueue(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    job_ = std::move(job);
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
}

void States::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return job_ || stop_; });
    if (!job_) return;
    lock.unlock();
    std::exception_ptr error;
    try {
      job_();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    job_ = nullptr;
    if (error) error_ = error;
    changed_.notify_all();
  }
}

}  // namespace saucier::train
