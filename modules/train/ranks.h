// The processes that train one model together (data parallel): each has the whole model and its part of every batch. They
// speak through c10d: NCCL between CUDA devices, Gloo between processes on the CPU. What they sum is the same on all of
// them to the last bit, so all take the same decisions, and a result depends on their number only up to the order of sums.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "modules/options/job.h"

namespace saucier::train {

class Ranks {
 public:
  Ranks();  // one process, which sums nothing
  // Rank 0 opens the place where they meet, and says its address() for the others' jobs; Error where that cannot be.
  Ranks(const options::JobRanks& ranks, const at::Device& device);
  ~Ranks();
  Ranks(Ranks&&) noexcept;
  Ranks& operator=(Ranks&&) = delete;

  // Waits until all are there. Call it before anything below. Error when they do not come.
  void connect();

  std::int64_t rank() const { return rank_; }
  std::int64_t count() const { return count_; }
  bool first() const { return rank_ == 0; }  // who writes what there is one of: states, events, the artifact
  const std::string& address() const { return address_; }  // HOST:PORT

  // All of these are called by every rank, in one order; tensors are contiguous, of one type and size on all of them, on the
  // device. In place.
  void sum(const at::Tensor& values);
  void sum(std::span<double> values);
  void broadcast(const at::Tensor& values, std::int64_t from = 0);
  std::string broadcast(const std::string& text);

  class Pending {  // a sum under way
   public:
    virtual ~Pending() = default;
    virtual void wait() = 0;
  };
  std::unique_ptr<Pending> start_sum(const at::Tensor& values);

 private:
  struct Group;
  std::int64_t rank_ = 0, count_ = 1;
  at::Device device_ = at::kCPU;
  std::string address_;
  std::unique_ptr<Group> group_;
};

}  // namespace saucier::train
