#include <png.h>

#include <array>
#include <csetjmp>
#include <cstring>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/image/picture.h"

namespace saucier::image {
namespace {

// As Pillow's limit for "decompression bombs": a few kilobytes of PNG may claim terabytes of pixels.
constexpr std::uint64_t kMaxPixels = 178'956'970;

// What libpng's callbacks share with us. libpng reports errors by longjmp, which skips destructors: every object with
// one lives here or in the caller, and none is made between setjmp and the jump.
struct Call {
  std::string_view input;  // what is left to read
  std::string output;
  std::array<char, 200> problem{};
};

void on_error(png_structp png, png_const_charp message) {
  Call* call = static_cast<Call*>(png_get_error_ptr(png));
  std::strncpy(call->problem.data(), message, call->problem.size() - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}  // about colour profiles and the like, which do not matter here

void on_read(png_structp png, png_bytep bytes, size_t count) {
  Call* call = static_cast<Call*>(png_get_io_ptr(png));
  if (call->input.size() < count) png_error(png, "the file ends too early");
  std::memcpy(bytes, call->input.data(), count);
  call->input.remove_prefix(count);
}

void on_write(png_structp png, png_bytep bytes, size_t count) {
  static_cast<Call*>(png_get_io_ptr(png))->output.append(reinterpret_cast<const char*>(bytes), count);
}

void on_flush(png_structp) {}

// Reads the header and asks for 8-bit RGB whatever the file holds; false when libpng gave up.
bool begin_read(png_structp png, png_infop info, Call& call, Picture& picture) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &call, on_read);
  png_read_info(png, info);
  const std::uint64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  if (width * height > kMaxPixels) png_error(png, "more than 178956970 pixels");
  png_set_expand(png);    // palettes to RGB, 1, 2, 4 bits of grey to 8
  png_set_strip_16(png);  // the high byte, as Pillow does
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);  // dropped, not blended: as Pillow's convert("RGB")
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != width * 3) png_error(png, "unknown colour type");
  picture.width = static_cast<int>(width);
  picture.height = static_cast<int>(height);
  return true;
}

bool read_rows(png_structp png, std::vector<png_bytep>& rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_image(png, rows.data());
  png_read_end(png, nullptr);
  return true;
}

bool write_rows(png_structp png, png_infop info, Call& call, const Picture& picture, std::vector<png_bytep>& rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, &call, on_write, on_flush);
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.width), static_cast<png_uint_32>(picture.height), 8,
               PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  png_write_image(png, rows.data());
  png_write_end(png, nullptr);
  return true;
}

class Reader {
 public:
  explicit Reader(Call& call) : png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, &call, on_error, on_warning)) {
    SAUCIER_CHECK(png_ != nullptr, "libpng cannot start");
    info_ = png_create_info_struct(png_);
  }
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  png_structp png() { return png_; }
  png_infop info() { return info_; }

 private:
  png_structp png_;
  png_infop info_ = nullptr;
};

class Writer {
 public:
  explicit Writer(Call& call) : png_(png_create_write_struct(PNG_LIBPNG_VER_STRING, &call, on_error, on_warning)) {
    SAUCIER_CHECK(png_ != nullptr, "libpng cannot start");
    info_ = png_create_info_struct(png_);
  }
  ~Writer() { png_destroy_write_struct(&png_, &info_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  png_structp png() { return png_; }
  png_infop info() { return info_; }

 private:
  png_structp png_;
  png_infop info_ = nullptr;
};

std::vector<png_bytep> row_pointers(std::vector<std::uint8_t>& pixels, int width, int height) {
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = pixels.data() + y * static_cast<size_t>(width) * 3;
  return rows;
}

}  // namespace

Picture read_png(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  Call call{.input = bytes, .output = {}};
  Reader reader(call);
  Picture picture;
  const auto fail = [&] {
    throw Error(fmt::format("cannot read '{}' as PNG: {}", file.string(), call.problem.data()));
  };
  if (!begin_read(reader.png(), reader.info(), call, picture)) fail();
  picture.pixels.resize(static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height) * 3);
  std::vector<png_bytep> rows = row_pointers(picture.pixels, picture.width, picture.height);
  if (!read_rows(reader.png(), rows)) fail();
  return picture;
}

std::string png_bytes(const Picture& picture) {
  SAUCIER_CHECK(
      picture.width > 0 && picture.height > 0 &&
          picture.pixels.size() == static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height) * 3,
      "a picture of {} x {} with {} bytes", picture.width, picture.height, picture.pixels.size());
  Call call;
  Writer writer(call);
  std::vector<std::uint8_t> pixels = picture.pixels;  // libpng takes pointers that could write
  std::vector<png_bytep> rows = row_pointers(pixels, picture.width, picture.height);
  if (!write_rows(writer.png(), writer.info(), call, picture, rows))
    throw Error(fmt::format("cannot write a PNG of {} x {}: {}", picture.width, picture.height, call.problem.data()));
  return std::move(call.output);
}

void write_png(const std::filesystem::path& file, const Picture& picture) {
  write_file_atomic(file, png_bytes(picture));
}

}  // namespace saucier::image
