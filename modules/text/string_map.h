// Hash tables of the tokenizers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace saucier::text {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// From 64-bit keys (not all ones) to small values: open addressing, for tables that are filled once and asked often.
template <class Value>
class FlatMap {
 public:
  // Room for `count` keys; to be called once, before the first set().
  void reserve(size_t count) {
    size_t size = 16;
    while (size < 2 * count) size *= 2;
    slots_.assign(size, Slot{});
  }
  void set(std::uint64_t key, const Value& value) {
    if (slots_.empty() || 2 * (count_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[place(key)];
    count_ += slot.key == kFree;
    slot = {key, value};
  }
  const Value* find(std::uint64_t key) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[place(key)];
    return slot.key == kFree ? nullptr : &slot.value;
  }
  size_t size() const { return count_; }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = kFree;
    Value value{};
  };
  size_t place(std::uint64_t wanted) const {
    const size_t mask = slots_.size() - 1;
    std::uint64_t key = wanted;
    key ^= key >> 29;
    key *= 0x9e3779b97f4a7c15u;
    size_t at = (key ^ key >> 32) & mask;
    while (slots_[at].key != kFree && slots_[at].key != wanted) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.empty() ? 16 : 2 * old.size(), Slot{});
    for (const Slot& slot : old)
      if (slot.key != kFree) slots_[place(slot.key)] = slot;
  }
  std::vector<Slot> slots_;
  size_t count_ = 0;
};

}  // namespace saucier::text
