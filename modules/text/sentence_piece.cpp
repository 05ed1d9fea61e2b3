#include "modules/text/sentence_piece.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "modules/base/error.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

constexpr std::string_view kSpaceSymbol = "\xe2\x96\x81";  // "▁"

}  // namespace

std::int32_t SentencePiece::id(std::string_view piece) const {
  if (const auto found = reserved_.find(piece); found != reserved_.end()) return found->second;
  const auto found = ids_.find(piece);
  return found == ids_.end() ? unknown_ : found->second;
}

size_t SentencePiece::user_defined_prefix(std::string_view text) const {
  size_t longest = 0;
  if (has_user_defined_) user_defined_.prefixes(text, [&](size_t length, std::int32_t) { longest = length; });
  return longest;
}

SentencePiece::Normal SentencePiece::normalise(std::string_view text) const {
  Normal out;
  size_t consumed = 0;
  const std::string_view space = escape_spaces_ ? kSpaceSymbol : " ";
  const auto add = [&](std::string_view written) {
    out.text += written;
    out.place.resize(out.text.size(), static_cast<std::int32_t>(consumed));
  };
  // What the text begins with, and what that becomes.
  struct Prefix {
    std::string_view becomes;
    size_t length = 0;
  };
  const auto prefix = [&](std::string_view rest) -> Prefix {
    if (const size_t length = user_defined_prefix(rest)) return {rest.substr(0, length), length};
    if (const auto found = charsmap_.longest(rest)) return {found->becomes, found->length};
    const size_t length = char_at(rest, 0).length;
    return {rest.substr(0, length), length};
  };
  if (remove_extra_spaces_)
    while (consumed < text.size()) {
      const Prefix next = prefix(text.substr(consumed));
      if (next.becomes != " ") break;
      consumed += next.length;
    }
  if (consumed == text.size()) return out;
  if (!space_behind_ && dummy_prefix_) add(space);
  bool after_space = remove_extra_spaces_;
  while (consumed < text.size()) {
    const Prefix next = prefix(text.substr(consumed));
    std::string_view becomes = next.becomes;
    while (after_space && becomes.starts_with(' ')) becomes.remove_prefix(1);
    for (size_t at = 0; at < becomes.size();) {
      if (becomes[at] == ' ') {
        add(space);
        ++at;
      } else {
        const size_t end = std::min(becomes.find(' ', at), becomes.size());
        add(becomes.substr(at, end - at));
        at = end;
      }
    }
    if (!becomes.empty()) after_space = becomes.ends_with(' ');
    consumed += next.length;
    if (!remove_extra_spaces_) after_space = false;
  }
  if (remove_extra_spaces_)
    while (out.text.ends_with(space)) {
      const size_t length = out.text.size() - space.size();
      consumed = static_cast<size_t>(out.place[length]);
      out.text.resize(length);
      out.place.resize(length);
    }
  if (space_behind_ && dummy_prefix_) add(space);
  out.place.push_back(static_cast<std::int32_t>(consumed));
  return out;
}

std::vector<SentencePiece::Segment> SentencePiece::segment_unigram(std::string_view text) const {
  std::vector<Segment> segments;
  for (const PathPiece& piece : best_path<float>(text, trie_, scores_, unknown_score_))
    segments.push_back({piece.end, piece.id < 0 ? unknown_ : piece.id});
  return segments;
}

