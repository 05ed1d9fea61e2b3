#include "modules/text/unigram.h"

#include <algorithm>

#include "modules/text/utf8.h"

namespace saucier::text {

void Trie::add(std::string_view piece, std::int32_t value) {
  std::int32_t node = 0;
  for (const char c : piece) {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t next = step(node, byte);
    if (next < 0) {
      next = static_cast<std::int32_t>(nodes_.size());
      nodes_.push_back(Node{});
      Node& from = nodes_[static_cast<size_t>(node)];
      if (node == 0) {
        root_[byte] = next;
      } else if (!from.many && from.child < 0) {
        from.child = next;
        from.byte = byte;
      } else {
        if (!from.many) children_.set(key(node, from.byte), from.child);
        from.many = true;
        children_.set(key(node, byte), next);
      }
    }
    node = next;
  }
  nodes_[static_cast<size_t>(node)].value = value;
}

template <class Sum>
std::vector<PathPiece> best_path(std::string_view text, const Trie& trie, const std::vector<double>& scores, Sum unknown) {
  struct Node {
    Sum score = 0;
    std::int32_t begin = -1;  // of the piece that ends here
    std::int32_t id = -1;
  };
  std::vector<Node> nodes(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    const size_t length = char_at(text, at).length;
    const Sum till_here = nodes[at].score;
    bool has_single = false;
    const auto offer = [&](size_t size, std::int32_t id, auto score) {
      Node& node = nodes[at + size];
      if (node.begin < 0 || score > node.score) node = {static_cast<Sum>(score), static_cast<std::int32_t>(at), id};
    };
    trie.prefixes(text.substr(at), [&](size_t size, std::int32_t id) {
      offer(size, id, static_cast<Sum>(scores[static_cast<size_t>(id)] + till_here));
      has_single |= size == length;
    });
    if (!has_single) offer(length, -1, unknown + till_here);
    at += length;
  }
  std::vector<PathPiece> path;
  for (size_t end = text.size(); end > 0;) {
    const Node& node = nodes[end];
    path.push_back({static_cast<size_t>(node.begin), end, node.id});
    end = static_cast<size_t>(node.begin);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

template std::vector<PathPiece> best_path(std::string_view, const Trie&, const std::vector<double>&, float);
template std::vector<PathPiece> best_path(std::string_view, const Trie&, const std::vector<double>&, double);

}  // namespace saucier::text
