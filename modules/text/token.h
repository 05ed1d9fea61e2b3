// What encoding gives.
#pragma once

#include <cstdint>

namespace saucier::text {

struct Token {
  std::int32_t id = 0;
  std::int32_t begin = 0;  // byte offsets in the text that was encoded: [begin, end)
  std::int32_t end = 0;
};

// LLaVA's IMAGE_TOKEN_INDEX: stands for a picture where the vocabulary has no token for it.
inline constexpr std::int32_t kPicturePlace = -200;
inline constexpr const char* kImage = "<image>";

}  // namespace saucier::text
