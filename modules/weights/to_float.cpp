// The blocks are ggml's (ggml-common.h); each number is computed with the roundings, and in the order, of gguf-py's
// quants.py, so that the results are equal bit for bit. CMakeLists.txt keeps the compiler from fusing products and sums.
#include <algorithm>
#include <bit>
#include <cstring>
#include <thread>

#include "modules/base/error.h"
#include "modules/weights/container.h"

namespace saucier::weights {
namespace {

constexpr size_t kBytesPerThread = 4 << 20;  // of output; below it a thread costs more than it saves

template <class T>
T load(const std::byte* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

float from_half(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffu, sign = std::uint32_t{half & 0x8000u} << 16, shifted = magnitude << 13;
  constexpr std::uint32_t kSmallest = 113u << 23;  // 2^-14: what subnormal halves are fractions of
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(std::bit_cast<float>(kSmallest | shifted) - std::bit_cast<float>(kSmallest));
  const std::uint32_t rest = magnitude >= 0x7c00 ? 0x7f800000u | shifted : shifted + (112u << 23);
  return std::bit_cast<float>(sign | (magnitude < 0x400 ? subnormal : rest));
}

float from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

float half_at(const std::byte* at) { return from_half(load<std::uint16_t>(at)); }
int byte_at(const std::byte* at) { return std::to_integer<int>(*at); }

template <class T>
void plain(const std::byte* in, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<T>(in + i * sizeof(T)));
}
template <float (*kConvert)(std::uint16_t)>
void narrow(const std::byte* in, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = kConvert(load<std::uint16_t>(in + 2 * i));
}
void boolean(const std::byte* in, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = in[i] == std::byte{0} ? 0.f : 1.f;
}

// Blocks of 32. d: scale (half), m: least value (half); two 4-bit numbers a byte, the first half of a block in the low ones.
void q8_0(const std::byte* in, float* out, size_t blocks) {
  for (; blocks > 0; --blocks, in += 34, out += 32) {
    const float d = half_at(in);
    for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(load<std::int8_t>(in + 2 + i));
  }
}
void q4_0(const std::byte* in, float* out, size_t blocks) {
  for (; blocks > 0; --blocks, in += 18, out += 32) {
    const float d = half_at(in);
    for (int i = 0; i < 16; ++i) {
      const int pair = byte_at(in + 2 + i);
      out[i] = d * static_cast<float>((pair & 15) - 8);
      out[i + 16] = d * static_cast<float>((pair >> 4) - 8);
    }
  }
}
void q4_1(const std::byte* in, float* out, size_t blocks) {
  for (; blocks > 0; --blocks, in += 20, out += 32) {
    const float d = half_at(in), m = half_at(in + 2);
    for (int i = 0; i < 16; ++i) {
      const int pair = byte_at(in + 4 + i);
      out[i] = d * static_cast<float>(pair & 15) + m;
      out[i + 16] = d * static_cast<float>(pair >> 4) + m;
    }
  }
}

// Blocks of 256 = 8 × 32, each with a 6-bit scale and least value in 12 bytes: bytes 0-3 and 4-7 hold those of the first
// four and, in their top two bits, the top bits of the last four, whose low bits are the halves of bytes 8-11.
void q4_k(const std::byte* in, float* out, size_t blocks) {
  for (; blocks > 0; --blocks, in += 144) {
    const float d = half_at(in), dmin = half_at(in + 2);
    const std::byte* scales = in + 4;
    for (int group = 0; group < 8; ++group, out += 32) {
      const int j = group % 4, a = byte_at(scales + j), b = byte_at(scales + 4 + j), c = byte_at(scales + 8 + j);
      const float scale = d * static_cast<float>(group < 4 ? a & 63 : (c & 15) | ((a >> 2) & 48));
      const float least = dmin * static_cast<float>(group < 4 ? b & 63 : (c >> 4) | ((b >> 2) & 48));
      const std::byte* pairs = in + 16 + 32 * (group / 2);
      for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>((byte_at(pairs + i) >> (group % 2 * 4)) & 15) - least;
    }
  }
}
// 128 bytes of low four bits, 64 of high two, 16 scales, d. Eight runs of 32, of which each half's four share 64 low bytes
// and 32 high ones.
void q6_k(const std::byte* in, float* out, size_t blocks) {
  for (; blocks > 0; --blocks, in += 210) {
    const float d = half_at(in + 208);
    for (int run = 0; run < 8; ++run, out += 32) {
      const std::byte* low = in + 64 * (run / 4) + 32 * (run % 2);
      const std::byte* high = in + 128 + 32 * (run / 4);
      const int low_shift = run % 4 / 2 * 4, high_shift = run % 4 * 2;
      for (int part = 0; part < 2; ++part) {
        const float scale = d * static_cast<float>(load<std::int8_t>(in + 192 + 2 * run + part));
        for (int i = 16 * part; i < 16 * part + 16; ++i) {
          const int number = ((byte_at(low + i) >> low_shift) & 15) | ((byte_at(high + i) >> high_shift) & 3) << 4;
          out[i] = scale * static_cast<float>(number - 32);
        }
      }
    }
  }
}

void convert(Dtype dtype, const std::byte* in, float* out, size_t blocks) {
  switch (dtype) {
    case Dtype::f64: return plain<double>(in, out, blocks);
    case Dtype::f32: return void(std::memcpy(out, in, 4 * blocks));
    case Dtype::f16: return narrow<from_half>(in, out, blocks);
    case Dtype::bf16: return narrow<from_bfloat>(in, out, blocks);
    case Dtype::i64: return plain<std::int64_t>(in, out, blocks);
    case Dtype::i32: return plain<std::int32_t>(in, out, blocks);
    case Dtype::i16: return plain<std::int16_t>(in, out, blocks);
    case Dtype::i8: return plain<std::int8_t>(in, out, blocks);
    case Dtype::u8: return plain<std::uint8_t>(in, out, blocks);
    case Dtype::boolean: return boolean(in, out, blocks);
    case Dtype::q8_0: return q8_0(in, out, blocks);
    case Dtype::q4_0: return q4_0(in, out, blocks);
    case Dtype::q4_1: return q4_1(in, out, blocks);
    case Dtype::q4_k: return q4_k(in, out, blocks);
    case Dtype::q6_k: return q6_k(in, out, blocks);
  }
}

}  // namespace

void to_float(const Tensor& tensor, std::span<float> out) {
  SAUCIER_CHECK(out.size() == tensor.elements(), "{} places for {} numbers", out.size(), tensor.elements());
  const size_t blocks = tensor.bytes / block_bytes(tensor.dtype);
  if (blocks == 0) return;
  const size_t threads = std::clamp<size_t>(out.size_bytes() / kBytesPerThread, 1, std::max(1u, std::thread::hardware_concurrency()));
  const auto part = [&](size_t number) {
    const size_t begin = blocks * number / threads, end = blocks * (number + 1) / threads;
    convert(tensor.dtype, tensor.data + begin * block_bytes(tensor.dtype), out.data() + begin * block_elements(tensor.dtype), end - begin);
  };
  std::vector<std::jthread> others;
  for (size_t number = 1; number < threads; ++number) others.emplace_back(part, number);
  part(0);
}

}  // namespace saucier::weights
