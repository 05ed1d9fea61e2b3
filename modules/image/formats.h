// What decode() asks of each format. Only modules/image includes this.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "modules/image/picture.h"

namespace saucier::image {

struct Decoded {
  Picture picture;   // as stored: the orientation is still to be applied
  std::string exif;  // a TIFF file, with or without the "Exif\0\0" before it; empty where there is none
  std::string xmp;
};

// A picture's file as far as it was read.
struct Encoded {
  std::string_view bytes;
  std::uint64_t file_bytes = 0;  // of the whole
  bool pixels = true;            // false: size and metadata alone; the picture then has no pixels
};

// Each throws Error with the reason alone, decode() adds the name.
Decoded decode_png(const Encoded& file);
Decoded decode_jpeg(const Encoded& file);
Decoded decode_webp(const Encoded& file);
Decoded decode_gif(const Encoded& file);
Decoded decode_bmp(const Encoded& file);

// A PNG's chunks without its pixels, for decode_png to read size and metadata from: the latter may stand behind the
// pixels, which need not be read for that. `read(at, size)` gives what the file has of those bytes.
std::string png_without_pixels(const std::function<std::string(std::uint64_t at, std::uint64_t size)>& read);

// What a library says is wrong, without the capital that it begins with.
std::string in_our_words(std::string text);

// Throws Error when a picture has no pixels, too many of them, or more than a file of that many bytes can hold: a few
// bytes must not cost gigabytes. `pixels_per_byte` is the most that the format's compression can reach.
void check_size(std::uint64_t width, std::uint64_t height, std::uint64_t file_bytes, std::uint64_t pixels_per_byte);

// The orientation (1 to 8) that the metadata ask for: the EXIF tag, else XMP's. Damaged metadata ask for nothing: 1.
int orientation(std::string_view exif, std::string_view xmp);
bool is_turned(int orientation);  // width and height change places
Picture oriented(Picture picture, int orientation);

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;  // an index without an entry is black
// As Pillow takes GIF's and BMP's palettes: one of which all `count` entries are shades of grey in order (or none at all)
// is no palette, and an index above them is a shade like the others.
void complete_if_grey(Palette& palette, std::size_t count);

}  // namespace saucier::image
