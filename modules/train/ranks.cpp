#include "modules/train/ranks.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "modules/base/error.h"
#include "modules/train/backend.h"

namespace saucier::train {
namespace {

constexpr std::chrono::minutes kMeeting{5};  // within which all ranks have to load libtorch and come
constexpr const char* kHost = "127.0.0.1";

}  // namespace

struct Ranks::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> backend;
  std::string host;
};

Ranks::Ranks() = default;
Ranks::~Ranks() = default;
Ranks::Ranks(Ranks&&) noexcept = default;

Ranks::Ranks(const options::JobRanks& ranks, const at::Device& device) : rank_(ranks.rank), count_(ranks.count), device_(device) {
  SAUCIER_CHECK(rank_ >= 0 && rank_ < count_, "rank {} of {}", rank_, count_);
  if (count_ == 1) return;
  group_ = std::make_unique<Group>();
  c10d::TCPStoreOptions options;
  options.timeout = kMeeting;
  options.waitWorkers = false;
  options.isServer = first();
  options.port = 0;  // any
  group_->host = kHost;
  if (!first()) {
    const auto colon = ranks.address.rfind(':');
    SAUCIER_CHECK(colon != std::string::npos, "address '{}'", ranks.address);
    group_->host = ranks.address.substr(0, colon);
    options.port = static_cast<std::uint16_t>(std::stoi(ranks.address.substr(colon + 1)));
  }
  const auto store = c10::make_intrusive<c10d::TCPStore>(group_->host, options);
  address_ = fmt::format("{}:{}", group_->host, store->getPort());
  group_->store = store;
}

void Ranks::connect() {
  if (!group_) return;
  with_context(fmt::format("while {} processes come together", count_), [&] {
    const auto rank = static_cast<int>(rank_), count = static_cast<int>(count_);
    group_->backend = device_.is_cuda() ? nccl_backend(group_->store, rank, count) : gloo_backend(group_->store, rank, count, group_->host);
    double one = 1;
    sum(std::span(&one, 1));
    SAUCIER_CHECK(one == static_cast<double>(count_), "{} ranks of {}", one, count_);
  });
}

namespace {

class Waiting : public Ranks::Pending {
 public:
  explicit Waiting(c10::intrusive_ptr<c10d::Work> work) : work_(std::move(work)) {}
  void wait() override { work_->wait(); }

 private:
  c10::intrusive_ptr<c10d::Work> work_;
};

class Nothing : public Ranks::Pending {
 public:
  void wait() override {}
};

}  // namespace

std::unique_ptr<Ranks::Pending> Ranks::start_sum(const at::Tensor& values) {
  if (!group_) return std::make_unique<Nothing>();
  std::vector<at::Tensor> tensors = {values};
  return std::make_unique<Waiting>(group_->backend->allreduce(tensors));
}

void Ranks::sum(const at::Tensor& values) { start_sum(values)->wait(); }

void Ranks::sum(std::span<double> values) {
  if (!group_) return;
  const at::Tensor here = at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble);
  const at::Tensor there = here.to(device_);  // the same memory on the CPU
  sum(there);
  here.copy_(there);
}

void Ranks::broadcast(const at::Tensor& values, std::int64_t from) {
  if (!group_) return;
  std::vector<at::Tensor> tensors = {values};
  c10d::BroadcastOptions options;
  options.rootRank = from;
  group_->backend->broadcast(tensors, options)->wait();
}

std::string Ranks::broadcast(const std::string& text) {
  if (!group_) return text;
  auto size = static_cast<double>(first() ? text.size() : 0);
  sum(std::span(&size, 1));
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(size)}, at::kByte);
  if (first()) std::copy(text.begin(), text.end(), bytes.mutable_data_ptr<std::uint8_t>());
  bytes = bytes.to(device_);
  if (bytes.numel() > 0) broadcast(bytes);
  bytes = bytes.cpu();
  const auto* data = bytes.const_data_ptr<std::uint8_t>();
  return {data, data + bytes.numel()};
}

}  // namespace saucier::train
