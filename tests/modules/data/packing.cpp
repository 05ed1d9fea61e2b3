#include "modules/data/packing.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include "modules/base/rng.h"

using namespace saucier;
using namespace saucier::data;

namespace {

void check_whole(const Packing& packing, const std::vector<std::int64_t>& lengths, std::int64_t capacity) {
  std::vector<int> seen(lengths.size());
  for (const auto& pack : packing.packs) {
    CHECK(!pack.empty());
    CHECK(std::is_sorted(pack.begin(), pack.end()));
    std::int64_t sum = 0;
    for (const std::int32_t row : pack) {
      ++seen.at(row);
      sum += lengths[row];
    }
    CHECK(sum <= capacity);
  }
  CHECK(seen == std::vector<int>(lengths.size(), 1));
}

}  // namespace

TEST_CASE("first-fit decreasing fills what packs in order leave") {
  const std::vector<std::int64_t> lengths = {6, 6, 4, 4, 5, 5};
  CHECK(pack(lengths, 10).packs == std::vector<std::vector<std::int32_t>>{{0, 2}, {1, 3}, {4, 5}});
  CHECK(pack(lengths, 10).utilisation(10) == Approx(1));
  CHECK(pack_in_order(lengths, 10).packs.size() == 4);
  CHECK(pack(lengths, 10, 2).packs == std::vector<std::vector<std::int32_t>>{{0}, {1}, {2, 3}, {4, 5}});
  CHECK(pack({}, 10).packs.empty());
}

TEST_CASE("packs in order are kept where they are fewer") {
  // First-fit decreasing takes both 44 first and needs three packs.
  const std::vector<std::int64_t> lengths = {44, 24, 24, 8, 44, 24, 22, 10};
  CHECK(pack_in_order(lengths, 100).packs.size() == 2);
  CHECK(pack(lengths, 100).packs.size() == 2);
}

TEST_CASE("a row that no pack can hold is named") {
  CHECK_THROWS_WITH(pack(std::vector<std::int64_t>{3, 11}, 10), "row 1 has 11 tokens, a pack 10");
}

TEST_CASE("no pack over its capacity, no row lost, never worse than in order") {
  double better = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed, "test.packing");
    const std::int64_t capacity = rng.integer(1, 4096), window = rng.chance(0.5) ? 0 : rng.integer(1, 200);
    std::vector<std::int64_t> lengths(static_cast<size_t>(rng.integer(1, 600)));
    for (std::int64_t& length : lengths) length = rng.integer(0, capacity);
    const Packing packed = pack(lengths, capacity, window);
    check_whole(packed, lengths, capacity);
    CHECK(packed.packs == pack(lengths, capacity, window).packs);
    if (window == 0) CHECK(packed.utilisation(capacity) >= pack_in_order(lengths, capacity).utilisation(capacity));
    better += window == 0 && packed.packs.size() < pack_in_order(lengths, capacity).packs.size();
  }
  CHECK(better > 50);
}
