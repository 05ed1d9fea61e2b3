// Unigram language model: the most likely way to write a text in pieces (Kudo 2018), as SentencePiece and `tokenizers`
// look for it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "modules/text/string_map.h"

namespace saucier::text {

// Which pieces begin a text.
class Trie {
 public:
  void add(std::string_view piece, std::int32_t value);  // not empty; a piece added twice has the last value

  // Calls found(length, value) for every piece that begins the text, shortest first.
  template <class Found>
  void prefixes(std::string_view text, Found&& found) const {
    std::int32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const std::int32_t* next = step(node, text[i]);
      if (!next) return;
      node = *next;
      if (values_[node] >= 0) found(i + 1, values_[node]);
    }
  }

 private:
  const std::int32_t* step(std::int32_t node, char byte) const {
    return children_.find(static_cast<std::uint64_t>(node) << 8 | static_cast<unsigned char>(byte));
  }
  FlatMap<std::int32_t> children_;
  std::vector<std::int32_t> values_ = {-1};
};

// A piece of the best path: bytes [begin, end); id -1 is a character that no piece holds.
struct PathPiece {
  size_t begin = 0;
  size_t end = 0;
  std::int32_t id = -1;
};

// The best path through a valid text. The best sums are kept in the type that the library has which is to be equalled:
// float in SentencePiece, double in `tokenizers`. scores: by id; a character that no piece holds alone has the score
// `unknown`.
template <class Sum>
std::vector<PathPiece> best_path(std::string_view text, const Trie& trie, const std::vector<double>& scores, Sum unknown);

extern template std::vector<PathPiece> best_path(std::string_view, const Trie&, const std::vector<double>&, float);
extern template std::vector<PathPiece> best_path(std::string_view, const Trie&, const std::vector<double>&, double);

}  // namespace saucier::text
