#include "modules/data/scenes/background.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "modules/base/error.h"

namespace saucier::data {

namespace {

Colour draw_colour(Rng& rng) {
  for (;;) {
    const Colour colour = {static_cast<int>(rng.integer(0, 255)), static_cast<int>(rng.integer(0, 255)), static_cast<int>(rng.integer(0, 255))};
    if (colour_name(colour)) return colour;  // about every second one has a name
  }
}

std::uint8_t byte(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

// Whole square root, rounded down.
int root(int value) {
  int r = static_cast<int>(std::sqrt(static_cast<double>(value)));
  while (r * r > value) --r;
  while ((r + 1) * (r + 1) <= value) ++r;
  return r;
}

void paint_gradient(Picture& picture, const BackgroundLook& look) {
  // t runs from 0 to 1 between the two corners that are farthest apart along (dx, dy).
  const int side = picture.width, span = (std::abs(look.dx) + std::abs(look.dy)) * std::max(side - 1, 1);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const int t = look.dx * (2 * x - side + 1) + look.dy * (2 * y - side + 1) + span;  // 0 to 2 * span
      for (int c = 0; c < 3; ++c)
        picture.pixels[(static_cast<size_t>(y) * side + x) * 3 + c] =
            byte(look.colour[c] + (look.second[c] - look.colour[c]) * t / (2 * span));
    }
}

void paint_noise(Picture& picture, const BackgroundLook& look, std::uint64_t seed) {
  Rng rng(seed, "scene.noise");
  std::uint64_t bits = 0;
  for (size_t i = 0; i < picture.pixels.size() / 3; ++i) {
    if (i % 8 == 0) bits = rng.next64();
    const int offset = static_cast<int>((bits & 255) * static_cast<std::uint64_t>(2 * look.strength + 1) >> 8) - look.strength;
    bits >>= 8;
    for (size_t c = 0; c < 3; ++c) picture.pixels[i * 3 + c] = byte(look.colour[c] + offset);
  }
}

void paint_pattern(Picture& picture, const BackgroundLook& look) {
  const int side = picture.width, width = std::max(2, look.size * side / 80);
  const int length = std::max(1, root(look.dx * look.dx + look.dy * look.dy));
  const bool stripes = look.texture == BackgroundLook::Texture::kStripes;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      // dx and dy are at most 127: the offset keeps the dividend positive.
      const int band = stripes ? (look.dx * x + look.dy * y + 256 * side) / (width * length) : x / width + y / width;
      const Colour& colour = band % 2 == 0 ? look.colour : look.second;
      for (int c = 0; c < 3; ++c) picture.pixels[(static_cast<size_t>(y) * side + x) * 3 + c] = byte(colour[c]);
    }
}

}  // namespace

const std::vector<std::string>& colour_names() {
  static const std::vector<std::string> kNames = {"black", "white", "gray", "red", "brown", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink"};
  return kNames;
}

std::optional<std::string> colour_name(const Colour& colour) {
  const auto [r, g, b] = colour;
  const int high = std::max({r, g, b}), low = std::min({r, g, b}), chroma = high - low;
  if (high < 45) return "black";
  if (high < 70) return std::nullopt;
  const int saturation = chroma * 255 / high;
  if (saturation < 26) return high > 228 ? std::optional("white") : high > 85 && high < 190 ? std::optional("gray") : std::nullopt;
  if (saturation < 64) return std::nullopt;
  int hue = high == r   ? 60 * (g - b) / chroma
            : high == g ? 120 + 60 * (b - r) / chroma
                        : 240 + 60 * (r - g) / chroma;
  if (hue < 0) hue += 360;
  const auto between = [&](int from, int to) { return hue >= from && hue <= to; };
  if ((hue <= 12 || hue >= 350) && saturation > 150 && high > 130) return "red";
  if ((hue <= 10 || hue >= 335) && saturation < 120 && high > 215) return "pink";
  if (between(24, 40) && saturation > 160 && high > 200) return "orange";
  if (between(18, 42) && saturation > 90 && high < 150) return "brown";
  if (between(50, 64) && saturation > 100 && high > 190) return "yellow";
  if (between(84, 152)) return "green";
  if (between(168, 190) && high > 110) return "turquoise";
  if (between(210, 246)) return "blue";
  if (between(264, 290)) return "purple";
  if (between(306, 334) && high > 170) return "pink";
  return std::nullopt;
}

Background draw_background(Rng& rng, const std::string& choice) {
  // Three of five are textured when mixed: plain ones teach a reader nothing about clutter.
  const std::int64_t drawn = rng.integer(0, 4);
  Background background;
  background.style = choice == "plain" ? 0 : choice == "gradient" ? 1 : choice == "texture" ? 2 : static_cast<int>(std::min<std::int64_t>(drawn, 2));
  background.detail = rng.next64();
  background.colour = *colour_name(look_of(background).colour);
  return background;
}

BackgroundLook look_of(const Background& background) {
  Rng rng(background.detail, "scene.background");
  BackgroundLook look;
  look.colour = draw_colour(rng);
  do {
    look.dx = static_cast<int>(rng.integer(-127, 127));
    look.dy = static_cast<int>(rng.integer(-127, 127));
  } while (std::abs(look.dx) + std::abs(look.dy) < 64);
  if (background.style == 1) {
    const auto name = colour_name(look.colour);
    do look.second = draw_colour(rng);
    while (colour_name(look.second) == name);
    look.second_name = *colour_name(look.second);
  } else if (background.style == 2) {
    using enum BackgroundLook::Texture;
    look.texture = std::array{kNoise, kStripes, kChecks}[static_cast<size_t>(rng.integer(0, 2))];
    look.strength = static_cast<int>(rng.integer(5, 16));
    const int contrast = static_cast<int>(rng.integer(10, 25)) * (rng.chance(0.5) ? 1 : -1);
    for (size_t c = 0; c < 3; ++c) look.second[c] = std::clamp(look.colour[c] + contrast, 0, 255);
    look.size = static_cast<int>(rng.integer(4, 12));
  }
  return look;
}

Picture paint_background(const Background& background, int side) {
  const BackgroundLook look = look_of(background);
  Picture picture{.width = side, .height = side, .pixels = {}};
  picture.pixels.resize(static_cast<size_t>(side) * side * 3);
  if (background.style == 1) {
    paint_gradient(picture, look);
  } else if (look.texture == BackgroundLook::Texture::kNoise) {
    paint_noise(picture, look, background.detail);
  } else if (background.style == 2) {
    paint_pattern(picture, look);
  } else {
    for (size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = byte(look.colour[i % 3]);
  }
  return picture;
}

std::string background_phrase(const Background& background) {
  const BackgroundLook look = look_of(background);
  if (background.style == 1) return "background from " + background.colour + " to " + look.second_name;
  if (look.texture == BackgroundLook::Texture::kStripes) return "striped " + background.colour + " background";
  if (look.texture == BackgroundLook::Texture::kChecks) return "checked " + background.colour + " background";
  return background.colour + " background";
}

}  // namespace saucier::data
