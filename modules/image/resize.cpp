#include <algorithm>
#include <cmath>
#include <numbers>

#include "modules/base/error.h"
#include "modules/image/picture.h"

// Weights are rounded to integers: a fused multiply-add could tip one over, and results must be Pillow's bit for bit.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

// The compiler makes one version of a loop for each of these and the program picks at start.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define SAUCIER_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SAUCIER_VECTORISED
#endif

namespace saucier::image {
namespace {

// Weights are integers in units of 2^-22: 8 bits of pixel, 22 of weight and 2 for overshoot fill 32.
constexpr int kPrecision = 22;
constexpr std::int32_t kHalf = 1 << (kPrecision - 1);

double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

double bilinear(double x) { return std::max(0.0, 1 - std::abs(x)); }

double hamming(double x) {
  x = std::abs(x);
  if (x == 0) return 1;
  if (x >= 1) return 0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (static_cast<double>(0.54F) + static_cast<double>(0.46F) * std::cos(x));
}

// Keys' cubic convolution kernel with a = -0.5.
double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

struct Kernel {
  double (*at)(double);
  double support;  // radius, in source pixels when not shrinking
};

Kernel kernel_of(Filter filter) {
  switch (filter) {
    case Filter::box: return {box, 0.5};
    case Filter::bilinear: return {bilinear, 1};
    case Filter::hamming: return {hamming, 1};
    case Filter::bicubic: return {bicubic, 2};
    case Filter::lanczos: return {lanczos, 3};
    case Filter::nearest: break;
  }
  SAUCIER_CHECK(false, "filter {}", static_cast<int>(filter));
  return {};
}

// The source pixels that one target pixel is made of.
struct Tap {
  int first = 0;
  int count = 0;
  const std::int32_t* weights = nullptr;  // of first, first + 1, …; they sum to about 2^22
};

struct Taps {
  std::vector<Tap> taps;
  std::vector<std::int32_t> weights;

