#include "modules/text/added.h"

#include <algorithm>

#include "modules/text/unicode.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

bool is_blank(char32_t c, bool python) { return is_space(c) || (python && c >= 0x1c && c <= 0x1f); }

// Where the white space that ends text[0, end) begins, not before `from`.
size_t space_before(std::string_view text, size_t end, size_t from, bool python) {
  while (end > from) {
    const size_t begin = char_before(text, end);
    if (!is_blank(char_at(text, begin).point, python)) break;
    end = begin;
  }
  return std::max(end, from);
}

size_t space_behind(std::string_view text, size_t begin, bool python) {
  while (begin < text.size() && is_blank(char_at(text, begin).point, python)) begin += char_at(text, begin).length;
  return begin;
}

bool is_single_word(std::string_view text, size_t begin, size_t end) {
  const bool word_before = begin > 0 && is_word(char_at(text, char_before(text, begin)).point);
  return !word_before && !(end < text.size() && is_word(char_at(text, end).point));
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const std::vector<std::string>& contents, bool python_space)
    : tokens_(std::move(tokens)), python_space_(python_space) {
  for (size_t i = 0; i < tokens_.size(); ++i)
    if (!contents[i].empty()) trie_.add(contents[i], static_cast<std::int32_t>(i));
}

std::vector<Part> AddedTokens::split(std::string_view text, bool special) const {
  std::vector<Part> parts;
  size_t done = 0;
  size_t at = 0;
  while (at < text.size()) {
    size_t length = 0;
    std::int32_t found = -1;
    trie_.prefixes(text.substr(at), [&](size_t size, std::int32_t place) {
      length = size;
      found = place;
    });
    if (found < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(found)];
    size_t begin = at;
    size_t end = at + length;
    at = end;
    if ((token.special && !special) || (token.single_word && !is_single_word(text, begin, end))) continue;
    if (token.lstrip) begin = space_before(text, begin, done, python_space_);
    if (token.rstrip) end = space_behind(text, end, python_space_);
    if (done < begin) parts.push_back({nullptr, done, begin});
    parts.push_back({&token, begin, end});
    done = end;
  }
  if (done < text.size()) parts.push_back({nullptr, done, text.size()});
  return parts;
}

}  // namespace saucier::text
