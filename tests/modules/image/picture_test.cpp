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

TEST_CASE("a picture becomes square as LLaVA pads it and as CLIP cuts it, in Pillow's bytes") {
  const Picture source = read_png(kData / "source.png");
  check_equal(pad_to_square(source, 24, {122, 116, 104}), read_png(kData / "padded_24.png"));
  check_equal(cut_to_square(source, 24), read_png(kData / "cut_24.png"));
}

TEST_CASE("a picture higher than wide is padded left and right, and cut above and below") {
  Picture tall{.width = 2, .height = 5, .pixels = {}};
  for (int i = 0; i < 30; ++i) tall.pixels.push_back(static_cast<std::uint8_t>(i));
  const Picture padded = pad_to_square(tall, 5, {200, 201, 202});
  REQUIRE(padded.pixels.size() == 75);
  for (int y = 0; y < 5; ++y) {
    const std::uint8_t* row = padded.pixels.data() + static_cast<ptrdiff_t>(y) * 15;  // one column left of it, two right
    const auto at = [&](int x) { return std::vector<int>{row[3 * x], row[3 * x + 1], row[3 * x + 2]}; };
    for (const int x : {0, 3, 4}) CHECK(at(x) == std::vector<int>{200, 201, 202});
    for (const int x : {1, 2}) CHECK(at(x) == std::vector<int>{6 * y + 3 * (x - 1), 6 * y + 3 * (x - 1) + 1, 6 * y + 3 * (x - 1) + 2});
  }
  const Picture cut = cut_to_square(tall, 2);  // no scaling: rows 1 and 2 of 0 to 4
  CHECK(std::vector<int>(cut.pixels.begin(), cut.pixels.end()) == std::vector<int>{6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
  Picture square{.width = 2, .height = 2, .pixels = std::vector<std::uint8_t>(12, 7)};
  check_equal(pad_to_square(square, 2, {0, 0, 0}), square);
  check_equal(cut_to_square(square, 2), square);
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
