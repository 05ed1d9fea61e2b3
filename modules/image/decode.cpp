#include <algorithm>
#include <fstream>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/image/formats.h"

namespace saucier::image {
namespace {

// Small pictures are read however well they are compressed.
constexpr std::uint64_t kSmallPixels = std::uint64_t{1} << 22;

struct Format {
  const char* name;
  Decoded (*decode)(const Encoded&);
};

Format format_of(std::string_view bytes, std::string_view name) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return {"PNG", decode_png};
  if (bytes.starts_with("\xff\xd8\xff")) return {"JPEG", decode_jpeg};
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return {"WebP", decode_webp};
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) return {"GIF", decode_gif};
  if (bytes.starts_with("BM")) return {"BMP", decode_bmp};
  throw Error(fmt::format("cannot read '{}' as a picture: {}", name, bytes.empty() ? "the file is empty" : "not PNG, JPEG, WebP, GIF or BMP"));
}

void check_file_size(std::uint64_t bytes, std::string_view name) {
  if (bytes > kMaxFileBytes)
    throw Error(fmt::format("cannot read '{}' as a picture: {} bytes, {} are allowed", name, bytes, kMaxFileBytes));
}

// What `read` gives, its errors with the picture's name.
template <class Read>
auto named(const char* format, std::string_view name, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(fmt::format("cannot read '{}' as {}: {}", name, format, error.what()));
  }
}

Size size_of(const Decoded& decoded) {
  const Size stored{.height = decoded.picture.height, .width = decoded.picture.width};
  return is_turned(orientation(decoded.exif, decoded.xmp)) ? Size{.height = stored.width, .width = stored.height} : stored;
}

// A file of which parts are read.
class PartlyRead {
 public:
  explicit PartlyRead(const std::filesystem::path& file) : stream_(file, std::ios::binary) {
    std::error_code none;
    bytes_ = std::filesystem::is_regular_file(file, none) ? std::filesystem::file_size(file, none) : 0;
    if (!stream_ || bytes_ == 0) bytes_ = read_file(file).size();  // for its error
  }
  std::uint64_t bytes() const { return bytes_; }
  std::string read(std::uint64_t at, std::uint64_t size) {
    std::string out(at < bytes_ ? std::min(size, bytes_ - at) : 0, '\0');
    stream_.clear();
    stream_.seekg(static_cast<std::streamoff>(at));
    stream_.read(out.data(), static_cast<std::streamsize>(out.size()));
    out.resize(static_cast<size_t>(std::max<std::streamsize>(0, stream_.gcount())));
    return out;
  }

 private:
  std::ifstream stream_;
  std::uint64_t bytes_ = 0;
};

constexpr std::uint64_t kFront = 1 << 16;  // holds the headers of nearly every picture

}  // namespace

std::string in_our_words(std::string text) {
  const auto within = [](char c, char first, char last) { return c >= first && c <= last; };
  if (text.size() > 1 && within(text[0], 'A', 'Z') && !within(text[1], 'A', 'Z')) text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

void check_size(std::uint64_t width, std::uint64_t height, std::uint64_t file_bytes, std::uint64_t pixels_per_byte) {
  if (width == 0 || height == 0) throw Error(fmt::format("{} x {} pixels", width, height));
  // Neither side above 2^31, so the product fits.
  if (std::max(width, height) > kMaxPixels || width * height > kMaxPixels)
    throw Error(fmt::format("{} x {} pixels, {} are allowed", width, height, kMaxPixels));
  if (width * height > std::max(kSmallPixels, file_bytes * pixels_per_byte))
    throw Error(fmt::format("{} x {} pixels cannot be in {} bytes", width, height, file_bytes));
}

Picture decode(std::string_view bytes, std::string_view name) {
  check_file_size(bytes.size(), name);
  const Format format = format_of(bytes, name);
  return named(format.name, name, [&] {
    Decoded decoded = format.decode({.bytes = bytes, .file_bytes = bytes.size()});
    return oriented(std::move(decoded.picture), orientation(decoded.exif, decoded.xmp));
  });
}

Size read_size(std::string_view bytes, std::string_view name) {
  check_file_size(bytes.size(), name);
  const Format format = format_of(bytes, name);
  return named(format.name, name, [&] {
    if (format.decode != decode_png) return size_of(format.decode({.bytes = bytes, .file_bytes = bytes.size(), .pixels = false}));
    const std::string chunks = png_without_pixels([&](std::uint64_t at, std::uint64_t size) { return std::string(bytes.substr(std::min<std::uint64_t>(at, bytes.size()), size)); });
    return size_of(decode_png({.bytes = chunks, .file_bytes = bytes.size(), .pixels = false}));
  });
}

Size read_size(const std::filesystem::path& file) {
  const std::string name = file.string();
  PartlyRead part(file);
  check_file_size(part.bytes(), name);
  const std::string front = part.read(0, kFront);
  const Format format = format_of(front, name);
  if (format.decode == decode_png) {
    return named(format.name, name, [&] {
      const std::string chunks = png_without_pixels([&](std::uint64_t at, std::uint64_t size) { return part.read(at, size); });
      return size_of(decode_png({.bytes = chunks, .file_bytes = part.bytes(), .pixels = false}));
    });
  }
  if (front.size() == part.bytes()) return read_size(std::string_view(front), name);
  try {
    return size_of(format.decode({.bytes = front, .file_bytes = part.bytes(), .pixels = false}));
  } catch (const Error&) {  // the header is longer, or damaged: the whole file tells
    return read_size(std::string_view(part.read(0, part.bytes())), name);
  }
}

Picture read_picture(const std::filesystem::path& file) {
  std::error_code none;  // read_file says what is wrong with a file that is not there
  const std::uintmax_t bytes = std::filesystem::file_size(file, none);
  if (!none) check_file_size(bytes, file.string());
  return decode(read_file(file), file.string());
}

void complete_if_grey(Palette& palette, std::size_t count) {
  Palette grey{};
  for (size_t i = 0; i < grey.size(); ++i) grey[i].fill(static_cast<std::uint8_t>(i));
  if (std::equal(palette.begin(), palette.begin() + static_cast<std::ptrdiff_t>(count), grey.begin())) palette = grey;
}

}  // namespace saucier::image
