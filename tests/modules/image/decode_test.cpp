#include <random>

#include "modules/base/error.h"
#include "tests/damaged.h"
#include "tests/modules/base/scratch.h"
#include "tests/modules/image/pictures.h"

using namespace saucier;
using namespace saucier::image;

namespace {

std::string error_of(std::string_view bytes) {
  try {
    decode(bytes, "p");
  } catch (const Error& error) {
    return error.what();
  }
  return "read";
}

std::string kind(const std::string& name) { return read_file(kData / name); }

// The 4 bytes at `at` as a big-endian number.
std::string with_number(std::string bytes, size_t at, std::uint32_t number) {
  for (size_t i = 0; i < 4; ++i) bytes.at(at + i) = static_cast<char>(number >> (24 - 8 * i));
  return bytes;
}

}  // namespace

TEST_CASE("every kind of picture is read as Pillow reads it") {
  const std::vector<fs::path> files = kinds();
  REQUIRE(files.size() >= 75);
  for (const fs::path& file : files) {
    INFO(file.filename().string());
    check_equal(read_picture(file), read_picture(file.string() + ".rgb.png"));
  }
}

TEST_CASE("the size alone is that of the decoded picture, from a file and from its bytes") {
  std::vector<fs::path> files = kinds();
  files.push_back(kData / "speed.jpg");
  for (const fs::path& file : files) {
    INFO(file.filename().string());
    const Picture picture = read_picture(file);
    const Size size{.height = picture.height, .width = picture.width};
    CHECK(read_size(file) == size);
    CHECK(read_size(read_file(file), "p") == size);
  }
}

TEST_CASE("the size is read where headers are long, and where the orientation stands behind the pixels") {
  const Scratch scratch;
  const std::string jpeg = kind("exif6.jpg");
  const std::string comment = std::string("\xff\xfe\xff\xff", 4) + std::string(65533, 'c');  // of the largest size
  write_file_atomic(scratch / "long.jpg", jpeg.substr(0, 2) + comment + comment + jpeg.substr(2));
  CHECK(read_size(scratch / "long.jpg") == read_size(kData / "exif6.jpg"));

  std::string png = kind("exif6.png");
  const size_t exif = png.find("eXIf") - 4, end = png.size() - 12;
  std::uint32_t length = 0;
  for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(png[exif + i]);
  const std::string chunk = png.substr(exif, length + 12);
  png = png.substr(0, exif) + png.substr(exif + chunk.size(), end - exif - chunk.size()) + chunk + png.substr(end);
  write_file_atomic(scratch / "behind.png", png);
  const Picture behind = read_picture(scratch / "behind.png");
  CHECK(read_size(scratch / "behind.png") == Size{.height = behind.height, .width = behind.width});
}

TEST_CASE("what is damaged in front of the pixels has no size") {
  const Scratch scratch;
  for (const std::string name : {"rgb.png", "s420.jpg", "lossy.webp", "plain.gif", "rgb.bmp"}) {
    INFO(name);
    write_file_atomic(scratch / name, kind(name).substr(0, 20));
    std::string as_decoded;
    try {
      read_picture(scratch / name);
    } catch (const Error& error) {
      as_decoded = error.what();
    }
    CHECK(as_decoded.starts_with("cannot read '"));
    CHECK_THROWS_WITH(read_size(scratch / name), as_decoded);
  }
  write_file_atomic(scratch / "none", "");
  CHECK_THROWS_WITH(read_size(scratch / "none"), Catch::Contains("the file is empty"));
  CHECK_THROWS_WITH(read_size(scratch / "absent"), Catch::Contains("No such file"));
}

TEST_CASE("the content says which format it is, not the name") {
  const Scratch scratch;
  write_file_atomic(scratch / "photo.png", kind("s420.jpg"));
  check_equal(read_picture(scratch / "photo.png"), read_picture(kData / "s420.jpg"));
}

TEST_CASE("what is no picture is named") {
  CHECK(error_of("") == "cannot read 'p' as a picture: the file is empty");
  CHECK(error_of("not a picture at all") == "cannot read 'p' as a picture: not PNG, JPEG, WebP, GIF or BMP");
  const Scratch scratch;
  CHECK_THROWS_WITH(read_picture(scratch / "absent.png"),
                    fmt::format("cannot read '{}': No such file or directory", (scratch / "absent.png").string()));
  write_file_atomic(scratch / "large.jpg", "");
  fs::resize_file(scratch / "large.jpg", kMaxFileBytes + 1);
  CHECK_THROWS_WITH(read_picture(scratch / "large.jpg"),
                    fmt::format("cannot read '{}' as a picture: 1073741825 bytes, 1073741824 are allowed", (scratch / "large.jpg").string()));
}

