// Bytes damaged at random, the same ones each time: for readers that must answer any file with an error, not a crash.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace saucier {

// One to four edits: bytes changed, cut out, doubled, cut off at the end, put in from `other`; or a run of bytes set to an
// integer that sizes and offsets break on (0, -1, 2^31, 2^63, the file's own size).
inline std::string damaged(std::string_view bytes, std::string_view other, std::mt19937_64& random) {
  std::string out(bytes);
  const auto below = [&](size_t n) { return n == 0 ? size_t{0} : static_cast<size_t>(random() % n); };
  for (size_t edits = 1 + below(4); edits > 0; --edits) {
    // Half of the edits near the front, where the headers are.
    const size_t at = below(random() % 2 ? out.size() + 1 : std::min<size_t>(out.size() + 1, 256));
    const size_t size = 1 + below(1 + below(64));
    switch (below(7)) {
      case 0:
        if (at < out.size()) out[at] = static_cast<char>(below(256));
        break;
      case 1:
        if (at < out.size()) out[at] = static_cast<char>(out[at] ^ (1 << below(8)));
        break;
      case 2: out.erase(std::min(at, out.size()), size); break;
      case 3: out.insert(std::min(at, out.size()), out.substr(below(out.size() + 1), size)); break;
      case 4: out.resize(std::min(at, out.size())); break;
      case 5: out.insert(std::min(at, out.size()), other.substr(below(other.size() + 1), size)); break;
      default: {
        const std::uint64_t values[] = {0, ~std::uint64_t{0}, std::uint64_t{1} << 31, std::uint64_t{1} << 63, out.size(), 100'000'000'000};
        const std::uint64_t value = values[below(std::size(values))];
        const size_t width = size_t{1} << below(4);
        for (size_t i = 0; i < width && at + i < out.size(); ++i) out[at + i] = static_cast<char>(value >> (8 * i));
      }
    }
  }
  return out;
}

}  // namespace saucier
