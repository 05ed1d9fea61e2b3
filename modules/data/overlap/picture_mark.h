// What a picture is recognised by: exactly, and after it was stored anew, resized or made brighter.
//
// exact: SHA-256 of size and pixels. shape: a difference hash of 256 bits (Krawetz 2013, "Kind of like that", 16 x 16 in the
// place of 8 x 8): the picture at 17 x 16 in grey, a bit for each place that is darker than its right neighbour. A step
// below an eighth of the picture's contrast is no bit, so noise in flat areas changes nothing and brightness little.
//
// Two pictures are near when at most kMostApart bits differ, and at most a fifth of the bits that are set in both together.
// Shapes with fewer than kLeastSteps bits (plain areas, almost empty pages) say too little: such pictures are only ever the
// same exactly. docs/overlap.md has what was measured.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "modules/image/picture.h"

namespace saucier::data {

using Digest128 = std::array<std::uint64_t, 2>;
using Shape = std::array<std::uint64_t, 4>;  // bit 16 * column + row

struct PictureMark {
  Digest128 exact = {};
  Shape shape = {};
  bool operator==(const PictureMark&) const = default;
};

inline constexpr int kMostApart = 31;
inline constexpr int kLeastSteps = 24;

PictureMark mark_of(const image::Picture& picture);
Digest128 digest128(std::string_view text);  // the first half of its SHA-256
bool near(const Shape& a, const Shape& b);

struct DigestHash {
  size_t operator()(const Digest128& digest) const { return digest[0]; }
};

// Finds all near shapes, exactly: of 16 bands of 16 bits two shapes with at most 31 bits apart have one that differs in at
// most one bit (Norouzi, Punjani, Fleet 2012). A band is a column of the picture, since plain skies and margins are rows.
class NearShapes {
 public:
  NearShapes() = default;
  explicit NearShapes(std::vector<Shape> shapes);
  std::vector<std::uint32_t> find(const Shape& shape) const;  // their numbers, ascending

 private:
  struct Band {
    std::vector<std::uint32_t> begin, numbers;  // of every value where its shapes begin
  };
  std::vector<Shape> shapes_;
  std::array<Band, 16> bands_;
};

}  // namespace saucier::data
