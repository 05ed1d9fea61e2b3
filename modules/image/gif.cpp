#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "modules/base/error.h"
#include "modules/image/formats.h"

namespace saucier::image {
namespace {

constexpr std::uint64_t kPixelsPerByte = 4096 * 8 / 12;  // a code of 12 bits stands for fewer than 4096 pixels

int on_read(GifFileType* gif, GifByteType* to, int count) {
  auto& left = *static_cast<std::string_view*>(gif->UserData);
  const size_t size = std::min(left.size(), static_cast<size_t>(std::max(count, 0)));
  std::memcpy(to, left.data(), size);
  left.remove_prefix(size);
  return static_cast<int>(size);
}

[[noreturn]] void fail(int code) {
  switch (code) {
    case D_GIF_ERR_READ_FAILED:
    case D_GIF_ERR_EOF_TOO_SOON: throw Error("the file ends too early");
    default: break;
  }
  const char* reason = GifErrorString(code);
  throw Error(in_our_words(reason != nullptr ? reason : "the data is damaged"));
}

struct Closer {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

// Goes to the first picture; the index of the colour that is transparent in it.
std::optional<std::uint8_t> find_picture(GifFileType* gif) {
  const auto check = [&](int result) {
    if (result == GIF_ERROR) fail(gif->Error);
  };
  std::optional<std::uint8_t> transparent;
  for (;;) {
    GifRecordType kind{};
    check(DGifGetRecordType(gif, &kind));
    if (kind == TERMINATE_RECORD_TYPE) throw Error("no picture in it");
    if (kind == IMAGE_DESC_RECORD_TYPE) break;
    if (kind != EXTENSION_RECORD_TYPE) continue;
    int code = 0;
    GifByteType* block = nullptr;  // its first byte is its length
    check(DGifGetExtension(gif, &code, &block));
    if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr && block[0] >= 4 && (block[1] & 1) != 0) transparent = block[4];
    while (block != nullptr) check(DGifGetExtensionNext(gif, &block));
  }
  check(DGifGetImageDesc(gif));
  return transparent;
}

}  // namespace

Decoded decode_gif(const Encoded& file) {
  std::string_view left = file.bytes;
  int code = 0;
  const std::unique_ptr<GifFileType, Closer> gif(DGifOpen(&left, on_read, &code));
  if (!gif) fail(code);
  const std::optional<std::uint8_t> transparent = find_picture(gif.get());
  const GifImageDesc& frame = gif->Image;
  if (frame.Width <= 0 || frame.Height <= 0 || frame.Left < 0 || frame.Top < 0) throw Error(fmt::format("{} x {} pixels", frame.Width, frame.Height));
  // As Pillow: a picture that sticks out makes the whole larger.
  const int width = std::max(gif->SWidth, frame.Left + frame.Width), height = std::max(gif->SHeight, frame.Top + frame.Height);
  check_size(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), file.file_bytes, kPixelsPerByte);

  Palette palette{};
  const ColorMapObject* colours = frame.ColorMap != nullptr ? frame.ColorMap : gif->SColorMap;
  const size_t count = colours != nullptr ? static_cast<size_t>(std::clamp(colours->ColorCount, 0, 256)) : 0;
  for (size_t i = 0; i < count; ++i) palette[i] = {colours->Colors[i].Red, colours->Colors[i].Green, colours->Colors[i].Blue};
  complete_if_grey(palette, count);

  Decoded out{.picture = {.width = width, .height = height, .pixels = {}}, .exif = {}, .xmp = {}};
  if (!file.pixels) return out;
  std::vector<std::uint8_t>& pixels = out.picture.pixels;
  const size_t row = static_cast<size_t>(width) * 3;
  pixels.resize(row * static_cast<size_t>(height));
  if (frame.Width < width || frame.Height < height) {  // around it the transparent colour, else the first
    const auto& around = palette[transparent.value_or(0)];
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = around[i % 3];
  }
  std::vector<GifPixelType> line(static_cast<size_t>(frame.Width));
  const auto read_line = [&](int y) {
    if (DGifGetLine(gif.get(), line.data(), frame.Width) == GIF_ERROR) fail(gif->Error);
    std::uint8_t* to = pixels.data() + static_cast<size_t>(frame.Top + y) * row + static_cast<size_t>(frame.Left) * 3;
    for (const GifPixelType index : line) to = std::copy_n(palette[index].data(), 3, to);
  };
  if (frame.Interlace) {
    constexpr std::array<std::array<int, 2>, 4> kPasses = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
    for (const auto& [first, step] : kPasses)
      for (int y = first; y < frame.Height; y += step) read_line(y);
  } else {
    for (int y = 0; y < frame.Height; ++y) read_line(y);
  }
  return out;
}

}  // namespace saucier::image