TEST_CASE("a truncated file is an error") {
  const auto half = [](const std::string& name) {
    const std::string whole = kind(name);
    return error_of(std::string_view(whole).substr(0, whole.size() / 2));
  };
  CHECK(half("rgb.png") == "cannot read 'p' as PNG: the file ends too early");
  CHECK(half("interlaced.png") == "cannot read 'p' as PNG: the file ends too early");
  CHECK(half("s444.jpg") == "cannot read 'p' as JPEG: the file ends too early");
  CHECK(half("progressive.jpg") == "cannot read 'p' as JPEG: the file ends too early");
  CHECK(half("lossy.webp") == "cannot read 'p' as WebP: the file is damaged or ends too early");
  CHECK(half("plain.gif") == "cannot read 'p' as GIF: the file ends too early");
  CHECK(half("rgb.bmp") == "cannot read 'p' as BMP: the file ends too early");
  // The last pixels alone are missing.
  for (const std::string name : {"s444.jpg", "grey.jpg", "progressive.jpg", "rgb.png", "lossless.webp", "plain.gif", "rgb.bmp"}) {
    INFO(name);
    const std::string whole = kind(name);
    CHECK(error_of(std::string_view(whole).substr(0, whole.size() - 40)).starts_with("cannot read 'p' as "));
  }
  // Nothing but IEND is missing.
  const std::string whole = kind("rgb.png");
  check_equal(decode(std::string_view(whole).substr(0, whole.size() - 12), "p"), read_picture(kData / "rgb.png"));
}

TEST_CASE("damage is named") {
  std::string bytes = kind("rgb.png");
  bytes[bytes.size() - 14] = static_cast<char>(bytes[bytes.size() - 14] ^ 0x55);  // the check sum before IEND's 12 bytes
  CHECK(error_of(bytes) == "cannot read 'p' as PNG: IDAT: CRC error");
  CHECK(error_of("\xff\xd8\xff\xd9") == "cannot read 'p' as JPEG: the file ends too early");
  bytes = kind("s444.jpg");
  const size_t frame = bytes.find("\xff\xc0");
  bytes.at(frame + 4) = 12;
  CHECK(error_of(bytes) == "cannot read 'p' as JPEG: unsupported JPEG data precision 12");
  bytes = kind("rgb.bmp");
  bytes[28] = 7;
  CHECK(error_of(bytes) == "cannot read 'p' as BMP: 7 bits a pixel");
  bytes[30] = 1;
  CHECK(error_of(bytes) == "cannot read 'p' as BMP: compression 1 is not supported");
  bytes[14] = 99;
  CHECK(error_of(bytes) == "cannot read 'p' as BMP: unknown header of 99 bytes");
  CHECK(error_of(kind("plain.gif").substr(0, 6) + std::string("\5\0\5\0\0\0\0;", 8)) == "cannot read 'p' as GIF: no picture in it");
}

TEST_CASE("sizes are refused before anything is decoded") {
  const std::string png = kind("rgb.png");
  const auto sized = [&](std::uint32_t width, std::uint32_t height) {
    std::string bytes = with_number(with_number(png, 16, width), 20, height);
    const std::uint32_t crc = [&] {
      std::uint32_t out = ~0U;
      for (size_t i = 12; i < 29; ++i) {
        out ^= static_cast<unsigned char>(bytes[i]);
        for (int k = 0; k < 8; ++k) out = (out >> 1) ^ (out & 1 ? 0xedb88320U : 0);
      }
      return ~out;
    }();
    return error_of(with_number(bytes, 29, crc));
  };
  CHECK(sized(20000, 20000) == "cannot read 'p' as PNG: 20000 x 20000 pixels, 178956970 are allowed");
  CHECK(sized(0x7fffffff, 0x7fffffff) == "cannot read 'p' as PNG: 2147483647 x 2147483647 pixels, 178956970 are allowed");
  CHECK(sized(13000, 13000) == fmt::format("cannot read 'p' as PNG: 13000 x 13000 pixels cannot be in {} bytes", png.size()));
  CHECK(sized(2000, 2000) == "cannot read 'p' as PNG: not enough image data");

  std::string bytes = kind("s444.jpg");
  const size_t frame = bytes.find("\xff\xc0");
  bytes.replace(frame + 5, 4, "\xff\xff\xff\xff");
  CHECK(error_of(bytes) == "cannot read 'p' as JPEG: maximum supported image dimension is 65500 pixels");
  bytes.replace(frame + 5, 4, "\x7f\xff\x7f\xff");
  CHECK(error_of(bytes) == "cannot read 'p' as JPEG: 32767 x 32767 pixels, 178956970 are allowed");
  bytes = kind("plain.gif");
  bytes.replace(6, 4, "\xff\xff\xff\xff");
  CHECK(error_of(bytes) == "cannot read 'p' as GIF: 65535 x 65535 pixels, 178956970 are allowed");
  bytes = kind("rgb.bmp");
  bytes.replace(18, 4, "\xff\xff\xff\x7f");
  CHECK(error_of(bytes) == "cannot read 'p' as BMP: 2147483647 x 23 pixels, 178956970 are allowed");
}

TEST_CASE("damaged files are errors that name the file, or pictures") {
  std::mt19937_64 random(1);
  std::vector<std::string> files;
  for (const fs::path& file : kinds()) files.push_back(read_file(file));
  int read = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string bytes = damaged(files[random() % files.size()], files[random() % files.size()], random);
    try {
      const Picture picture = decode(bytes, "p");
      REQUIRE(picture.pixels.size() == static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height) * 3);
      ++read;
    } catch (const Error& error) {
      REQUIRE(std::string(error.what()).starts_with("cannot read 'p' as "));
      ++refused;
    }
  }
  CHECK(read > 1000);
  CHECK(refused > 5000);
}
