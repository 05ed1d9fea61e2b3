// Numbers of Joe and Kuo's table new-joe-kuo-6.21201: for each dimension a primitive polynomial over GF(2) and the first
// direction numbers m_1, m_2, ... Made by `tests/parity/search.py table`; the first row stands for van der Corput's sequence.
#pragma once

#include <array>
#include <cstdint>

#include "runner/search/samplers.h"

namespace saucier::search {

struct SobolRow {
  std::uint32_t polynomial = 0;  // bits from the highest power down to 1
  std::array<std::uint16_t, 9> initial{};
};

extern const std::array<SobolRow, kSobolDimensions> kSobolRows;

}  // namespace saucier::search
