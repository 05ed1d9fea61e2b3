#include "modules/text/learn.h"

#include <algorithm>
#include <queue>

#include "modules/text/byte_level.h"

namespace saucier::text {
namespace {

using Pair = std::pair<std::int32_t, std::int32_t>;

struct PairHash {
  size_t operator()(const Pair& p) const {
    return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(static_cast<std::uint32_t>(p.first)) << 32 |
                                      static_cast<std::uint32_t>(p.second));
  }
};

struct Entry {
  std::int64_t count;
  Pair pair;
};

class Learner {
 public:
  Learner(const StringMap<std::int64_t>& words, std::int32_t first_id) : first_id_(first_id) {
    for (int byte = 0; byte < 256; ++byte) add_token(byte_character(static_cast<unsigned char>(byte)));
    // Sorted, so that nothing depends on the order of a hash table.
    std::vector<std::pair<std::string, std::int64_t>> sorted(words.begin(), words.end());
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [word, count] : sorted) {
      std::vector<std::int32_t> symbols;
      for (const char c : word) symbols.push_back(static_cast<unsigned char>(c));
      words_.push_back(std::move(symbols));
      counts_.push_back(count);
      const std::vector<std::int32_t>& last = words_.back();
      for (size_t i = 0; i + 1 < last.size(); ++i) {
        pairs_[{last[i], last[i + 1]}] += count;
        note({last[i], last[i + 1]}, words_.size() - 1);
      }
    }
  }

  Learned run(std::int64_t tokens) {
    const auto after = [this](const Entry& a, const Entry& b) { return comes_after(a, b); };
    std::priority_queue<Entry, std::vector<Entry>, decltype(after)> queue(after);
    for (const auto& [pair, count] : pairs_) queue.push({count, pair});
    while (static_cast<std::int64_t>(texts_.size()) < tokens && !queue.empty()) {
      const Entry best = queue.top();
      queue.pop();
      const std::int64_t now = pairs_[best.pair];
      if (now != best.count) {  // it changed since it was queued
        if (now > 0) queue.push({now, best.pair});
        continue;
      }
      if (best.count < 2) break;
      learned_.merges.emplace_back(texts_[best.pair.first], texts_[best.pair.second]);
      const std::int32_t id = add_token(texts_[best.pair.first] + texts_[best.pair.second]);
      changed_.clear();
      const std::vector<size_t> places = std::move(where_[best.pair]);
      where_.erase(best.pair);
      for (const size_t word : places) merge(word, best.pair, id);
      std::sort(changed_.begin(), changed_.end());
      changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
      for (const Pair& pair : changed_)
        if (const std::int64_t count = pairs_[pair]; count > 0) queue.push({count, pair});
    }
    return std::move(learned_);
  }

 private:
  // Two merges may write the same token ("ab" + "c", "a" + "bc"): it keeps its first id.
  std::int32_t add_token(const std::string& text) {
    const auto next = static_cast<std::int32_t>(texts_.size());
    const auto [at, fresh] = learned_.vocab.try_emplace(text, first_id_ + next);
    if (fresh) texts_.push_back(text);
    return at->second - first_id_;
  }

  bool comes_after(const Entry& a, const Entry& b) const {
    if (a.count != b.count) return a.count < b.count;
    const std::string& left_a = texts_[a.pair.first];
    const std::string& left_b = texts_[b.pair.first];
    if (left_a != left_b) return left_a > left_b;
    return texts_[a.pair.second] > texts_[b.pair.second];
  }

  void note(const Pair& pair, size_t word) {
    std::vector<size_t>& places = where_[pair];
    if (places.empty() || places.back() != word) places.push_back(word);
  }

  void merge(size_t word, const Pair& pair, std::int32_t id) {
    std::vector<std::int32_t>& symbols = words_[word];
    const std::int64_t count = counts_[word];
    std::vector<std::int32_t> merged;
    for (size_t i = 0; i < symbols.size(); ++i) {
      if (i + 1 < symbols.size() && symbols[i] == pair.first && symbols[i + 1] == pair.second) {
        merged.push_back(id);
        ++i;
      } else {
        merged.push_back(symbols[i]);
      }
    }
    if (merged.size() == symbols.size()) return;  // its pair went in an earlier merge
    for (size_t i = 0; i + 1 < symbols.size(); ++i) pairs_[{symbols[i], symbols[i + 1]}] -= count;
    for (size_t i = 0; i + 1 < merged.size(); ++i) {
      const Pair now{merged[i], merged[i + 1]};
      pairs_[now] += count;
      if (now.first != id && now.second != id) continue;  // the word is noted for this pair already
      note(now, word);
      changed_.push_back(now);
    }
    symbols = std::move(merged);
  }

  std::int32_t first_id_;
  Learned learned_;
  std::vector<std::string> texts_;                  // of token first_id_ + i, in the alphabet
  std::vector<std::vector<std::int32_t>> words_;    // as indices into texts_
  std::vector<std::int64_t> counts_;
  std::unordered_map<Pair, std::int64_t, PairHash> pairs_;
  std::unordered_map<Pair, std::vector<size_t>, PairHash> where_;  // words that hold the pair, or held it once
  std::vector<Pair> changed_;
};

}  // namespace

Learned learn_merges(const StringMap<std::int64_t>& words, std::int64_t tokens, std::int32_t first_id) {
  return Learner(words, first_id).run(tokens);
}

}  // namespace saucier::text
