// Byte pair merges: the words of a text to token ids.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace saucier::text {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// A token inside a word: it ends `end` bytes behind the word's begin and begins where the one before it ends.
struct WordToken {
  std::int32_t id = 0;
  std::int32_t end = 0;
};

class Bpe {
 public:
  // vocab: token (in GPT-2's alphabet) to id; merges in order of rank. Throws Error where a byte has no token or a merge
  // names a token that the vocab lacks. ignore_merges: a word that is a token is not merged from its parts.
  Bpe(const StringMap<std::int32_t>& vocab, const std::vector<std::pair<std::string, std::string>>& merges,
      bool ignore_merges);

  // Appends the tokens of a word (raw bytes). Thread-safe; short words are remembered.
  void encode(std::string_view word, std::vector<WordToken>& out) const;

 private:
  struct Merge {
    std::int32_t rank = 0;
    std::int32_t id = 0;
  };
  static std::uint64_t pair(std::int32_t a, std::int32_t b) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) << 32 | static_cast<std::uint32_t>(b);
  }
  std::vector<WordToken> merge(std::string_view word) const;

  std::int32_t byte_id_[256] = {};
  std::unordered_map<std::uint64_t, Merge> merges_;
  StringMap<std::int32_t> whole_;  // raw bytes of every token, with ignore_merges

  mutable std::shared_mutex mutex_;
  mutable StringMap<std::vector<WordToken>> known_;
};

}  // namespace saucier::text
