// Samples of different lengths laid into packs of one capacity, so that a step trains without padding. Which rows stand
// together changes no result: attention stays inside a row and positions begin anew with it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace saucier::data {

struct Packing {
  std::vector<std::vector<std::int32_t>> packs;  // indices into lengths, each once, rising; in the order of their firsts
  std::int64_t tokens = 0;                       // sum of the lengths

  double utilisation(std::int64_t capacity) const;  // tokens over the room of all packs; 1 without packs
};

// First-fit decreasing (Johnson, "Near-optimal bin packing algorithms", 1973; at most 11/9 of the fewest packs and one)
// inside each window of `window` lengths (0: one window); where packs in the given order are fewer, those. Equal input
// gives equal packs. Error on a length above the capacity.
Packing pack(std::span<const std::int64_t> lengths, std::int64_t capacity, std::int64_t window = 0);

// Each length joins the pack before it while it has room: what packing is measured against.
Packing pack_in_order(std::span<const std::int64_t> lengths, std::int64_t capacity);

}  // namespace saucier::data
