#include <algorithm>

#include "modules/base/error.h"
#include "modules/image/picture.h"

namespace saucier::image {
namespace {

void copy(const Picture& from, const Part& part, Picture& to, int left, int top) {
  const auto at = [](const Picture& picture, int x, int y) {
    return (static_cast<std::ptrdiff_t>(y) * picture.width + x) * 3;
  };
  for (int y = 0; y < part.height; ++y) {
    const auto begin = from.pixels.begin() + at(from, part.left, part.top + y);
    std::copy(begin, begin + std::ptrdiff_t{3} * part.width, to.pixels.begin() + at(to, left, top + y));
  }
}

}  // namespace

Picture of_one_colour(int width, int height, const std::array<std::uint8_t, 3>& colour) {
  Picture out{.width = width, .height = height, .pixels = {}};
  out.pixels.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  if (colour == std::array<std::uint8_t, 3>{}) return out;
  const std::ptrdiff_t row = std::ptrdiff_t{3} * width;
  for (std::ptrdiff_t i = 0; i < row; ++i) out.pixels[static_cast<size_t>(i)] = colour[static_cast<size_t>(i % 3)];
  for (int y = 1; y < height; ++y) std::copy_n(out.pixels.begin(), row, out.pixels.begin() + y * row);
  return out;
}

void paste(const Picture& picture, Picture& onto, int left, int top) {
  SAUCIER_CHECK(left >= 0 && top >= 0 && left + picture.width <= onto.width && top + picture.height <= onto.height,
                "{} x {} at {}, {} of {} x {}", picture.width, picture.height, left, top, onto.width, onto.height);
  copy(picture, {.left = 0, .top = 0, .width = picture.width, .height = picture.height}, onto, left, top);
}

Picture crop(const Picture& picture, const Part& part) {
  SAUCIER_CHECK(part.left >= 0 && part.top >= 0 && part.left + part.width <= picture.width && part.top + part.height <= picture.height,
                "{} x {} at {}, {} of {} x {}", part.width, part.height, part.left, part.top, picture.width, picture.height);
  Picture out = of_one_colour(part.width, part.height, {});
  copy(picture, part, out, 0, 0);
  return out;
}

// transformers' center_crop: of an odd number of pixels too many one more goes below and right, of an odd number too few
// one more is black above and left.
Part middle(int width, int height, int to_width, int to_height) {
  return {.left = std::max(0, (width - to_width) / 2),
          .top = std::max(0, (height - to_height) / 2),
          .width = std::min(width, to_width),
          .height = std::min(height, to_height)};
}

Picture center_crop(const Picture& picture, int width, int height) {
  if (picture.width == width && picture.height == height) return picture;
  Picture out = of_one_colour(width, height, {});
  const Part part = middle(picture.width, picture.height, width, height);
  copy(picture, part, out, (width - part.width + 1) / 2, (height - part.height + 1) / 2);
  return out;
}

Picture pad_to_square(const Picture& picture, const std::array<std::uint8_t, 3>& colour) {
  if (picture.width == picture.height) return picture;
  const int side = std::max(picture.width, picture.height);
  if (static_cast<std::uint64_t>(side) * static_cast<std::uint64_t>(side) > kMaxPixels)
    throw Error(fmt::format("a picture of {} x {} pixels is too long to be padded to a square", picture.width, picture.height));
  Picture out = of_one_colour(side, side, colour);
  paste(picture, out, (side - picture.width) / 2, (side - picture.height) / 2);
  return out;
}

}  // namespace saucier::image
