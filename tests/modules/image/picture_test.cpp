#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/image/picture.h"
#include "tests/modules/base/scratch.h"

using namespace saucier;
using namespace saucier::image;

namespace {

const fs::path kData = fs::path(SAUCIER_SOURCE_DIR) / "tests/data/image";

void check_equal(const Picture& got, const Picture& expected) {
  REQUIRE(got.width == expected.width);
  REQUIRE(got.height == expected.height);
  REQUIRE(got.pixels.size() == expected.pixels.size());
  for (size_t i = 0; i < got.pixels.size(); ++i) {
    INFO("x " << i / 3 % static_cast<size_t>(got.width) << " y " << i / 3 / static_cast<size_t>(got.width)
              << " channel " << i % 3);
    if (got.pixels[i] != expected.pixels[i]) REQUIRE(int{got.pixels[i]} == int{expected.pixels[i]});
  }
}

}  // namespace

TEST_CASE("resize gives Pillow's bytes") {
  const Picture source = read_png(kData / "source.png");
  REQUIRE(source.width == 37);
  int sizes = 0;
  for (const auto& entry : fs::directory_iterator(kData)) {
    if (!entry.path().filename().string().starts_with("resized_")) continue;
    INFO(entry.path().filename().string());
    const Picture expected = read_png(entry.path());
    check_equal(resize(source, expected.width, expected.height), expected);
    ++sizes;
  }
  REQUIRE(sizes == 9);
}

TEST_CASE("resize to the same size changes nothing") {
  const Picture source = read_png(kData / "source.png");
  check_equal(resize(source, source.width, source.height), source);
}

TEST_CASE("every kind of PNG is read as Pillow reads it") {
  for (const std::string name : {"grey", "bits", "palette", "alpha", "rgb16"}) {
    INFO(name);
    check_equal(read_png(kData / (name + ".png")), read_png(kData / (name + "_rgb.png")));
  }
}

TEST_CASE("a picture survives writing and reading") {
  Picture picture{.width = 3, .height = 2, .pixels = {}};
  for (int i = 0; i < 18; ++i) picture.pixels.push_back(static_cast<std::uint8_t>(i * 14));
  const Scratch scratch;
  write_png(scratch / "p.png", picture);
  check_equal(read_png(scratch / "p.png"), picture);
  REQUIRE(read_file(scratch / "p.png") == png_bytes(picture));
}

TEST_CASE("broken PNGs are named") {
  const Scratch scratch;
  const auto message = [&](const std::string& content) {
    write_file_atomic(scratch / "broken.png", content);
    try {
      read_png(scratch / "broken.png");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("read");
  };
  const std::string whole = read_file(kData / "source.png");
  const std::string start = fmt::format("cannot read '{}' as PNG: ", (scratch / "broken.png").string());
  CHECK(message("not a picture at all") == start + "Not a PNG file");
  CHECK(message(whole.substr(0, whole.size() / 2)) == start + "the file ends too early");
  CHECK(message("") == start + "the file ends too early");
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x55);
  CHECK(message(flipped).starts_with(start));
  CHECK_THROWS_WITH(read_png(scratch / "absent.png"),
                    fmt::format("cannot read '{}': No such file or directory", (scratch / "absent.png").string()));
}

TEST_CASE("base64, RFC 4648 section 10") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64(std::string("\xff\xfe\x00", 3)) == "//4A");
}
