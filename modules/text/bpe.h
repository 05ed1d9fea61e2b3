// Byte pair merges: the words of a text to token ids, as `tokenizers` does.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "modules/text/string_map.h"
#include "modules/text/word_cache.h"

namespace saucier::text {

using Merges = std::vector<std::pair<std::string, std::string>>;

struct BpeOptions {
  bool bytes = false;          // words are raw bytes and the vocab is in GPT-2's alphabet (see takes_bytes)
  bool ignore_merges = false;  // a word that is a token is not merged from its parts
  bool byte_fallback = false;  // a character without token becomes tokens <0x00> to <0xFF>
  bool fuse_unk = false;       // unknown characters beside each other are one token
  std::optional<std::string> unk = {};
};

class Bpe {
 public:
  // merges in order of rank. Throws Error where a merge names a token that the vocab lacks.
  Bpe(const StringMap<std::int32_t>& vocab, const Merges& merges, const BpeOptions& options);

  // Whether every byte's character is in the vocab, so that words may stay bytes.
  static bool takes_bytes(const StringMap<std::int32_t>& vocab);

  // Appends the tokens of a word. Thread-safe; short words are remembered in the cache that the reader reads.
  void encode(std::string_view word, std::vector<WordToken>& out, WordCache::Reader& known) const;
  WordCache& cache() const { return *cache_; }

 private:
  struct Merge {
    std::int32_t rank = 0;
    std::int32_t id = 0;
  };
  struct Symbol {
    std::int32_t id = 0;
    std::int32_t length = 0;  // 0: merged into the one in front
    std::int32_t left = -1, right = -1;
  };
  static std::uint64_t pair(std::int32_t a, std::int32_t b) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) << 32 | static_cast<std::uint32_t>(b);
  }
  const Merge* merge_of(const Symbol& a, const Symbol& b) const { return merges_.find(pair(a.id, b.id)); }
  void find(std::string_view word, std::vector<WordToken>& out) const;
  void first_symbols(std::string_view word, std::vector<Symbol>& symbols) const;
  void merge_short(std::vector<Symbol>& symbols) const;
  void merge_long(std::vector<Symbol>& symbols) const;

  BpeOptions options_;
  std::array<std::int32_t, 256> byte_id_{};    // of a raw byte, or of <0x00> and so on (-1: none)
  std::vector<std::int32_t> character_id_;     // by code point, up to the largest that has a token (-1: none)
  std::int32_t unk_ = -1;
  FlatMap<Merge> merges_;
  bool one_way_ = true;                        // no two merges make the same token
  StringMap<std::int32_t> whole_;              // words that are tokens, with ignore_merges
  std::unique_ptr<WordCache> cache_ = std::make_unique<WordCache>();
};

}  // namespace saucier::text
