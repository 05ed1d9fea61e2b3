#include "modules/image/anyres.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "modules/base/error.h"

namespace saucier::image {
namespace {

// The size of the picture within `into`, its shape kept (get_patch_output_size).
Size fitted(Size picture, Size into) {
  const double across = static_cast<double>(into.width) / picture.width, down = static_cast<double>(into.height) / picture.height;
  if (across < down) return {std::min(static_cast<int>(std::ceil(picture.height * across)), into.height), into.width};
  return {into.height, std::min(static_cast<int>(std::ceil(picture.width * down)), into.width)};
}

// Python's int(round(x, 7)): down to a whole number, but for what lies within half of the seventh digit below one.
int cut(double x) {
  const double next = std::floor(x) + 1;
  return static_cast<int>(next - x < 0.5e-7 ? next : next - 1);
}

int ceil_div(int a, int b) { return (a + b - 1) / b; }

void check(Size picture, std::span<const Size> pinpoints) {
  SAUCIER_CHECK(picture.height > 0 && picture.width > 0 && !pinpoints.empty(), "{} x {} with {} resolutions", picture.width,
                picture.height, pinpoints.size());
}

}  // namespace

Size best_resolution(Size picture, std::span<const Size> pinpoints) {
  check(picture, pinpoints);
  Size best;
  std::int64_t most = -1, least_wasted = std::numeric_limits<std::int64_t>::max();
  const std::int64_t own = std::int64_t{picture.width} * picture.height;
  for (const Size& size : pinpoints) {
    const double scale = std::min(static_cast<double>(size.width) / picture.width, static_cast<double>(size.height) / picture.height);
    const auto width = static_cast<std::int64_t>(picture.width * scale), height = static_cast<std::int64_t>(picture.height * scale);
    const std::int64_t kept = std::min(width * height, own);
    const std::int64_t wasted = std::int64_t{size.width} * size.height - kept;
    if (kept > most || (kept == most && wasted < least_wasted)) {
      most = kept;
      least_wasted = wasted;
      best = size;
    }
  }
  return best;
}

std::vector<Picture> tiles(const Picture& picture, const Processor& processor) {
  const Size size{picture.height, picture.width};
  const Size best = best_resolution(size, processor.image_grid_pinpoints);
  const int base = processor.shortest_edge.value_or(std::min(processor.size.height, processor.size.width));
  const int side = processor.height();
  std::vector<Picture> out{resize(picture, base, base, processor.resample)};
  const Size within = fitted(size, best);
  Picture whole = of_one_colour(best.width, best.height, {});
  paste(resize(picture, within.width, within.height, processor.resample), whole, (best.width - within.width) / 2, (best.height - within.height) / 2);
  for (int y = 0; y < best.height; y += side)
    for (int x = 0; x < best.width; x += side)
      out.push_back(crop(whole, {.left = x, .top = y, .width = std::min(side, best.width - x), .height = std::min(side, best.height - y)}));
  return out;
}

Size tile_grid(Size picture, std::span<const Size> pinpoints, int side) {
  const Size best = best_resolution(picture, pinpoints);
  return {best.height / side, best.width / side};
}

int tile_count(Size picture, std::span<const Size> pinpoints, int side) {
  const Size best = best_resolution(picture, pinpoints);
  return ceil_div(best.height, side) * ceil_div(best.width, side) + 1;
}

Window unpad(Size picture, Size patches) {
  Window out{.top = 0, .left = 0, .height = patches.height, .width = patches.width};
  const double own = static_cast<double>(picture.width) / picture.height, grid = static_cast<double>(patches.width) / patches.height;
  if (own > grid) {
    const double scale = static_cast<double>(patches.width) / picture.width;
    out.top = (patches.height - cut(picture.height * scale)) / 2;
    out.height -= 2 * out.top;
  } else {
    const double scale = static_cast<double>(patches.height) / picture.height;
    out.left = (patches.width - cut(picture.width * scale)) / 2;
    out.width -= 2 * out.left;
  }
  return out;
}

AnyresTokens anyres_tokens(Size picture, std::span<const Size> pinpoints, int side, int side_patches) {
  AnyresTokens out;
  out.grid = tile_grid(picture, pinpoints, side);
  out.window = unpad(picture, {out.grid.height * side_patches, out.grid.width * side_patches});
  out.count = side_patches * side_patches + out.window.height * (out.window.width + 1);
  return out;
}

}  // namespace saucier::image
