// Colour glyphs at any size, from a bitmap font.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/scenes/scene.h"

namespace saucier::data {

// A square RGBA image, colours multiplied with alpha already.
struct Glyph {
  int side = 0;
  std::vector<std::uint8_t> rgba;  // (y * side + x) * 4 + channel
};

// The average over the source area that each target pixel covers, in whole numbers (rounded half up), so that the
// result is the same on every machine.
Glyph scaled(const Glyph& glyph, int side);

// The glyph of every kind, cropped to its inked area and centred on a square. Throws Error when the font is missing or
// has no glyph of a kind.
std::vector<Glyph> load_glyphs(const std::filesystem::path& font, const std::vector<Kind>& kinds);

// Scaled glyphs, made when first asked for. Thread-safe without locks; holds at most about kBudget bytes, and makes what
// goes beyond that anew each time.
class GlyphCache {
 public:
  static constexpr std::int64_t kBudget = 256 << 20;
  // Sizes below `smallest` or above `largest` must not be asked for.
  GlyphCache(std::vector<Glyph> originals, int smallest, int largest);
  ~GlyphCache();
  GlyphCache(const GlyphCache&) = delete;
  GlyphCache& operator=(const GlyphCache&) = delete;

  std::shared_ptr<const Glyph> get(int kind, int side) const;
  const std::vector<Glyph>& originals() const { return originals_; }

 private:
  std::vector<Glyph> originals_;
  int smallest_, largest_;
  mutable std::atomic<std::int64_t> bytes_{0};
  mutable std::vector<std::atomic<const Glyph*>> slots_;  // kind * sizes + side - smallest; owned
};

// Draws `glyph` over the picture with its top left corner at (x, y); must lie inside.
void draw(Picture& picture, const Glyph& glyph, int x, int y);

}  // namespace saucier::data
