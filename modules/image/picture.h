// Pictures as bytes.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::image {

// RGB, 8 bits, rows top to bottom: pixels[(y * width + x) * 3 + channel].
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

// Any PNG, as Pillow's convert("RGB"): alpha dropped, 16 bits cut to the high 8. Throws Error naming the file.
Picture read_png(const std::filesystem::path& file);
void write_png(const std::filesystem::path& file, const Picture& picture);    // atomic
std::string png_bytes(const Picture& picture);                                // for data: URLs in reports
std::string base64(std::string_view bytes);

// Bicubic (a = -0.5) with antialiasing: the bytes of Image.resize of Pillow 13, in the same fixed-point arithmetic.
// Width and height above 0.
Picture resize(const Picture& picture, int width, int height);

// A square of `side` pixels from a picture of any shape, the two ways of LLaVA's image_aspect_ratio. Squares come out alike.
//   cut: the shorter side becomes `side`, the middle of the longer one is kept (what CLIP's preprocessing does)
//   pad: pasted on the middle of a square of one colour as large as the longer side, and that is resized
Picture cut_to_square(const Picture& picture, int side);
Picture pad_to_square(const Picture& picture, int side, const std::array<std::uint8_t, 3>& colour);

}  // namespace saucier::image