std::vector<SentencePiece::Segment> SentencePiece::segment_bpe(std::string_view text) const {
  struct Symbol {
    std::int32_t id = -1;
    std::int32_t begin = 0, end = 0;  // end == begin: merged into the one in front
    std::int32_t left = -1, right = -1;
    bool frozen = false;  // a user defined symbol
  };
  std::vector<Symbol> symbols;
  symbols.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    Symbol symbol;
    const size_t whole = user_defined_prefix(text.substr(at));
    symbol.frozen = whole > 0;
    const Char first = char_at(text, at);
    if (whole) {
      symbol.id = ids_.find(text.substr(at, whole))->second;
    } else if (first.point < symbol_of_.size()) {
      symbol.id = symbol_of_[first.point];
    }
    symbol.begin = static_cast<std::int32_t>(at);
    at += whole ? whole : first.length;
    symbol.end = static_cast<std::int32_t>(at);
    symbol.left = static_cast<std::int32_t>(symbols.size()) - 1;
    symbol.right = at < text.size() ? static_cast<std::int32_t>(symbols.size()) + 1 : -1;
    symbols.push_back(symbol);
  }
  struct Entry {
    float score = 0;
    std::int32_t left = 0;
    std::int32_t id = 0;
    bool operator<(const Entry& other) const { return score < other.score || (score == other.score && left > other.left); }
  };
  std::priority_queue<Entry> queue;
  std::unordered_map<std::int32_t, std::pair<std::int32_t, std::int32_t>> unused;  // the two symbols it came from
  const auto merged = [&](const Symbol& a, const Symbol& b) -> const Merged* {
    if (a.frozen || b.frozen || a.id < 0 || b.id < 0) return nullptr;
    return merges_.find(static_cast<std::uint64_t>(a.id) << 32 | static_cast<std::uint32_t>(b.id));
  };
  const auto offer = [&](std::int32_t place) {
    if (place < 0 || symbols[place].right < 0) return;
    const Symbol& a = symbols[place];
    const Symbol& b = symbols[a.right];
    const Merged* found = merged(a, b);
    if (!found) return;
    queue.push({pieces_[found->id].score, place, found->id});
    if (pieces_[found->id].type == Type::unused) unused[found->id] = {a.id, b.id};
  };
  for (size_t i = 0; i + 1 < symbols.size(); ++i) offer(static_cast<std::int32_t>(i));
  while (!queue.empty()) {
    const Entry top = queue.top();
    queue.pop();
    Symbol& symbol = symbols[top.left];
    if (symbol.begin == symbol.end || symbol.right < 0) continue;
    Symbol& next = symbols[symbol.right];
    const Merged* found = merged(symbol, next);
    if (!found || found->id != top.id) continue;
    symbol.id = top.id;
    symbol.end = next.end;
    next.end = next.begin;
    symbol.right = next.right;
    if (symbol.right >= 0) symbols[symbol.right].left = top.left;
    offer(symbol.left);
    offer(top.left);
  }
  std::vector<Segment> segments;
  const auto count = static_cast<std::int32_t>(pieces_.size());
  const auto size_of = [&](std::int32_t symbol) -> size_t {
    if (symbol < count) return pieces_[symbol].text.size();
    std::string character;
    append_utf8(character, characters_[static_cast<size_t>(symbol - count)]);
    return character.size();
  };
  // An unused piece falls apart into what it was made from.
  const auto write = [&](const auto& self, std::int32_t id, size_t begin, size_t end) -> void {
    const auto parts = id >= 0 && id < count && pieces_[id].type == Type::unused ? unused.find(id) : unused.end();
    if (parts == unused.end()) {
      segments.push_back({end, id >= 0 && id < count ? id : unknown_});
      return;
    }
    const size_t middle = begin + size_of(parts->second.first);
    self(self, parts->second.first, begin, middle);
    self(self, parts->second.second, middle, end);
  };
  for (std::int32_t i = 0; i >= 0 && i < static_cast<std::int32_t>(symbols.size()); i = symbols[i].right)
    write(write, symbols[i].id, static_cast<size_t>(symbols[i].begin), static_cast<size_t>(symbols[i].end));
  // A character may be a reserved piece, which is then what it is.
  size_t begin = 0;
  for (Segment& segment : segments) {
    if (segment.id == unknown_) segment.id = id(text.substr(begin, segment.end - begin));
    begin = segment.end;
  }
  return segments;
}

std::vector<Token> SentencePiece::encode(std::string_view text) const {
  std::vector<Token> tokens;
  const Normal normal = normalise(text);
  if (normal.text.empty()) return tokens;
  size_t begin = 0;
  bool after_unknown = false;
  for (const Segment& segment : bpe_ ? segment_bpe(normal.text) : segment_unigram(normal.text)) {
    const Token token{segment.id, normal.place[begin], normal.place[segment.end]};
    const bool is_unknown = segment.id == unknown_;
    if (is_unknown && byte_fallback_) {
      for (size_t at = begin; at < segment.end; ++at)
        tokens.push_back({byte_ids_[static_cast<unsigned char>(normal.text[at])], token.begin, at + 1 < segment.end ? token.begin : token.end});
    } else if (is_unknown && after_unknown) {
      tokens.back().end = token.end;
    } else {
      tokens.push_back(token);
    }
    after_unknown = is_unknown;
    begin = segment.end;
  }
  return tokens;
}

std::string SentencePiece::decode(const std::vector<std::string>& pieces) const {
  std::string out, bytes;
  const auto write_bytes = [&] {
    for (std::string_view rest = bytes; !rest.empty();) {
      const Utf8Step step = utf8_step(rest);
      out += step.length ? rest.substr(0, step.length) : "\xef\xbf\xbd";
      rest.remove_prefix(step.length ? step.length : 1);  // each byte of what is invalid on its own
    }
    bytes.clear();
  };
  bool at_begin = true, space_seen = false;
  for (std::string_view piece : pieces) {
    const std::int32_t found = id(piece);
    const Type type = pieces_[found].type;
    if (type == Type::byte) {
      bytes += static_cast<char>(std::find(byte_ids_.begin(), byte_ids_.end(), found) - byte_ids_.begin());
      continue;
    }
    write_bytes();
    if (space_seen || !out.empty()) at_begin = false;
    space_seen = false;
    if (type == Type::control) continue;
    if (type == Type::unknown) {
      out += piece == pieces_[found].text ? std::string_view(unknown_surface_) : piece;
      continue;
    }
    if (at_begin && (dummy_prefix_ || remove_extra_spaces_) && piece.starts_with(kSpaceSymbol)) {
      piece.remove_prefix(kSpaceSymbol.size());
      space_seen = !remove_extra_spaces_;
    }
    for (size_t at = 0; at < piece.size();) {
      if (piece.substr(at).starts_with(kSpaceSymbol)) {
        out += ' ';
        at += kSpaceSymbol.size();
      } else {
        out += piece[at++];
      }
    }
  }
  write_bytes();
  return out;
}

}  // namespace saucier::text
