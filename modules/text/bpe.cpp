#include "modules/text/bpe.h"

#include <algorithm>
#include <queue>
#include <tuple>

#include "modules/base/error.h"
#include "modules/text/byte_level.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

constexpr size_t kShort = 24;  // symbols: up to here looking at all of them is quicker than a heap

}  // namespace

bool Bpe::takes_bytes(const StringMap<std::int32_t>& vocab) {
  for (int byte = 0; byte < 256; ++byte)
    if (!vocab.contains(byte_character(static_cast<unsigned char>(byte)))) return false;
  return true;
}

Bpe::Bpe(const StringMap<std::int32_t>& vocab, const Merges& merges, const BpeOptions& options) : options_(options) {
  const auto id_of = [&](const std::string& token) {
    const auto found = vocab.find(token);
    return found == vocab.end() ? -1 : found->second;
  };
  for (int byte = 0; byte < 256; ++byte)
    byte_id_[byte] = id_of(options.bytes ? byte_character(static_cast<unsigned char>(byte)) : fmt::format("<0x{:02X}>", byte));
  if (!options.bytes)
    for (const auto& [token, id] : vocab) {
      if (token.empty() || char_at(token, 0).length != token.size()) continue;
      const char32_t point = char_at(token, 0).point;
      if (point >= character_id_.size()) character_id_.resize(point + 1, -1);
      character_id_[point] = id;
    }
  if (options.unk) {
    unk_ = id_of(*options.unk);
    if (unk_ < 0) throw Error(fmt::format("'model.unk_token' '{}' is not in the vocabulary", *options.unk));
  }
  merges_.reserve(merges.size());
  std::vector<std::int32_t> made;
  std::int32_t rank = 0;
  for (const auto& [left, right] : merges) {
    const auto need = [&](const std::string& token) {
      const std::int32_t id = id_of(token);
      if (id < 0) throw Error(fmt::format("merge {} ('{}' and '{}') needs the token '{}', which the vocab lacks", rank, left, right, token));
      return id;
    };
    const std::int32_t a = need(left), b = need(right), id = need(left + right);
    merges_.set(pair(a, b), Merge{rank, id});
    made.push_back(id);
    ++rank;
  }
  std::sort(made.begin(), made.end());
  one_way_ = std::adjacent_find(made.begin(), made.end()) == made.end();
  if (!options.ignore_merges) return;
  for (const auto& [token, id] : vocab) {
    if (!options.bytes)
      whole_.emplace(token, id);
    else if (auto bytes = bytes_of_characters(token))
      whole_.emplace(std::move(*bytes), id);
  }
}

void Bpe::encode(std::string_view word, std::vector<WordToken>& out, WordCache::Reader& known) const {
  known.get(word, out, [this](std::string_view text, std::vector<WordToken>& tokens) { find(text, tokens); });
}

void Bpe::find(std::string_view word, std::vector<WordToken>& out) const {
  if (options_.ignore_merges)
    if (const auto found = whole_.find(word); found != whole_.end()) {
      out.push_back({found->second, 0, static_cast<std::int32_t>(word.size())});
      return;
    }
  std::vector<Symbol> symbols;
  first_symbols(word, symbols);
  for (size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].left = static_cast<std::int32_t>(i) - 1;
    symbols[i].right = i + 1 < symbols.size() ? static_cast<std::int32_t>(i) + 1 : -1;
  }
  if (symbols.size() <= kShort && one_way_)
    merge_short(symbols);
  else
    merge_long(symbols);
  std::int32_t begin = 0;
  for (const Symbol& symbol : symbols) {
    if (symbol.length) out.push_back({symbol.id, begin, begin + symbol.length});
    begin += symbol.length;
  }
}

// As BPE::merge_word of `tokenizers`, also in that a character without any token vanishes and that an unknown stretch
// comes behind the byte tokens inside it.
void Bpe::first_symbols(std::string_view word, std::vector<Symbol>& symbols) const {
  symbols.reserve(word.size());
  if (options_.bytes) {
    for (const char c : word) symbols.push_back({byte_id_[static_cast<unsigned char>(c)], 1});
    return;
  }
  std::int32_t unknown = 0;  // bytes of the unknown stretch that is not written yet
  for (size_t at = 0; at < word.size();) {
    const Char c = char_at(word, at);
    const auto length = static_cast<std::int32_t>(c.length);
    const std::int32_t id = c.point < character_id_.size() ? character_id_[c.point] : -1;
    if (id >= 0) {
      if (unknown) symbols.push_back({unk_, unknown});
      unknown = 0;
      symbols.push_back({id, length});
    } else {
      const std::string_view bytes = word.substr(at, c.length);
      const auto has_token = [this](char byte) { return byte_id_[static_cast<unsigned char>(byte)] >= 0; };
      if (options_.byte_fallback && std::all_of(bytes.begin(), bytes.end(), has_token)) {
        for (const char byte : bytes) symbols.push_back({byte_id_[static_cast<unsigned char>(byte)], 1});
      } else if (unk_ >= 0) {
        if (unknown && !options_.fuse_unk) {
          symbols.push_back({unk_, unknown});
          unknown = 0;
        }
        unknown += length;
      }
    }
    at += c.length;
  }
  if (unknown) symbols.push_back({unk_, unknown});
}

// The lowest rank, leftmost first, found anew for every merge.
void Bpe::merge_short(std::vector<Symbol>& symbols) const {
  size_t count = symbols.size();
  std::array<const Merge*, kShort> merges{};
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = merge_of(symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = count;
    for (size_t i = 0; i + 1 < count; ++i)
      if (merges[i] && (best == count || merges[i]->rank < merges[best]->rank)) best = i;
    if (best == count) break;
    symbols[best].id = merges[best]->id;
    symbols[best].length += symbols[best + 1].length;
    for (size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i] = merges[i + 1];
    }
    --count;
    merges[best] = best + 1 < count ? merge_of(symbols[best], symbols[best + 1]) : nullptr;
    if (best > 0) merges[best - 1] = merge_of(symbols[best - 1], symbols[best]);
  }
  symbols.resize(count);
}

// Symbols in a doubly linked list; a heap gives the lowest rank, leftmost first. An entry that no longer holds is known
// by its token: where two merges make the same token, `tokenizers` takes the older entry's rank for it, and so do we.
void Bpe::merge_long(std::vector<Symbol>& symbols) const {
  using Entry = std::tuple<std::int32_t, std::int32_t, std::int32_t>;  // rank, place, new id
  std::vector<Entry> first;
  first.reserve(symbols.size());
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    if (const Merge* merge = merge_of(symbols[i], symbols[i + 1])) first.emplace_back(merge->rank, static_cast<std::int32_t>(i), merge->id);
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue(std::greater<>{}, std::move(first));
  const auto offer = [&](std::int32_t place) {
    if (place < 0 || symbols[place].right < 0) return;
    if (const Merge* merge = merge_of(symbols[place], symbols[symbols[place].right])) queue.emplace(merge->rank, place, merge->id);
  };
  while (!queue.empty()) {
    const auto [rank, place, id] = queue.top();
    queue.pop();
    Symbol& symbol = symbols[place];
    if (symbol.length == 0 || symbol.right < 0) continue;
    Symbol& next = symbols[symbol.right];
    const Merge* merge = merge_of(symbol, next);
    if (!merge || merge->id != id) continue;
    symbol.id = id;
    symbol.length += next.length;
    next.length = 0;
    symbol.right = next.right;
    if (symbol.right >= 0) symbols[symbol.right].left = place;
    offer(symbol.left);
    offer(place);
  }
}

}  // namespace saucier::text
