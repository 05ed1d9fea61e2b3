// Unigram language model: the most likely way to write a text in pieces (Kudo 2018), as SentencePiece and `tokenizers`
// look for it.
#pragma once

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
      node = step(node, static_cast<unsigned char>(text[i]));
      if (node < 0) return;
      if (nodes_[static_cast<size_t>(node)].value >= 0) found(i + 1, nodes_[static_cast<size_t>(node)].value);
    }
  }

 private:
  struct Node {
    std::int32_t value = -1;
    std::int32_t child = -1;  // where there is one alone, at `byte`
    unsigned char byte = 0;
    bool many = false;  // then they are in children_
  };
  std::int32_t step(std::int32_t node, unsigned char byte) const {
    if (node == 0) return root_[byte];
    const Node& from = nodes_[static_cast<size_t>(node)];
    if (!from.many) return from.byte == byte ? from.child : -1;
    const std::int32_t* found = children_.find(key(node, byte));
    return found ? *found : -1;
  }
  static std::uint64_t key(std::int32_t node, unsigned char byte) { return static_cast<std::uint64_t>(node) << 8 | byte; }

  std::vector<Node> nodes_ = std::vector<Node>(1);                     // the first is the root
  std::vector<std::int32_t> root_ = std::vector<std::int32_t>(256, -1);  // its children by byte
  FlatMap<std::int32_t> children_;
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
