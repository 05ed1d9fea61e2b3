#include "modules/text/bpe.h"

#include <queue>
#include <tuple>

#include "modules/base/error.h"
#include "modules/text/byte_level.h"

namespace saucier::text {
namespace {

constexpr size_t kLongestKnown = 64;      // bytes of a word that is remembered
constexpr size_t kMostKnown = 1u << 17;   // words; about 10 MB

}  // namespace

Bpe::Bpe(const StringMap<std::int32_t>& vocab, const std::vector<std::pair<std::string, std::string>>& merges,
         bool ignore_merges) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = vocab.find(byte_character(static_cast<unsigned char>(byte)));
    if (found == vocab.end()) throw Error(fmt::format("byte {:#04x} has no token; only byte-level vocabularies are supported", byte));
    byte_id_[byte] = found->second;
  }
  merges_.reserve(merges.size());
  std::int32_t rank = 0;
  for (const auto& [left, right] : merges) {
    const auto id_of = [&](const std::string& token) {
      const auto found = vocab.find(token);
      if (found == vocab.end()) throw Error(fmt::format("merge {} ('{}' and '{}') needs the token '{}', which the vocab lacks", rank, left, right, token));
      return found->second;
    };
    merges_.try_emplace(pair(id_of(left), id_of(right)), Merge{rank, id_of(left + right)});
    ++rank;
  }
  if (ignore_merges)
    for (const auto& [token, id] : vocab) whole_.emplace(from_byte_characters(token), id);
}

void Bpe::encode(std::string_view word, std::vector<WordToken>& out) const {
  if (word.size() > kLongestKnown) {
    const std::vector<WordToken> tokens = merge(word);
    out.insert(out.end(), tokens.begin(), tokens.end());
    return;
  }
  {
    const std::shared_lock lock(mutex_);
    const auto found = known_.find(word);
    if (found != known_.end()) {
      out.insert(out.end(), found->second.begin(), found->second.end());
      return;
    }
  }
  std::vector<WordToken> tokens = merge(word);
  out.insert(out.end(), tokens.begin(), tokens.end());
  const std::unique_lock lock(mutex_);
  if (known_.size() < kMostKnown) known_.try_emplace(std::string(word), std::move(tokens));
}

std::vector<WordToken> Bpe::merge(std::string_view word) const {
  if (const auto found = whole_.find(word); found != whole_.end())
    return {{found->second, static_cast<std::int32_t>(word.size())}};

  // Symbols in a doubly linked list; a heap gives the lowest rank, leftmost first. An entry whose symbols have changed
  // since is recognised by its merge no longer being theirs.
  struct Symbol {
    std::int32_t id, begin, end, left, right;
  };
  const auto count = static_cast<std::int32_t>(word.size());
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (std::int32_t i = 0; i < count; ++i)
    symbols.push_back({byte_id_[static_cast<unsigned char>(word[i])], i, i + 1, i - 1, i + 1 < count ? i + 1 : -1});

  using Entry = std::tuple<std::int32_t, std::int32_t, std::int32_t>;  // rank, place, new id
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  const auto offer = [&](std::int32_t place) {
    if (place < 0 || symbols[place].right < 0) return;
    const auto found = merges_.find(pair(symbols[place].id, symbols[symbols[place].right].id));
    if (found != merges_.end()) queue.emplace(found->second.rank, place, found->second.id);
  };
  for (std::int32_t i = 0; i + 1 < count; ++i) offer(i);
  while (!queue.empty()) {
    const auto [rank, place, id] = queue.top();
    queue.pop();
    Symbol& symbol = symbols[place];
    if (symbol.id < 0 || symbol.right < 0) continue;
    Symbol& next = symbols[symbol.right];
    const auto found = merges_.find(pair(symbol.id, next.id));
    if (found == merges_.end() || found->second.rank != rank) continue;
    symbol.id = id;
    symbol.end = next.end;
    next.id = -1;
    symbol.right = next.right;
    if (symbol.right >= 0) symbols[symbol.right].left = place;
    offer(symbol.left);
    offer(place);
  }
  std::vector<WordToken> tokens;
  for (std::int32_t i = 0; i >= 0 && i < count; i = symbols[i].right) tokens.push_back({symbols[i].id, symbols[i].end});
  return tokens;
}

}  // namespace saucier::text
