#include <algorithm>

#include "modules/base/error.h"
#include "modules/image/picture.h"

namespace saucier::image {
namespace {

// Copies a rectangle of `width` x `height` pixels.
void copy(const Picture& from, int from_x, int from_y, Picture& to, int to_x, int to_y, int width, int height) {
  const auto at = [](const Picture& picture, int x, int y) {
    return (static_cast<std::ptrdiff_t>(y) * picture.width + x) * 3;
  };
  for (int y = 0; y < height; ++y) {
    const auto begin = from.pixels.begin() + at(from, from_x, from_y + y);
    std::copy(begin, begin + std::ptrdiff_t{3} * width, to.pixels.begin() + at(to, to_x, to_y + y));
  }
}

Picture square_of(int side) {
  return {.width = side, .height = side, .pixels = std::vector<std::uint8_t>(static_cast<size_t>(side) * static_cast<size_t>(side) * 3)};
}

}  // namespace

Picture cut_to_square(const Picture& picture, int side) {
  const int shorter = std::min(picture.width, picture.height);
  SAUCIER_CHECK(side > 0 && shorter > 0, "{} x {} cut to a square of {}", picture.width, picture.height, side);
  const auto scaled = [&](int length) {  // as transformers rounds it: down
    return static_cast<int>(static_cast<std::int64_t>(side) * length / shorter);
  };
  const Picture whole = resize(picture, scaled(picture.width), scaled(picture.height));
  if (whole.width == whole.height) return whole;
  Picture out = square_of(side);
  copy(whole, (whole.width - side) / 2, (whole.height - side) / 2, out, 0, 0, side, side);
  return out;
}

Picture pad_to_square(const Picture& picture, int side, const std::array<std::uint8_t, 3>& colour) {
  if (picture.width == picture.height) return resize(picture, side, side);
  Picture padded = square_of(std::max(picture.width, picture.height));
  for (size_t i = 0; i < padded.pixels.size(); ++i) padded.pixels[i] = colour[i % 3];
  copy(picture, 0, 0, padded, (padded.width - picture.width) / 2, (padded.height - picture.height) / 2, picture.width, picture.height);
  return resize(padded, side, side);
}

}  // namespace saucier::image
