#include "modules/train/micro_batch.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/Exception.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <new>
#include <numeric>
#include <string>

namespace saucier::train {
namespace {

namespace fs = std::filesystem;

constexpr double kSure = 0.4;   // of free memory: an estimate below it needs no trial
constexpr double kUsed = 0.75;  // of free memory, by pieces whose need was measured

// The number behind a word in a file of lines such as "VmHWM:  1234 kB", in bytes.
std::optional<double> kilobytes_in(const fs::path& file, const std::string& word) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(word + ":")) return std::stod(line.substr(word.size() + 1)) * 1024;
  return {};
}

std::optional<double> number_in(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  if (in >> value) return value;
  return {};  // "max", or no such file
}

// The folder of this process's control group (version 2).
fs::path control_group() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("0::")) return fs::path("/sys/fs/cgroup") / fs::path(line.substr(3)).relative_path();
  return "/sys/fs/cgroup";
}

c10::DeviceAllocator* allocator_of(const at::Device& device) {
  return dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()));
}

// The largest memory in use from its making on, beyond what was in use then.
class Peak {
 public:
  explicit Peak(const at::Device& device) : device_(device) {
    if (device_.is_cpu()) {
      std::ofstream("/proc/self/clear_refs") << "5";
      before_ = kilobytes_in("/proc/self/status", "VmRSS").value_or(0);
    } else if (auto* allocator = allocator_of(device_)) {
      allocator->resetPeakStats(index());
      before_ = static_cast<double>(allocator->getDeviceStats(index()).allocated_bytes[0].current);
    }
  }
  double bytes() const {
    if (device_.is_cpu()) return kilobytes_in("/proc/self/status", "VmHWM").value_or(0) - before_;
    auto* allocator = allocator_of(device_);
    return allocator ? static_cast<double>(allocator->getDeviceStats(index()).allocated_bytes[0].peak) - before_ : 0;
  }

 private:
  c10::DeviceIndex index() const { return device_.has_index() ? device_.index() : c10::DeviceIndex{0}; }
  at::Device device_;
  double before_ = 0;
};

}  // namespace

std::int64_t tokens_of(std::span<const std::int64_t> lengths, MicroBatch::Piece piece) {
  return std::accumulate(lengths.begin() + static_cast<std::ptrdiff_t>(piece.first), lengths.begin() + static_cast<std::ptrdiff_t>(piece.second), std::int64_t{0});
}

std::vector<MicroBatch::Piece> MicroBatch::pieces(std::span<const std::int64_t> lengths) const {
  std::vector<Piece> pieces;
  const size_t most = rows_ ? static_cast<size_t>(*rows_) : lengths.size();
  for (size_t begin = 0; begin < lengths.size();) {
    size_t end = begin + 1;
    std::int64_t tokens = lengths[begin];
    while (end < lengths.size() && end - begin < most && (!tokens_ || tokens + lengths[end] <= *tokens_)) tokens += lengths[end++];
    pieces.push_back({begin, end});
    begin = end;
  }
  return pieces;
}

bool MicroBatch::fit(std::span<const std::int64_t> lengths, double bytes_per_token, const at::Device& device, const std::function<void(Piece)>& compute) {
  if (fitted_ || rows_ || tokens_ || lengths.empty()) return false;
  fitted_ = true;
  const auto free = free_memory(device);
  const Piece all{0, lengths.size()};
  const auto tokens = static_cast<double>(tokens_of(lengths, all));
  if (!free || tokens * bytes_per_token < kSure * *free) return false;
  // A part whose need the estimate finds small, but large enough to be measured.
  MicroBatch small({});
  small.tokens_ = static_cast<std::int64_t>(std::max(1.0, std::min(tokens / 4, kSure / 4 * *free / bytes_per_token)));
  const Piece tried = small.pieces(lengths).front();
  const Peak peak(device);
  try {
    compute(tried);
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    tokens_ = std::max<std::int64_t>(1, tokens_of(lengths, tried) / 2);
    return true;
  }
  const double measured = std::max(peak.bytes() / static_cast<double>(tokens_of(lengths, tried)), bytes_per_token / 4);
  const double most = kUsed * *free / measured;
  if (most >= tokens) return false;
  tokens_ = static_cast<std::int64_t>(std::max(1.0, most));
  return true;
}

bool MicroBatch::shrink(std::span<const std::int64_t> lengths) {
  std::int64_t largest = 0;  // of several rows: a single one cannot be cut
  for (const Piece& piece : pieces(lengths))
    if (piece.second - piece.first > 1) largest = std::max(largest, tokens_of(lengths, piece));
  if (largest == 0) return false;
  tokens_ = largest / 2;
  return true;
}

void MicroBatch::restore(const Json& state) {
  if (state.is_number_integer()) tokens_ = state.get<std::int64_t>();
}

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) || dynamic_cast<const c10::OutOfMemoryError*>(&error)) return true;
  return dynamic_cast<const c10::Error*>(&error) && std::string_view(error.what()).find("DefaultCPUAllocator") != std::string_view::npos;
}

Error does_not_fit(std::span<const std::int64_t> lengths) {
  return Error(fmt::format("out of memory with a sample of {} tokens", *std::max_element(lengths.begin(), lengths.end())),
               "lower conversation.max_length, or write dtype = \"bfloat16\"");
}

// A layer keeps what goes into its halves, queries, keys, values and what attention made of them, gate and up: decoder.h.
// A layer that is gone through has about as much again at hand for a while.
double bytes_per_token(const model::LanguageModel& language) {
  const layout::LanguageConfig& config = language.config();
  const auto width = static_cast<double>(config.head_dim);
  const double heads = width * static_cast<double>(2 * config.heads + 2 * config.kv_heads);
  const double layer = 2 * static_cast<double>(config.hidden_size) + heads + 2 * static_cast<double>(config.intermediate_size);
  return layer * static_cast<double>(config.layers + 2) * static_cast<double>(c10::elementSize(language.dtype()));
}

std::optional<double> free_memory(const at::Device& device) {
  if (!device.is_cpu()) {
    auto* allocator = allocator_of(device);
    if (!allocator) return {};
    return static_cast<double>(allocator->getMemoryInfo(device.has_index() ? device.index() : c10::DeviceIndex{0}).first);
  }
  std::optional<double> free = kilobytes_in("/proc/meminfo", "MemAvailable");
  const auto least = [&](double bytes) { free = std::max(0.0, std::min(bytes, free.value_or(std::numeric_limits<double>::infinity()))); };
  const fs::path group = control_group();
  if (const auto most = number_in(group / "memory.max"))
    if (const auto used = number_in(group / "memory.current")) least(*most - *used);
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    if (const auto size = kilobytes_in("/proc/self/status", "VmSize")) least(static_cast<double>(limit.rlim_cur) - *size);
  return free;
}

}  // namespace saucier::train
