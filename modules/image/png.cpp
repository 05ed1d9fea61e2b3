#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/image/formats.h"

namespace saucier::image {
namespace {

constexpr std::uint64_t kPixelsPerByte = 1032 * 8;  // deflate's best, a bit a pixel

// What libpng's callbacks share with us. libpng reports errors by longjmp, which skips destructors: every object with
// one lives here or in the caller, and none is made between setjmp and the jump.
struct Call {
  std::string_view input;  // what is left to read
  std::string output;
  std::array<char, 200> problem{};
  bool too_early = false;
  bool has_pixels = false;
};

void on_error(png_structp png, png_const_charp message) {
  Call* call = static_cast<Call*>(png_get_error_ptr(png));
  std::strncpy(call->problem.data(), message, call->problem.size() - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}  // about colour profiles and the like, which do not matter here

void on_read(png_structp png, png_bytep bytes, size_t count) {
  Call* call = static_cast<Call*>(png_get_io_ptr(png));
  if (call->input.size() < count) {
    call->too_early = true;
    png_error(png, "the file ends too early");
  }
  std::memcpy(bytes, call->input.data(), count);
  call->input.remove_prefix(count);
}

void on_write(png_structp png, png_bytep bytes, size_t count) {
  static_cast<Call*>(png_get_io_ptr(png))->output.append(reinterpret_cast<const char*>(bytes), count);
}

void on_flush(png_structp) {}

// What the rows are before expand() makes RGB of them.
enum class Rows { rgb, palette, grey16 };

struct Header {
  std::uint64_t width = 0, height = 0;
  Rows rows = Rows::rgb;
  Palette palette{};
};

bool read_header(png_structp png, png_infop info, Call& call, Header& header) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_size has its own
  png_set_read_fn(png, &call, on_read);
  png_read_info(png, info);
  header.width = png_get_image_width(png, info);
  header.height = png_get_image_height(png, info);
  const int kind = png_get_color_type(png, info), bits = png_get_bit_depth(png, info);
  if (kind == PNG_COLOR_TYPE_PALETTE) {
    header.rows = Rows::palette;
    png_colorp colours = nullptr;
    int count = 0;
    png_get_PLTE(png, info, &colours, &count);
    for (int i = 0; i < count && i < 256; ++i) header.palette[static_cast<size_t>(i)] = {colours[i].red, colours[i].green, colours[i].blue};
    png_set_packing(png);  // 1, 2, 4 bits to a byte
  } else if (kind == PNG_COLOR_TYPE_GRAY && bits == 16) {
    header.rows = Rows::grey16;
  } else {
    if (bits < 8) png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_16(png);  // the high byte, as Pillow does
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);  // dropped, not blended: as Pillow's convert("RGB")
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  const std::uint64_t bytes = header.rows == Rows::rgb ? 3 : header.rows == Rows::grey16 ? 2 : 1;
  if (png_get_rowbytes(png, info) != header.width * bytes) png_error(png, "unknown colour type");
  return true;
}

// As for Pillow, a file that ends after its pixels is whole.
bool read_rows(png_structp png, png_infop info, Call& call, std::vector<png_bytep>& rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return call.has_pixels && call.too_early;
  png_read_image(png, rows.data());
  call.has_pixels = true;
  png_read_end(png, info);  // metadata may come after the pixels
  return true;
}

// A row lies at the end of the place where its pixels go, so that it can be written over from the front.
void expand(const Header& header, const png_byte* from, std::uint8_t* to) {
  for (std::uint64_t x = 0; x < header.width; ++x, to += 3) {
    if (header.rows == Rows::palette) {
      std::copy_n(header.palette[from[x]].data(), 3, to);
    } else {
      // What Pillow makes of 16 bits of grey: not the high byte but white for all that 8 bits cannot hold.
      const std::uint8_t grey = from[2 * x] == 0 ? from[2 * x + 1] : 255;
      std::fill_n(to, 3, grey);
    }
  }
}

std::string exif_of(png_structp png, png_infop info) {
  png_uint_32 size = 0;
  png_bytep bytes = nullptr;
  if (png_get_eXIf_1(png, info, &size, &bytes) == 0) return {};
  return {reinterpret_cast<const char*>(bytes), size};
}

// ImageMagick's way: three lines of heading, then digits.
std::string from_hex(std::string_view text) {
  for (int i = 0; i < 3; ++i) text = text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
  std::string out;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) continue;
    if (high >= 0) out += static_cast<char>(high * 16 + digit);
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

std::string text_of(png_structp png, png_infop info, std::string_view key) {
  png_textp texts = nullptr;
  const int count = png_get_text(png, info, &texts, nullptr);
  for (int i = 0; i < count; ++i)
    if (texts[i].key == key && texts[i].text != nullptr) return texts[i].text;
  return {};
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

void read_pixels(Reader& reader, Call& call, const Header& header, Picture& picture) {
  picture.pixels.resize(header.width * header.height * 3);
  std::vector<png_bytep> rows = row_pointers(picture.pixels, picture.width, picture.height);
  const std::vector<png_bytep> pixels = rows;
  if (header.rows != Rows::rgb)
    for (png_bytep& row : rows) row += header.width * (header.rows == Rows::palette ? 2 : 1);
  if (!read_rows(reader.png(), reader.info(), call, rows)) throw Error(in_our_words(call.problem.data()));
  if (header.rows != Rows::rgb)
    for (size_t y = 0; y < rows.size(); ++y) expand(header, rows[y], pixels[y]);
}

}  // namespace

std::string png_without_pixels(const std::function<std::string(std::uint64_t at, std::uint64_t size)>& read) {
  constexpr std::uint64_t kSignature = 8, kHead = 8, kCheck = 4, kMostMetadata = std::uint64_t{16} << 20;
  std::string out = read(0, kSignature), pixels;
  for (std::uint64_t at = kSignature; out.size() < kMostMetadata;) {
    const std::string head = read(at, kHead);  // length, name
    if (head.size() < kHead) break;
    std::uint64_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(head[i]);
    const std::uint64_t next = at + kHead + length + kCheck;
    if (head.ends_with("IEND")) break;
    if (head.ends_with("IDAT")) {
      if (pixels.empty()) pixels = head;
    } else {
      const std::string chunk = read(at, next - at);
      if (chunk.size() < next - at && !pixels.empty()) break;  // torn behind the pixels, which does not matter there
      out += chunk;
    }
    at = next;
  }
  return out + pixels;
}

Decoded decode_png(const Encoded& file) {
  Call call{.input = file.bytes, .output = {}};
  Reader reader(call);
  Header header;
  if (!read_header(reader.png(), reader.info(), call, header)) throw Error(in_our_words(call.problem.data()));
  check_size(header.width, header.height, file.file_bytes, kPixelsPerByte);
  Decoded out{.picture = {.width = static_cast<int>(header.width), .height = static_cast<int>(header.height), .pixels = {}}, .exif = {}, .xmp = {}};
  if (file.pixels) read_pixels(reader, call, header, out.picture);
  out.exif = exif_of(reader.png(), reader.info());
  if (out.exif.empty()) out.exif = from_hex(text_of(reader.png(), reader.info(), "Raw profile type exif"));
  out.xmp = text_of(reader.png(), reader.info(), "XML:com.adobe.xmp");
  return out;
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
    throw Error(fmt::format("cannot write a PNG of {} x {}: {}", picture.width, picture.height, in_our_words(call.problem.data())));
  return std::move(call.output);
}

void write_png(const std::filesystem::path& file, const Picture& picture) {
  write_file_atomic(file, png_bytes(picture));
}

}  // namespace saucier::image
