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

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, std::vector<std::string> contents, bool python_space)
    : tokens_(std::move(tokens)), contents_(std::move(contents)), python_space_(python_space) {
  for (std::uint32_t i = 0; i < tokens_.size(); ++i)
    if (!contents_[i].empty()) starting_[static_cast<unsigned char>(contents_[i][0])].push_back(i);
  for (auto& list : starting_)
    std::stable_sort(list.begin(), list.end(),
                     [this](std::uint32_t a, std::uint32_t b) { return contents_[a].size() > contents_[b].size(); });
}

std::vector<Part> AddedTokens::split(std::string_view text, bool special) const {
  std::vector<Part> parts;
  size_t done = 0;
  size_t at = 0;
  while (at < text.size()) {
    const std::vector<std::uint32_t>& candidates = starting_[static_cast<unsigned char>(text[at])];
    const auto match = std::find_if(candidates.begin(), candidates.end(),
                                    [&](std::uint32_t i) { return text.substr(at).starts_with(contents_[i]); });
    if (match == candidates.end()) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[*match];
    size_t begin = at;
    size_t end = at + contents_[*match].size();
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
