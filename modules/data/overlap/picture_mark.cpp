#include "modules/data/overlap/picture_mark.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "modules/base/digest.h"
#include "modules/base/error.h"

namespace saucier::data {
namespace {

constexpr int kSide = 16;
constexpr double kPartOfContrast = 0.12, kLeastStep = 1.5;  // of the 255 greys

int steps_of(const Shape& shape) {
  int steps = 0;
  for (const std::uint64_t word : shape) steps += std::popcount(word);
  return steps;
}

std::uint16_t band_of(const Shape& shape, size_t band) { return static_cast<std::uint16_t>(shape[band / 4] >> (16 * (band % 4))); }

Shape shape_of(const image::Picture& picture) {
  const image::Picture small = image::resize(picture, kSide + 1, kSide, image::Filter::box);
  std::array<double, (kSide + 1) * kSide> grey{};
  double sum = 0, squares = 0;
  for (size_t i = 0; i < grey.size(); ++i) {
    const std::uint8_t* pixel = &small.pixels[3 * i];
    grey[i] = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    sum += grey[i];
    squares += grey[i] * grey[i];
  }
  const double mean = sum / static_cast<double>(grey.size());
  const double contrast = std::sqrt(std::max(0.0, squares / static_cast<double>(grey.size()) - mean * mean));
  const double step = std::max(kLeastStep, kPartOfContrast * contrast);
  Shape shape = {};
  for (size_t y = 0; y < kSide; ++y)
    for (size_t x = 0; x < kSide; ++x)
      if (grey[y * (kSide + 1) + x + 1] - grey[y * (kSide + 1) + x] > step) shape[x / 4] |= std::uint64_t{1} << (16 * (x % 4) + y);
  return shape;
}

Digest128 first_half(const std::string& hex) {
  Digest128 digest = {};
  for (size_t i = 0; i < 2; ++i) std::from_chars(hex.data() + 16 * i, hex.data() + 16 * (i + 1), digest[i], 16);
  return digest;
}

}  // namespace

Digest128 digest128(std::string_view text) { return first_half(sha256(text)); }

PictureMark mark_of(const image::Picture& picture) {
  Sha256 digest;
  digest.update(fmt::format("{} {}\n", picture.width, picture.height));
  digest.update(std::as_bytes(std::span(picture.pixels)));
  return {.exact = first_half(digest.hex()), .shape = shape_of(picture)};
}

bool near(const Shape& a, const Shape& b) {
  int apart = 0;
  for (size_t i = 0; i < a.size(); ++i) apart += std::popcount(a[i] ^ b[i]);
  if (apart > kMostApart) return false;
  const int steps_a = steps_of(a), steps_b = steps_of(b);
  return std::min(steps_a, steps_b) >= kLeastSteps && 5 * apart <= steps_a + steps_b;
}

NearShapes::NearShapes(std::vector<Shape> shapes) : shapes_(std::move(shapes)) {
  for (size_t b = 0; b < bands_.size(); ++b) {
    Band& band = bands_[b];
    band.begin.assign((1 << 16) + 1, 0);
    for (const Shape& shape : shapes_) ++band.begin[band_of(shape, b) + 1];
    for (size_t value = 1; value < band.begin.size(); ++value) band.begin[value] += band.begin[value - 1];
    std::vector<std::uint32_t> next(band.begin.begin(), band.begin.end() - 1);
    band.numbers.resize(shapes_.size());
    for (size_t i = 0; i < shapes_.size(); ++i) band.numbers[next[band_of(shapes_[i], b)]++] = static_cast<std::uint32_t>(i);
  }
}

std::vector<std::uint32_t> NearShapes::find(const Shape& shape) const {
  std::vector<std::uint32_t> found;
  if (shapes_.empty() || steps_of(shape) < kLeastSteps) return found;
  for (size_t b = 0; b < bands_.size(); ++b) {
    const Band& band = bands_[b];
    const auto look_at = [&](std::uint16_t value) {
      for (std::uint32_t i = band.begin[value]; i < band.begin[value + size_t{1}]; ++i)
        if (near(shape, shapes_[band.numbers[i]])) found.push_back(band.numbers[i]);
    };
    const std::uint16_t own = band_of(shape, b);
    look_at(own);
    for (int bit = 0; bit < 16; ++bit) look_at(static_cast<std::uint16_t>(own ^ (1 << bit)));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace saucier::data
