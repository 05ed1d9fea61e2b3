#include "modules/data/packing.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "modules/base/error.h"

namespace saucier::data {
namespace {

// The room left in every pack, as a tree of maxima: the first pack with enough room in O(log n).
class Rooms {
 public:
  Rooms(size_t packs, std::int64_t capacity) : leaves_(std::bit_ceil(packs)), most_(2 * leaves_, capacity) {}

  size_t take(std::int64_t length) {  // from the first pack that has it
    size_t at = 1;
    while (at < leaves_) at = most_[2 * at] >= length ? 2 * at : 2 * at + 1;
    const size_t pack = at - leaves_;
    most_[at] -= length;
    for (at /= 2; at >= 1; at /= 2) most_[at] = std::max(most_[2 * at], most_[2 * at + 1]);
    return pack;
  }

 private:
  size_t leaves_;
  std::vector<std::int64_t> most_;
};

using Packs = std::vector<std::vector<std::int32_t>>;

Packs first_fit_decreasing(std::span<const std::int64_t> lengths, std::int64_t capacity) {
  std::vector<std::int32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return lengths[a] > lengths[b]; });
  Rooms rooms(lengths.size(), capacity);
  Packs packs;
  for (const std::int32_t i : order) {
    const size_t pack = rooms.take(lengths[i]);
    if (pack == packs.size()) packs.emplace_back();
    packs[pack].push_back(i);
  }
  for (auto& pack : packs) std::sort(pack.begin(), pack.end());
  std::sort(packs.begin(), packs.end());
  return packs;
}

Packs in_order(std::span<const std::int64_t> lengths, std::int64_t capacity) {
  Packs packs;
  std::int64_t room = -1;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] > room) {
      packs.emplace_back();
      room = capacity;
    }
    packs.back().push_back(static_cast<std::int32_t>(i));
    room -= lengths[i];
  }
  return packs;
}

std::int64_t sum_of(std::span<const std::int64_t> lengths, std::int64_t capacity) {
  std::int64_t sum = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    SAUCIER_CHECK(lengths[i] >= 0, "length {} of row {}", lengths[i], i);
    if (lengths[i] > capacity)
      throw Error(fmt::format("row {} has {} tokens, a pack {}", i, lengths[i], capacity), "let a pack hold max_length tokens at least");
    sum += lengths[i];
  }
  return sum;
}

}  // namespace

double Packing::utilisation(std::int64_t capacity) const {
  return packs.empty() ? 1 : static_cast<double>(tokens) / (static_cast<double>(packs.size()) * static_cast<double>(capacity));
}

Packing pack(std::span<const std::int64_t> lengths, std::int64_t capacity, std::int64_t window) {
  Packing out{.packs = {}, .tokens = sum_of(lengths, capacity)};
  const size_t each = window > 0 ? static_cast<size_t>(window) : std::max<size_t>(1, lengths.size());
  for (size_t begin = 0; begin < lengths.size(); begin += each) {
    const auto part = lengths.subspan(begin, std::min(each, lengths.size() - begin));
    Packs best = first_fit_decreasing(part, capacity);
    if (Packs plain = in_order(part, capacity); plain.size() < best.size()) best = std::move(plain);
    for (auto& one : best) {
      for (std::int32_t& row : one) row += static_cast<std::int32_t>(begin);
      out.packs.push_back(std::move(one));
    }
  }
  return out;
}

Packing pack_in_order(std::span<const std::int64_t> lengths, std::int64_t capacity) {
  return {.packs = in_order(lengths, capacity), .tokens = sum_of(lengths, capacity)};
}

}  // namespace saucier::data
