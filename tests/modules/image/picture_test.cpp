#include "modules/base/error.h"
#include "tests/modules/base/scratch.h"
#include "tests/modules/image/pictures.h"

using namespace saucier;
using namespace saucier::image;

TEST_CASE("resize gives Pillow's bytes with every filter") {
  const Picture source = read_picture(kData / "source.png");
  REQUIRE(source.width == 37);
  const std::vector<std::pair<std::string, Filter>> filters = {{"nearest", Filter::nearest},   {"box", Filter::box},
                                                               {"bilinear", Filter::bilinear}, {"hamming", Filter::hamming},
                                                               {"bicubic", Filter::bicubic},   {"lanczos", Filter::lanczos}};
  int sizes = 0;
  for (const auto& [name, filter] : filters)
    for (const auto& entry : fs::directory_iterator(kData)) {
      if (!entry.path().filename().string().starts_with("resized_" + name)) continue;
      INFO(entry.path().filename().string());
      const Picture expected = read_picture(entry.path());
      check_equal(resize(source, expected.width, expected.height, filter), expected);
      ++sizes;
    }
  REQUIRE(sizes == 36);
}

TEST_CASE("a part of a resized picture is cut out of the whole") {
  const Picture source = read_picture(kData / "source.png");
  for (const Filter filter : {Filter::nearest, Filter::bicubic, Filter::lanczos})
    for (const auto& [width, height] : {std::pair{24, 24}, {64, 48}, {37, 40}, {37, 11}, {20, 23}, {70, 23}, {33, 7}, {37, 23}}) {
      INFO(static_cast<int>(filter) << ": " << width << " x " << height);
      const Picture whole = resize(source, width, height, filter);
      for (const Part& part : {Part{.left = 3, .top = 2, .width = 9, .height = 4}, Part{.left = 0, .top = 0, .width = width, .height = 5},
                               Part{.left = 5, .top = 0, .width = 1, .height = height}})
        check_equal(resize(source, width, height, filter, part), crop(whole, part));
    }
}

TEST_CASE("resize to the same size changes nothing") {
  const Picture source = read_picture(kData / "source.png");
  check_equal(resize(source, source.width, source.height), source);
}

TEST_CASE("a picture is padded to a square as LLaVA does it") {
  check_equal(pad_to_square(read_picture(kData / "source.png"), {122, 116, 104}), read_picture(kData / "padded.png"));
  Picture tall{.width = 2, .height = 5, .pixels = {}};
  for (int i = 0; i < 30; ++i) tall.pixels.push_back(static_cast<std::uint8_t>(i));
  const Picture padded = pad_to_square(tall, {200, 201, 202});
  REQUIRE(padded.pixels.size() == 75);
  for (int y = 0; y < 5; ++y) {
    const std::uint8_t* row = padded.pixels.data() + static_cast<ptrdiff_t>(y) * 15;  // one column left of it, two right
    const auto at = [&](int x) { return std::vector<int>{row[3 * x], row[3 * x + 1], row[3 * x + 2]}; };
    for (const int x : {0, 3, 4}) CHECK(at(x) == std::vector<int>{200, 201, 202});
    for (const int x : {1, 2}) CHECK(at(x) == std::vector<int>{6 * y + 3 * (x - 1), 6 * y + 3 * (x - 1) + 1, 6 * y + 3 * (x - 1) + 2});
  }
  const Picture square = of_one_colour(2, 2, {7, 7, 7});
  check_equal(pad_to_square(square, {0, 0, 0}), square);
  CHECK_THROWS_WITH(pad_to_square(of_one_colour(20000, 1, {}), {}), "a picture of 20000 x 1 pixels is too long to be padded to a square");
}

TEST_CASE("the centre crop keeps the middle, and puts a smaller picture in the middle of black") {
  Picture row{.width = 5, .height = 1, .pixels = {}};
  for (int i = 1; i <= 5; ++i) row.pixels.insert(row.pixels.end(), 3, static_cast<std::uint8_t>(i));
  const auto cut = [&](int width, int height) {
    const Picture out = center_crop(row, width, height);
    std::vector<int> reds;
    for (size_t i = 0; i < out.pixels.size(); i += 3) reds.push_back(out.pixels[i]);
    return reds;
  };
  CHECK(cut(5, 1) == std::vector{1, 2, 3, 4, 5});
  CHECK(cut(2, 1) == std::vector{2, 3});
  CHECK(cut(8, 1) == std::vector{0, 0, 1, 2, 3, 4, 5, 0});
  CHECK(cut(3, 2) == std::vector{0, 0, 0, 2, 3, 4});
  CHECK(cut(1, 3) == std::vector{0, 3, 0});
}

TEST_CASE("a picture survives writing and reading") {
  Picture picture{.width = 3, .height = 2, .pixels = {}};
  for (int i = 0; i < 18; ++i) picture.pixels.push_back(static_cast<std::uint8_t>(i * 14));
  const Scratch scratch;
  write_png(scratch / "p.png", picture);
  check_equal(read_picture(scratch / "p.png"), picture);
  REQUIRE(read_file(scratch / "p.png") == png_bytes(picture));
}
