#include <algorithm>

#include "modules/base/error.h"
#include "modules/image/formats.h"

namespace saucier::image {
namespace {

constexpr std::uint64_t kPixelsPerByte = 8;
constexpr std::uint64_t kFileHeader = 14;
enum Compression : std::uint32_t { kNone = 0, kBitFields = 3 };

class File {
 public:
  explicit File(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number(std::uint64_t at, int size) const {  // little-endian
    const unsigned char* from = range(at, static_cast<std::uint64_t>(size));
    std::uint64_t out = 0;
    for (int i = size - 1; i >= 0; --i) out = out << 8 | from[i];
    return out;
  }
  const unsigned char* range(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) throw Error("the file ends too early");
    return reinterpret_cast<const unsigned char*>(bytes_.data()) + at;
  }

 private:
  std::string_view bytes_;
};

struct Layout {
  std::uint64_t width = 0, height = 0, bits = 0;
  bool from_top = false;
  std::uint64_t pixels = 0;  // where they begin
  Palette palette{};
  std::array<std::uint64_t, 3> masks{};  // red, green, blue; 16 bits and more
};

Layout read_layout(const File& file) {
  Layout out;
  const std::uint64_t header = file.number(kFileHeader, 4);
  const bool old = header == 12;  // OS/2
  const std::array<std::uint64_t, 6> kNewer = {40, 52, 56, 64, 108, 124};
  if (!old && std::find(kNewer.begin(), kNewer.end(), header) == kNewer.end()) throw Error(fmt::format("unknown header of {} bytes", header));
  std::uint64_t compression = kNone, colours = 0;
  if (old) {
    out.width = file.number(18, 2);
    out.height = file.number(20, 2);
    out.bits = file.number(24, 2);
  } else {
    out.width = file.number(18, 4);
    out.height = file.number(22, 4);
    out.from_top = out.height >> 24 == 0xff;
    if (out.from_top) out.height = (std::uint64_t{1} << 32) - out.height;
    out.bits = file.number(28, 2);
    compression = file.number(30, 4);
    colours = file.number(46, 4);
  }
  if (compression != kNone && compression != kBitFields) throw Error(fmt::format("compression {} is not supported", compression));
  std::uint64_t at = kFileHeader + header;
  out.pixels = file.number(10, 4);
  switch (out.bits) {
    case 1:
    case 4:
    case 8: {
      if (compression != kNone) throw Error(fmt::format("compression {} with {} bits a pixel", compression, out.bits));
      const std::uint64_t entry = old ? 3 : 4;
      if (colours == 0) colours = std::uint64_t{1} << out.bits;
      if (colours > 65536) throw Error(fmt::format("{} colours", colours));
      const unsigned char* from = file.range(at, entry * colours);
      const std::uint64_t count = std::min<std::uint64_t>(colours, 256);
      for (std::uint64_t i = 0; i < count; ++i, from += entry) out.palette[i] = {from[2], from[1], from[0]};
      complete_if_grey(out.palette, count);
      if (out.pixels == at) out.pixels += entry * colours;  // as Pillow: the pixels cannot begin where the colours do
      break;
    }
    case 16: out.masks = {0x7c00, 0x3e0, 0x1f}; break;
    case 24:
    case 32: out.masks = {0xff0000, 0xff00, 0xff}; break;
    default: throw Error(fmt::format("{} bits a pixel", out.bits));
  }
  if (compression == kBitFields) {
    for (std::uint64_t c = 0; c < 3; ++c) out.masks[c] = file.number(kFileHeader + 40 + 4 * c, 4);
    const std::array<std::uint64_t, 3> six = {0xf800, 0x7e0, 0x1f}, five = {0x7c00, 0x3e0, 0x1f}, none = {0, 0, 0};
    const auto whole = [](std::uint64_t mask) { return mask == 0xff || mask == 0xff00 || mask == 0xff0000 || mask == 0xff000000; };
    if (out.bits == 32 && out.masks == none) out.masks = {0xff0000, 0xff00, 0xff};
    if (out.bits == 16 ? out.masks != six && out.masks != five : !std::all_of(out.masks.begin(), out.masks.end(), whole))
      throw Error(fmt::format("colour masks {:x}, {:x}, {:x} are not supported", out.masks[0], out.masks[1], out.masks[2]));
    if (header == 40) at += 12;
  }
  if (out.pixels == 0) out.pixels = at;
  return out;
}

}  // namespace

Decoded decode_bmp(const Encoded& encoded) {
  const File file(encoded.bytes);
  const Layout layout = read_layout(file);
  check_size(layout.width, layout.height, encoded.file_bytes, kPixelsPerByte);
  Decoded out{.picture = {.width = static_cast<int>(layout.width), .height = static_cast<int>(layout.height), .pixels = {}}, .exif = {}, .xmp = {}};
  if (!encoded.pixels) return out;
  const std::uint64_t stride = (layout.width * layout.bits + 31) / 32 * 4;
  const std::uint64_t last = (layout.width * layout.bits + 7) / 8;  // the last row may lack its padding
  const unsigned char* rows = file.range(layout.pixels, stride * (layout.height - 1) + last);
  out.picture.pixels.resize(layout.width * layout.height * 3);
  std::uint8_t* to = out.picture.pixels.data();
  for (std::uint64_t y = 0; y < layout.height; ++y) {
    const unsigned char* row = rows + stride * (layout.from_top ? y : layout.height - 1 - y);
    for (std::uint64_t x = 0; x < layout.width; ++x, to += 3) {
      if (layout.bits <= 8) {
        const std::uint64_t bit = x * layout.bits;
        const unsigned index = row[bit / 8] >> (8 - layout.bits - bit % 8) & ((1U << layout.bits) - 1);
        std::copy_n(layout.palette[index].data(), 3, to);
        continue;
      }
      std::uint64_t pixel = 0;
      for (std::uint64_t i = 0; i < layout.bits / 8; ++i) pixel |= std::uint64_t{row[x * layout.bits / 8 + i]} << (8 * i);
      for (size_t c = 0; c < 3; ++c) {
        const std::uint64_t mask = layout.masks[c], shift = mask & (~mask + 1), most = mask / shift;
        to[c] = static_cast<std::uint8_t>((pixel & mask) / shift * 255 / most);
      }
    }
  }
  return out;
}

}  // namespace saucier::image
