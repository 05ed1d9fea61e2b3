// Remembers what words were split into: texts repeat their words.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "modules/text/string_map.h"

namespace saucier::text {

// A token of a word's bytes [begin, end).
struct WordToken {
  std::int32_t id = 0;
  std::int32_t begin = 0;
  std::int32_t end = 0;
};

class WordCache {
 public:
  // Reads for as long as it lives; not for two at once in one thread.
  class Reader {
   public:
    explicit Reader(WordCache& cache) : cache_(cache), lock_(cache.mutex_) {}

    // Appends the tokens of a word, from `find(word, out)` where it is not remembered.
    template <class Find>
    void get(std::string_view word, std::vector<WordToken>& out, Find&& find) {
      if (word.size() > kLongest) return find(word, out);
      const auto found = cache_.words_.find(word);
      if (found != cache_.words_.end()) {
        const auto first = cache_.tokens_.begin() + found->second.first;
        out.insert(out.end(), first, first + found->second.count);
        return;
      }
      const size_t from = out.size();
      find(word, out);
      lock_.unlock();
      cache_.add(word, out, from);
      lock_.lock();
    }

   private:
    WordCache& cache_;
    std::shared_lock<std::shared_mutex> lock_;
  };

 private:
  static constexpr size_t kLongest = 64;    // bytes of a word
  static constexpr size_t kMost = 1u << 17;  // words; about 10 MB

  struct Known {
    std::uint32_t first = 0, count = 0;
  };
  void add(std::string_view word, const std::vector<WordToken>& tokens, size_t from) {
    const std::unique_lock lock(mutex_);
    if (words_.size() >= kMost) return;
    const Known known{static_cast<std::uint32_t>(tokens_.size()), static_cast<std::uint32_t>(tokens.size() - from)};
    if (words_.try_emplace(std::string(word), known).second)
      tokens_.insert(tokens_.end(), tokens.begin() + static_cast<std::ptrdiff_t>(from), tokens.end());
  }

  std::shared_mutex mutex_;
  StringMap<Known> words_;
  std::vector<WordToken> tokens_;
};

}  // namespace saucier::text
