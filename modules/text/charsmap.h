// SentencePiece's precompiled character map: a double-array trie (Darts) from texts to what they become.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::text {

class Charsmap {
 public:
  Charsmap() = default;
  // The bytes of normalizer_spec.precompiled_charsmap: the trie's size, the trie, the texts with zeros between. Throws
  // Error where they do not fit together; a damaged trie matches less, it reads nothing outside.
  explicit Charsmap(std::string_view bytes);

  struct Found {
    size_t length = 0;  // bytes of the text that are replaced
    std::string_view becomes;
  };
  std::optional<Found> longest(std::string_view text) const;   // as SentencePiece
  std::optional<Found> shortest(std::string_view text) const;  // as `tokenizers`

 private:
  std::optional<Found> search(std::string_view text, bool longest) const;

  std::vector<std::uint32_t> units_;
  std::string texts_;
};

}  // namespace saucier::text
