// What the tests of modules/image share: the fixtures of tests/parity/pictures.py.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

#include "modules/base/file.h"
#include "modules/image/picture.h"

namespace saucier::image {

inline const fs::path kData = fs::path(SAUCIER_SOURCE_DIR) / "tests/data/image";

inline void check_equal(const Picture& got, const Picture& expected) {
  REQUIRE(got.width == expected.width);
  REQUIRE(got.height == expected.height);
  REQUIRE(got.pixels.size() == expected.pixels.size());
  for (size_t i = 0; i < got.pixels.size(); ++i) {
    INFO("x " << i / 3 % static_cast<size_t>(got.width) << " y " << i / 3 / static_cast<size_t>(got.width)
              << " channel " << i % 3);
    if (got.pixels[i] != expected.pixels[i]) REQUIRE(int{got.pixels[i]} == int{expected.pixels[i]});
  }
}

// One of each kind: the files beside which lies what Pillow makes of them.
inline std::vector<fs::path> kinds() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(kData)) {
    const std::string name = entry.path().string();
    if (fs::exists(name + ".rgb.png")) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace saucier::image