  // The source pixels that are needed at all.
  int begin() const { return taps.front().first; }
  int end() const { return taps.back().first + taps.back().count; }
};

// Of the `count` target pixels from `first` on. When shrinking, the kernel is stretched by the factor, so that it averages
// over all the pixels that vanish.
Taps make_taps(int from, int to, const Kernel& kernel, int first, int count) {
  const double scale = static_cast<double>(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;
  const double shrink = 1.0 / stretch;
  Taps out;
  out.taps.resize(static_cast<size_t>(count));
  const size_t most = static_cast<size_t>(std::ceil(support)) * 2 + 1;
  out.weights.resize(most * out.taps.size());
  std::vector<double> shares(most);
  for (size_t i = 0; i < out.taps.size(); ++i) {
    const double center = (first + static_cast<int>(i) + 0.5) * scale;
    const int begin = std::max(0, static_cast<int>(center - support + 0.5));
    const int end = std::min(from, static_cast<int>(center + support + 0.5));
    std::int32_t* const weights = out.weights.data() + most * i;
    out.taps[i] = {.first = begin, .count = end - begin, .weights = weights};
    double sum = 0;
    for (int x = begin; x < end; ++x) {
      const double share = kernel.at((x - center + 0.5) * shrink);
      shares[static_cast<size_t>(x - begin)] = share;
      sum += share;
    }
    for (int k = 0; k < end - begin; ++k) {
      const double share = sum != 0 ? shares[static_cast<size_t>(k)] / sum : shares[static_cast<size_t>(k)];
      weights[k] = static_cast<std::int32_t>(share * (1 << kPrecision) + (share < 0 ? -0.5 : 0.5));
    }
  }
  return out;
}

std::uint8_t to_byte(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }

// Rows are taken kRows at a time and laid beside each other, so that one weight meets kLanes numbers in a row.
constexpr int kRows = 4;
constexpr int kLanes = kRows * 4;  // red, green, blue and nothing

SAUCIER_VECTORISED
void resize_rows(const std::int32_t* from, const Tap* taps, int width, std::int32_t* to) {
  for (int i = 0; i < width; ++i, to += kLanes) {
    const Tap& tap = taps[i];
    const std::int32_t* pixel = from + static_cast<std::ptrdiff_t>(tap.first) * kLanes;
    std::int32_t sums[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] = kHalf;
    for (int k = 0; k < tap.count; ++k, pixel += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) sums[lane] += pixel[lane] * tap.weights[k];
    for (int lane = 0; lane < kLanes; ++lane) to[lane] = std::clamp(sums[lane] >> kPrecision, 0, 255);
  }
}

// A target row for each source row of [begin, end).
Picture resize_width(const Picture& in, const Taps& taps, int begin, int end) {
  const int width = static_cast<int>(taps.taps.size());
  Picture out{.width = width, .height = end - begin, .pixels = {}};
  const size_t in_row = static_cast<size_t>(in.width) * 3, out_row = static_cast<size_t>(width) * 3;
  out.pixels.resize(out_row * static_cast<size_t>(out.height));
  std::vector<std::int32_t> from(static_cast<size_t>(in.width) * kLanes), to(static_cast<size_t>(width) * kLanes);
  for (int y = 0; y < out.height; y += kRows) {
    const int rows = std::min(kRows, out.height - y);
    for (int r = 0; r < rows; ++r) {
      const std::uint8_t* bytes = in.pixels.data() + in_row * static_cast<size_t>(begin + y + r) + std::ptrdiff_t{3} * taps.begin();
      std::int32_t* lanes = from.data() + std::ptrdiff_t{kLanes} * taps.begin() + std::ptrdiff_t{4} * r;
      for (int x = taps.begin(); x < taps.end(); ++x, bytes += 3, lanes += kLanes)
        for (int c = 0; c < 3; ++c) lanes[c] = bytes[c];
    }
    resize_rows(from.data(), taps.taps.data(), width, to.data());
    for (int r = 0; r < rows; ++r) {
      std::uint8_t* bytes = out.pixels.data() + out_row * static_cast<size_t>(y + r);
      const std::int32_t* lanes = to.data() + std::ptrdiff_t{4} * r;
      for (int x = 0; x < width; ++x, bytes += 3, lanes += kLanes)
        for (int c = 0; c < 3; ++c) bytes[c] = static_cast<std::uint8_t>(lanes[c]);
    }
  }
  return out;
}

SAUCIER_VECTORISED
void add_row(const std::uint8_t* from, std::int32_t weight, std::int32_t* sums, size_t count) {
  for (size_t i = 0; i < count; ++i) sums[i] += from[i] * weight;
}

SAUCIER_VECTORISED
void to_bytes(const std::int32_t* sums, std::uint8_t* to, size_t count) {
  for (size_t i = 0; i < count; ++i) to[i] = to_byte(sums[i]);
}

// Columns [left, left + width) of `in`, whose first row is row `top` of the picture that the taps count from.
Picture resize_height(const Picture& in, const Taps& taps, int top, int left, int width) {
  const size_t in_row = static_cast<size_t>(in.width) * 3, row = static_cast<size_t>(width) * 3;
  Picture out{.width = width, .height = static_cast<int>(taps.taps.size()), .pixels = {}};
  out.pixels.resize(row * taps.taps.size());
  std::vector<std::int32_t> sums(row);
  std::uint8_t* to = out.pixels.data();
  for (const Tap& tap : taps.taps) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const std::uint8_t* from = in.pixels.data() + static_cast<size_t>(tap.first - top) * in_row + std::ptrdiff_t{3} * left;
    for (int k = 0; k < tap.count; ++k, from += in_row) add_row(from, tap.weights[k], sums.data(), row);
    to_bytes(sums.data(), to, row);
    to += row;
  }
  return out;
}

// The pixel under the middle of each; the position is added up as Pillow does.
std::vector<int> nearest(int from, int to, int first, int count) {
  const double scale = static_cast<double>(from) / to;
  std::vector<int> out(static_cast<size_t>(count));
  double at = scale * 0.5;
  for (int i = 0; i < first; ++i) at += scale;
  for (int& index : out) {
    index = std::min(static_cast<int>(at), from - 1);
    at += scale;
  }
  return out;
}

Picture resize_nearest(const Picture& in, int width, int height, const Part& part) {
  const std::vector<int> columns = nearest(in.width, width, part.left, part.width), rows = nearest(in.height, height, part.top, part.height);
  Picture out{.width = part.width, .height = part.height, .pixels = {}};
  out.pixels.resize(columns.size() * rows.size() * 3);
  std::uint8_t* to = out.pixels.data();
  for (const int y : rows)
    for (const int x : columns) to = std::copy_n(in.pixels.data() + (static_cast<std::ptrdiff_t>(y) * in.width + x) * 3, 3, to);
  return out;
}

}  // namespace

Picture resize(const Picture& picture, int width, int height, Filter filter) {
  return resize(picture, width, height, filter, {.left = 0, .top = 0, .width = width, .height = height});
}

Picture resize(const Picture& picture, int width, int height, Filter filter, const Part& part) {
  SAUCIER_CHECK(picture.width > 0 && picture.height > 0 && part.left >= 0 && part.top >= 0 && part.width > 0 && part.height > 0 &&
                    part.left + part.width <= width && part.top + part.height <= height,
                "resize {} x {} to {} x {}", picture.width, picture.height, width, height);
  if (picture.width == width && picture.height == height) return part.width == width && part.height == height ? picture : crop(picture, part);
  if (filter == Filter::nearest) return resize_nearest(picture, width, height, part);
  const Kernel kernel = kernel_of(filter);
  // Two passes, rounded to bytes in between; a side that stays is not touched. Which pass comes first changes last
  // bits: Pillow 13 takes the height first where it takes away more than twice the rows that the width takes away
  // columns (tests/parity/pictures.py --live tries sizes around that border); Pillow 12 and before always took the width.
  const auto columns = [&] { return make_taps(picture.width, width, kernel, part.left, part.width); };
  const auto rows = [&] { return make_taps(picture.height, height, kernel, part.top, part.height); };
  if (picture.width == width) return resize_height(picture, rows(), 0, part.left, part.width);
  if (picture.height == height) return resize_width(picture, columns(), part.top, part.top + part.height);
  const Taps across = columns(), down = rows();
  if (height < picture.height && picture.height - height > 2 * (picture.width - width)) {
    const Picture half = resize_height(picture, down, 0, 0, picture.width);
    return resize_width(half, across, 0, half.height);
  }
  const Picture half = resize_width(picture, across, down.begin(), down.end());
  return resize_height(half, down, down.begin(), 0, half.width);
}

}  // namespace saucier::image
