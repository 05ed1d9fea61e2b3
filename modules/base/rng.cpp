#include "modules/base/rng.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "modules/base/error.h"

// a * b + c must round twice, also where the machine could do it in one instruction: results must agree bit for bit.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace saucier {
namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits in which every input bit counts.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

std::uint32_t low_half(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high_half(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// Natural logarithm of a positive normal number, to an ulp or two, without libm (whose last bit differs between
// versions): x = m 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(f), f = (m - 1) / (m + 1), |f| < 0.172.
double exact_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact; m in [1/2, 1)
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double f = (m - 1) / (m + 1);
  const double f2 = f * f;
  double series = 0;
  for (int k = 23; k >= 1; k -= 2) series = series * f2 + 1.0 / k;  // the next term is below 1e-20
  return 2 * f * series + exponent * 0.69314718055994530942;
}

double polynomial(const std::array<double, 8>& c, double x) {
  double out = 0;
  for (size_t i = c.size(); i-- > 0;) out = out * x + c[i];
  return out;
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {high_half(b) ^ counter[1] ^ key[0], low_half(b), high_half(a) ^ counter[3] ^ key[1], low_half(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, std::string_view stream, std::uint64_t index) {
  // Two streams of a seed, and two seeds of a stream, never share a key unless the names' 64-bit hashes collide.
  const std::uint64_t key = mix(seed ^ mix(fnv1a(stream)));
  key_ = {low_half(key), high_half(key)};
  counter_ = {0, 0, low_half(index), high_half(index)};  // the first two words count blocks
}

void Rng::refill() {
  block_ = philox4x32(counter_, key_);
  if (++counter_[0] == 0) ++counter_[1];
  used_ = 0;
}

std::uint32_t Rng::next32() {
  if (used_ == 4) refill();
  return block_[static_cast<size_t>(used_++)];
}

std::uint64_t Rng::next64() {
  const std::uint64_t low = next32();
  return low | (std::uint64_t{next32()} << 32);
}

double Rng::uniform() { return static_cast<double>(next64() >> 11) * 0x1p-53; }

double Rng::uniform(double low, double high) {
  const double x = low + (high - low) * uniform();
  return x < high || high <= low ? x : std::nextafter(high, low);  // rounding may reach `high`
}

std::int64_t Rng::integer(std::int64_t low, std::int64_t high) {
  SAUCIER_CHECK(low <= high, "no integer from {} to {}", low, high);
  const std::uint64_t size = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (size == 0) return static_cast<std::int64_t>(next64());  // all 2^64 of them
  // 2^64 mod size draws are too many to share out evenly: the lowest ones are drawn again.
  const std::uint64_t surplus = (0 - size) % size;
  std::uint64_t draw = next64();
  while (draw < surplus) draw = next64();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + draw % size);
}

double Rng::normal() {
  // One bit for the side and 52 for p in (0, 1/2): both tails are resolved alike (to 8.2 sigma) and p is exact.
  const std::uint64_t bits = next64();
  const double p = (static_cast<double>(bits >> 12) + 0.5) * 0x1p-53;
  return (bits & 1u) != 0 ? -normal_quantile(p) : normal_quantile(p);
}

bool Rng::chance(double probability) { return uniform() < probability; }

size_t Rng::weighted(std::span<const double> weights) {
  double sum = 0;
  for (const double w : weights) {
    SAUCIER_CHECK(w >= 0, "weight {}", w);
    sum += w;
  }
  SAUCIER_CHECK(sum > 0 && std::isfinite(sum), "the weights sum to {}", sum);
  double rest = uniform() * sum;
  size_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    if (rest < weights[i]) return i;
    rest -= weights[i];
    last = i;
  }
  return last;  // rounding: what was left over belongs to the last one that can be drawn
}

double normal_quantile(double p) {
  SAUCIER_CHECK(p > 0 && p < 1, "p is {}", p);
  // Coefficients of PPND16, lowest power first.
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q *
           polynomial(
               {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
                4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
               r) /
           polynomial(
               {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
                3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3},
               r);
  }
  double r = std::sqrt(-exact_log(q < 0 ? p : 1 - p));
  double x = 0;
  if (r <= 5) {
    r -= 1.6;
    x = polynomial(
            {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
             1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
            r) /
        polynomial({1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
                    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                    1.05075007164441684324e-9},
                   r);
  } else {
    r -= 5;
    x = polynomial({6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                    2.71155556874348757815e-5, 2.01033439929228813265e-7},
                   r) /
        polynomial({1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                    2.04426310338993978564e-15},
                   r);
  }
  return q < 0 ? -x : x;
}

std::uint64_t permuted_index(std::uint64_t index, std::uint64_t size, std::uint64_t seed, std::uint64_t epoch) {
  SAUCIER_CHECK(index < size, "index {} of {}", index, size);
  // A Feistel network permutes 2 * half bits, the smallest even number of bits that holds `size`; walking on from
  // values beyond `size` until one is inside (fewer than four steps on average) leaves a permutation of 0..size-1.
  const int half = (std::max(1, static_cast<int>(std::bit_width(size - 1))) + 1) / 2;
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  constexpr int kRounds = 8;
  std::array<std::uint64_t, kRounds> keys{};
  Rng rng(seed, "permutation", epoch);
  for (std::uint64_t& key : keys) key = rng.next64();
  std::uint64_t x = index;
  do {
    std::uint64_t left = x >> half, right = x & mask;
    for (const std::uint64_t key : keys) {
      const std::uint64_t next = left ^ (mix(right ^ key) & mask);
      left = right;
      right = next;
    }
    x = (left << half) | right;
  } while (x >= size);
  return x;
}

}  // namespace saucier
