#include "modules/data/scenes/glyphs.h"

#include <algorithm>
#include <array>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "modules/base/error.h"
#include "modules/base/scene_files.h"

namespace saucier::data {

namespace {

struct Library {
  FT_Library handle = nullptr;
  Library() {
    if (FT_Init_FreeType(&handle) != 0) throw Error("FreeType cannot be started");
  }
  ~Library() { FT_Done_FreeType(handle); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

struct Face {
  FT_Face handle = nullptr;
  Face(const Library& library, const std::filesystem::path& font) {
    if (FT_New_Face(library.handle, font.c_str(), 0, &handle) != 0)
      throw Error(fmt::format("cannot open the font '{}'", font.string()), fmt::format("install {}", kEmojiFont.package));
  }
  ~Face() { FT_Done_Face(handle); }
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;
};

Glyph cropped_square(const FT_Bitmap& bitmap) {
  const int width = static_cast<int>(bitmap.width), height = static_cast<int>(bitmap.rows);
  const auto at = [&](int x, int y) { return bitmap.buffer + y * bitmap.pitch + x * 4; };  // blue, green, red, alpha
  int left = width, top = height, right = 0, bottom = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      if (at(x, y)[3] != 0) {
        left = std::min(left, x), right = std::max(right, x + 1);
        top = std::min(top, y), bottom = std::max(bottom, y + 1);
      }
  if (right <= left) return {};
  Glyph glyph{.side = std::max(right - left, bottom - top), .rgba = {}};
  glyph.rgba.resize(static_cast<size_t>(glyph.side) * glyph.side * 4);
  const int dx = (glyph.side - (right - left)) / 2, dy = (glyph.side - (bottom - top)) / 2;
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      const std::uint8_t* from = at(x, y);
      std::uint8_t* to = &glyph.rgba[(static_cast<size_t>(y - top + dy) * glyph.side + (x - left + dx)) * 4];
      to[0] = from[2], to[1] = from[1], to[2] = from[0], to[3] = from[3];
    }
  return glyph;
}

}  // namespace

std::vector<Glyph> load_glyphs(const std::filesystem::path& font, const std::vector<Kind>& kinds) {
  const Library library;
  const Face face(library, font);
  // A bitmap colour font has fixed sizes; ours has one.
  if (FT_Select_Size(face.handle, 0) != 0)
    throw Error(fmt::format("the font '{}' has no bitmaps", font.string()), fmt::format("install {}", kEmojiFont.package));
  std::vector<Glyph> glyphs;
  for (const Kind& kind : kinds) {
    const FT_UInt index = FT_Get_Char_Index(face.handle, static_cast<FT_ULong>(kind.code_point));
    Glyph glyph;
    if (index != 0 && FT_Load_Glyph(face.handle, index, FT_LOAD_COLOR) == 0 &&
        face.handle->glyph->bitmap.pixel_mode == FT_PIXEL_MODE_BGRA)
      glyph = cropped_square(face.handle->glyph->bitmap);
    if (glyph.side == 0)
      throw Error(fmt::format("the font '{}' has no colour glyph of '{}'", font.string(), kind.name),
                  fmt::format("leave '{}' out of the objects", kind.name));
    glyphs.push_back(std::move(glyph));
  }
  return glyphs;
}

Glyph scaled(const Glyph& glyph, int side) {
  const std::int64_t m = glyph.side, s = side;
  // In units of 1/s of a source pixel, target i covers [i*m, (i+1)*m) and source j covers [j*s, (j+1)*s).
  struct Part {
    int first = 0;
    std::vector<std::int64_t> weights;
  };
  std::vector<Part> parts(static_cast<size_t>(side));
  for (std::int64_t i = 0; i < s; ++i) {
    Part& part = parts[static_cast<size_t>(i)];
    part.first = static_cast<int>(i * m / s);
    for (std::int64_t j = part.first; j * s < (i + 1) * m; ++j)
      part.weights.push_back(std::min((i + 1) * m, (j + 1) * s) - std::max(i * m, j * s));
  }
  Glyph out{.side = side, .rgba = std::vector<std::uint8_t>(static_cast<size_t>(side) * side * 4)};
  const std::int64_t total = m * m;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const Part &rows = parts[static_cast<size_t>(y)], &columns = parts[static_cast<size_t>(x)];
      std::array<std::int64_t, 4> sum{};
      for (size_t j = 0; j < rows.weights.size(); ++j)
        for (size_t i = 0; i < columns.weights.size(); ++i) {
          const std::uint8_t* from =
              &glyph.rgba[(static_cast<size_t>(rows.first + static_cast<int>(j)) * glyph.side + columns.first + i) * 4];
          const std::int64_t weight = rows.weights[j] * columns.weights[i];
          for (size_t c = 0; c < 4; ++c) sum[c] += weight * from[c];
        }
      for (size_t c = 0; c < 4; ++c)
        out.rgba[(static_cast<size_t>(y) * side + x) * 4 + c] = static_cast<std::uint8_t>((2 * sum[c] + total) / (2 * total));
    }
  return out;
}

GlyphCache::GlyphCache(std::vector<Glyph> originals, int smallest, int largest)
    : originals_(std::move(originals)), smallest_(smallest), largest_(largest),
      slots_(originals_.size() * static_cast<size_t>(largest - smallest + 1)) {}

GlyphCache::~GlyphCache() {
  for (auto& slot : slots_) std::unique_ptr<const Glyph>(slot.load()).reset();
}

std::shared_ptr<const Glyph> GlyphCache::get(int kind, int side) const {
  SAUCIER_CHECK(kind >= 0 && kind < static_cast<int>(originals_.size()) && side >= smallest_ && side <= largest_,
                "kind {} at side {}", kind, side);
  auto& slot = slots_[static_cast<size_t>(kind) * static_cast<size_t>(largest_ - smallest_ + 1) + static_cast<size_t>(side - smallest_)];
  const auto borrowed = [](const Glyph* glyph) { return std::shared_ptr<const Glyph>(std::shared_ptr<void>(), glyph); };
  if (const Glyph* ready = slot.load(std::memory_order_acquire)) return borrowed(ready);
  auto made = std::make_unique<const Glyph>(scaled(originals_[static_cast<size_t>(kind)], side));
  const auto size = static_cast<std::int64_t>(made->rgba.size());
  if (bytes_.fetch_add(size, std::memory_order_relaxed) + size > kBudget) {
    bytes_.fetch_sub(size, std::memory_order_relaxed);
    return made;
  }
  const Glyph* expected = nullptr;
  if (slot.compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel)) return borrowed(made.release());
  bytes_.fetch_sub(size, std::memory_order_relaxed);  // another thread was first
  return borrowed(expected);
}

void draw(Picture& picture, const Glyph& glyph, int x, int y) {
  for (int row = 0; row < glyph.side; ++row) {
    std::uint8_t* to = &picture.pixels[(static_cast<size_t>(y + row) * picture.width + x) * 3];
    const std::uint8_t* from = &glyph.rgba[static_cast<size_t>(row) * glyph.side * 4];
    for (int i = 0; i < glyph.side; ++i, to += 3, from += 4) {
      const int under = 255 - from[3];
      for (int c = 0; c < 3; ++c) to[c] = static_cast<std::uint8_t>((to[c] * under + 127) / 255 + from[c]);
    }
  }
}

}  // namespace saucier::data
