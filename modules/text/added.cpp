#include "modules/text/added.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/text/byte_level.h"

namespace saucier::text {
namespace {

bool is_space(char32_t c) {  // Unicode's White_Space
  return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

// Where the white space that ends text[0, end) begins, not before `from`.
size_t space_before(std::string_view text, size_t end, size_t from) {
  while (end > from) {
    size_t begin = end - 1;
    while (begin > from && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
    const Utf8Step step = utf8_step(text.substr(begin, end - begin));
    if (step.length != end - begin || !is_space(step.point)) break;
    end = begin;
  }
  return end;
}

size_t space_behind(std::string_view text, size_t begin, size_t to) {
  while (begin < to) {
    const Utf8Step step = utf8_step(text.substr(begin, to - begin));
    if (!step.length || !is_space(step.point)) break;
    begin += step.length;
  }
  return begin;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].content.empty()) throw Error(fmt::format("added token {} is empty", tokens_[i].id));
    starting_[static_cast<unsigned char>(tokens_[i].content[0])].push_back(i);
  }
  for (auto& list : starting_)
    std::stable_sort(list.begin(), list.end(), [this](std::uint32_t a, std::uint32_t b) {
      return tokens_[a].content.size() > tokens_[b].content.size();
    });
}

AddedTokens AddedTokens::read(const Json& added_tokens) {
  std::vector<AddedToken> tokens;
  for (const Json& token : added_tokens) {
    AddedToken read{.id = token.at("id").get<std::int32_t>(),
                    .content = token.at("content").get<std::string>(),
                    .lstrip = token.value("lstrip", false),
                    .rstrip = token.value("rstrip", false),
                    .normalized = token.value("normalized", false),
                    .special = token.value("special", false)};
    if (token.value("single_word", false))
      throw Error(fmt::format("added token '{}' with single_word is not supported", read.content));
    tokens.push_back(std::move(read));
  }
  return AddedTokens(std::move(tokens));
}

Json AddedTokens::write() const {
  Json out = Json::array();
  for (const AddedToken& token : tokens_)
    out.push_back({{"id", token.id}, {"content", token.content}, {"single_word", false}, {"lstrip", token.lstrip},
                   {"rstrip", token.rstrip}, {"normalized", token.normalized}, {"special", token.special}});
  return out;
}

std::vector<Part> AddedTokens::split(std::string_view text, bool special) const {
  std::vector<Part> parts;
  if (!text.empty()) parts.push_back({-1, 0, text.size()});
  for (const bool normalized : {false, true}) {
    std::vector<Part> finer;
    for (const Part& part : parts) {
      if (part.id >= 0)
        finer.push_back(part);
      else
        split_part(text, part, normalized, special, finer);
    }
    parts = std::move(finer);
  }
  return parts;
}

const AddedToken* AddedTokens::match(std::string_view rest, bool normalized) const {
  for (const std::uint32_t i : starting_[static_cast<unsigned char>(rest[0])])
    if (tokens_[i].normalized == normalized && rest.starts_with(tokens_[i].content)) return &tokens_[i];
  return nullptr;
}

void AddedTokens::split_part(std::string_view text, Part part, bool normalized, bool special,
                             std::vector<Part>& parts) const {
  size_t done = part.begin;
  size_t at = part.begin;
  while (at < part.end) {
    const AddedToken* token = match(text.substr(at, part.end - at), normalized);
    if (!token) {
      ++at;
      continue;
    }
    size_t begin = at;
    size_t end = at + token->content.size();
    at = end;
    if (token->special && !special) continue;
    if (token->lstrip) begin = space_before(text, begin, done);
    if (token->rstrip) end = space_behind(text, end, part.end);
    if (done < begin) parts.push_back({-1, done, begin});
    parts.push_back({token->id, begin, end});
    done = end;
    at = end;
  }
  if (done < part.end) parts.push_back({-1, done, part.end});
}

}  // namespace saucier::text
