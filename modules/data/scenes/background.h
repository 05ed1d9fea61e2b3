// Backgrounds: plain, a gradient, or a light texture, in colours that have a name.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "modules/base/rng.h"
#include "modules/data/scenes/scene.h"

namespace saucier::data {

using Colour = std::array<int, 3>;  // red, green, blue, 0 to 255

// The name of a colour that nobody would argue about; nothing for the shades between two names.
std::optional<std::string> colour_name(const Colour& colour);
const std::vector<std::string>& colour_names();

// All that a background is, drawn from its style and seed.
struct BackgroundLook {
  Colour colour{};            // its main one
  Colour second{};            // other end of a gradient, other shade of stripes and checks
  std::string second_name;    // of a gradient
  enum class Texture { kNone, kNoise, kStripes, kChecks } texture = Texture::kNone;
  int dx = 1, dy = 0;         // direction of a gradient or across stripes
  int size = 8;               // of a stripe or check, in 1/80 of the side
  int strength = 0;           // of noise, at most
};

// `choice`: mixed, plain, gradient or texture.
Background draw_background(Rng& rng, const std::string& choice);
BackgroundLook look_of(const Background& background);
// Square, `side` pixels.
Picture paint_background(const Background& background, int side);

// For captions: "blue background", "striped blue background", "background from blue to green".
std::string background_phrase(const Background& background);

}  // namespace saucier::data
