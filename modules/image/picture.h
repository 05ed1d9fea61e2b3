// Pictures as bytes. docs/pictures.md says what is read and how it is made to fit a vision tower.
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

struct Size {
  int height = 0;
  int width = 0;
  bool operator==(const Size&) const = default;
};

// Refused before anything is decoded. Pillow refuses the same number of pixels as a "decompression bomb".
constexpr std::uint64_t kMaxPixels = 178'956'970;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;

// PNG, JPEG, WebP, GIF (of both the first frame) and BMP, told apart by their first bytes. The pixels are those of
// Pillow's ImageOps.exif_transpose(image).convert("RGB"): alpha dropped, EXIF orientation applied. Throws Error naming
// the picture (`name`, the file) and what is wrong with it; a truncated picture is an error as it is for Pillow.
Picture decode(std::string_view bytes, std::string_view name);
Picture read_picture(const std::filesystem::path& file);

// The size that decode() would give, from the header and the metadata alone: of a file mostly its first 64 KiB are read.
// Throws Error as decode() does where those are damaged; damage to the pixels goes unseen.
Size read_size(std::string_view bytes, std::string_view name);
Size read_size(const std::filesystem::path& file);

void write_png(const std::filesystem::path& file, const Picture& picture);  // atomic
std::string png_bytes(const Picture& picture);                              // for data: URLs in reports

// Numbered as Pillow and preprocessor_config.json number them.
enum class Filter { nearest = 0, lanczos = 1, bilinear = 2, bicubic = 3, box = 4, hamming = 5 };

struct Part {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

// Antialiased when it shrinks (but for nearest): the bytes of Image.resize of Pillow 13, in the same fixed-point
// arithmetic. Width and height above 0. With `part`, that part of the result: it costs no more than its own size.
Picture resize(const Picture& picture, int width, int height, Filter filter = Filter::bicubic);
Picture resize(const Picture& picture, int width, int height, Filter filter, const Part& part);

Picture of_one_colour(int width, int height, const std::array<std::uint8_t, 3>& colour);
void paste(const Picture& picture, Picture& onto, int left, int top);  // must lie inside
Picture crop(const Picture& picture, const Part& part);                 // must lie inside

// The middle of a picture; where the picture is smaller it lies in the middle of black (CLIP's centre crop).
Picture center_crop(const Picture& picture, int width, int height);
Part middle(int width, int height, int to_width, int to_height);  // what center_crop keeps of width x height

// On the middle of a square as large as the longer side (LLaVA's image_aspect_ratio 'pad'). A square stays as it
// is; Error where the square would have more than kMaxPixels.
Picture pad_to_square(const Picture& picture, const std::array<std::uint8_t, 3>& colour);

}  // namespace saucier::image
