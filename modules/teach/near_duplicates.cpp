#include "modules/teach/near_duplicates.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

namespace saucier::teach {

namespace {

constexpr size_t kBands = 32, kRows = 4;

// SplitMix64's last step (Steele, Lea, Flood 2014): another hash function for each odd `salt`.
std::uint64_t mixed(std::uint64_t value, std::uint64_t salt) {
  value += salt * 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

std::array<std::uint64_t, kBands> bands_of(const std::vector<std::uint32_t>& runs) {
  std::array<std::uint64_t, kBands> out{};
  for (size_t band = 0; band < kBands; ++band) {
    std::uint64_t digest = band;
    for (size_t row = 0; row < kRows; ++row) {
      std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
      for (const std::uint32_t run : runs) least = std::min(least, mixed(run, 2 * (band * kRows + row) + 1));
      digest = mixed(digest ^ least, 1);
    }
    out[band] = digest;
  }
  return out;
}

}  // namespace

NearDuplicates::NearDuplicates(double threshold) : threshold_(threshold) {}

std::optional<std::int64_t> NearDuplicates::find_or_add(std::string_view text, std::int64_t number) {
  data::QuestionMark mark = data::mark_question(text);
  if (mark.triples.empty()) return std::nullopt;
  const auto bands = bands_of(mark.triples);
  std::set<size_t> candidates;
  for (const std::uint64_t band : bands) {
    const auto [begin, end] = bands_.equal_range(band);
    for (auto it = begin; it != end; ++it) candidates.insert(it->second);
  }
  for (const size_t kept : candidates)  // ascending: the first one
    if (data::jaccard(mark, kept_[kept]) >= threshold_) return numbers_[kept];
  for (const std::uint64_t band : bands) bands_.emplace(band, kept_.size());
  kept_.push_back(std::move(mark));
  numbers_.push_back(number);
  return std::nullopt;
}

}  // namespace saucier::teach
