#include "modules/image/processor.h"

#include <algorithm>
#include <cmath>

#include "modules/base/error.h"

namespace saucier::image {
namespace {

constexpr double kMaxSide = 1 << 28;  // of a picture as resized, before it is cut

// The side that resizing leaves to every picture alike, if there is one.
std::optional<Size> fixed_size(const Processor& processor) {
  if (processor.do_center_crop) return processor.crop_size;
  if (!processor.do_resize) return {};
  if (!processor.shortest_edge) return processor.size;
  if (processor.do_pad) return Size{*processor.shortest_edge, *processor.shortest_edge};
  return {};
}

// The number of each of 256 levels: the same operations in the same order and precision as transformers' rescale
// (double, then rounded to float) and normalize (float).
std::array<std::array<float, 256>, 3> levels(const Processor& processor) {
  std::array<std::array<float, 256>, 3> out{};
  for (size_t channel = 0; channel < 3; ++channel)
    for (size_t value = 0; value < 256; ++value) {
      float& level = out[channel][value];
      level = static_cast<float>(processor.do_rescale ? static_cast<double>(value) * processor.rescale_factor : static_cast<double>(value));
      if (processor.do_normalize)
        level = (level - static_cast<float>(processor.image_mean[channel])) / static_cast<float>(processor.image_std[channel]);
    }
  return out;
}

// Where a picture is cut right after, only that part of it is made: the longer side may be very long.
Picture resized(const Picture& picture, const Processor& processor) {
  Size to = processor.size;
  if (processor.shortest_edge) {
    const double edge = *processor.shortest_edge, shorter = std::min(picture.width, picture.height);
    const double longer = std::floor(edge * std::max(picture.width, picture.height) / shorter);
    if (longer > kMaxSide) throw Error(fmt::format("a picture of {} x {} pixels is too long to be resized", picture.width, picture.height));
    const int side = *processor.shortest_edge, other = static_cast<int>(longer);
    to = picture.width <= picture.height ? Size{other, side} : Size{side, other};
  }
  Part part{.left = 0, .top = 0, .width = to.width, .height = to.height};
  if (processor.do_center_crop) part = middle(to.width, to.height, processor.crop_size.width, processor.crop_size.height);
  return resize(picture, to.width, to.height, processor.resample, part);
}

}  // namespace

Processor Processor::clip(int side) {
  Processor out;
  out.shortest_edge = side;
  out.crop_size = {side, side};
  return out;
}

int Processor::height() const { return fixed_size(*this).value_or(Size{}).height; }
int Processor::width() const { return fixed_size(*this).value_or(Size{}).width; }

std::array<std::uint8_t, 3> Processor::mean_colour() const {
  std::array<std::uint8_t, 3> out{};
  for (size_t channel = 0; channel < 3; ++channel) out[channel] = static_cast<std::uint8_t>(image_mean[channel] * 255);
  return out;
}

void pixel_values(const Picture& picture, const Processor& processor, std::string_view aspect, std::span<float> out) {
  SAUCIER_CHECK(aspect == "square" || aspect == "pad", "image aspect '{}'", aspect);
  const size_t plane = static_cast<size_t>(processor.height()) * static_cast<size_t>(processor.width());
  SAUCIER_CHECK(out.size() == 3 * plane && plane > 0, "{} numbers for {} x {} pixels", out.size(), processor.width(), processor.height());
  // Each step makes a picture or leaves it: a picture that fits is not copied.
  const Picture* from = &picture;
  Picture made;
  const auto step = [&](bool wanted, auto&& next) {
    if (!wanted) return;
    made = next(*from);
    from = &made;
  };
  step((processor.do_pad || aspect == "pad") && picture.width != picture.height,
       [&](const Picture& given) { return pad_to_square(given, processor.mean_colour()); });
  const bool fits = from->width == processor.width() && from->height == processor.height();
  const bool same = fits && (!processor.shortest_edge || std::min(from->width, from->height) == *processor.shortest_edge);
  step(processor.do_resize && !same, [&](const Picture& given) { return resized(given, processor); });
  step(processor.do_center_crop && (from->width != processor.width() || from->height != processor.height()),
       [&](const Picture& given) { return center_crop(given, processor.crop_size.width, processor.crop_size.height); });
  if (from->width != processor.width() || from->height != processor.height())
    throw Error(fmt::format("a picture of {} x {} does not fit the {} x {} of the processor, which resizes none", from->width, from->height, processor.width(), processor.height()));

  const auto table = levels(processor);
  const std::uint8_t* bytes = from->pixels.data();
  float* const red = out.data();
  float* const green = red + plane;
  float* const blue = green + plane;
  for (size_t i = 0; i < plane; ++i, bytes += 3) {
    red[i] = table[0][bytes[0]];
    green[i] = table[1][bytes[1]];
    blue[i] = table[2][bytes[2]];
  }
}

}  // namespace saucier::image
