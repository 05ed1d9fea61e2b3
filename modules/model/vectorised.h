// What the loops on the CPU share.
#pragma once

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <bit>
#include <cstdint>

// The compiler makes one version of a loop for each of these and the program picks at start: a plain x86-64 build knows
// four floats a register.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SAUCIER_VECTORISED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SAUCIER_VECTORISED
#endif
// What such a loop calls must become part of each version of it.
#define SAUCIER_INLINE inline __attribute__((always_inline))

namespace saucier::model {

constexpr int kLanes = 16;                // independent sums, so that a reduction needs no reordering to vectorise
constexpr std::int64_t kGrain = 1 << 14;  // elements worth a thread

// std::max takes references, which is more than the vectoriser sees through.
SAUCIER_INLINE float larger(float a, float b) { return a > b ? a : b; }

inline std::int64_t grain(std::int64_t width) { return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(width, 1)); }

SAUCIER_INLINE float widen(float x) { return x; }
SAUCIER_INLINE float widen(c10::BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.x) << 16); }

template <class T>
T narrowed(float x);
template <>
SAUCIER_INLINE float narrowed(float x) { return x; }
// To the nearest, ties to even; without a branch, and a NaN stays one.
template <>
SAUCIER_INLINE c10::BFloat16 narrowed(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  return {static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? 0x7fc0U : rounded), c10::BFloat16::from_bits()};
}

// exp as 2^n times the Taylor series of the rest (|r| <= ln 2 / 2: relative error below 1e-8 before rounding). No branch
// and no table, so that loops around it vectorise; a NaN stays one.
SAUCIER_INLINE float exponential(float x) {
  x = x > 88.0F ? 88.0F : x;
  x = x < -87.0F ? -87.0F : x;
  const float shifted = x * 1.44269504F + 12582912.0F;  // 1.5 * 2^23: the integer part lands in the low bits
  const float n = shifted - 12582912.0F;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts
  float p = 1.0F / 5040;
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const std::uint32_t scale = (std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000U;
  return p * std::bit_cast<float>(scale);
}

SAUCIER_INLINE float sigmoid(float x) { return 1.0F / (1.0F + exponential(-x)); }

}  // namespace saucier::model
