// The training states of a stage on disk: state-STEP.safetensors, best-STEP.safetensors.
//
// They are written behind the training's back, one after the other, by a thread that sleeps in between: write() copies the
// tensors and returns. A file is there whole or not at all, and what it makes useless is removed once it is durable: so at
// any moment, kill -9 included, the newest file is a state to go on from, and so is all that it names.
#pragma once

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace saucier::train {

using Tensors = std::map<std::string, at::Tensor>;

class States {
 public:
  States(std::filesystem::path folder, std::int64_t keep);
  ~States();  // waits for the last write
  States(const States&) = delete;
  States& operator=(const States&) = delete;

  std::optional<std::int64_t> newest();
  Tensors read(std::int64_t step);
  Tensors read_best(std::int64_t step);

  // The newest `keep` states stay, and beside them `anchor` and the best of step `best` (-1: none). Waits while an earlier
  // one is being written. An Error of an earlier write is thrown here, or by wait().
  void write(std::int64_t step, const Tensors& tensors, std::int64_t anchor, std::int64_t best);
  void write_best(std::int64_t step, const Tensors& tensors);
  void wait();  // until all is durable

 private:
  std::filesystem::path file(const char* kind, std::int64_t step) const;
  std::vector<std::int64_t> steps_of(const char* kind) const;  // ascending
  void clean_up(std::int64_t anchor, std::int64_t best) const;
  void enqueue(std::function<void()> job);
  void work();

  std::filesystem::path folder_;
  std::int64_t keep_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> job_;  // waiting or being done
  std::exception_ptr error_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace saucier::train
