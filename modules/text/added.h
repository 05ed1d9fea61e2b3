// Added tokens of a tokenizer.json: matched in the text before it is split into words.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"

namespace saucier::text {

struct AddedToken {
  std::int32_t id = 0;
  std::string content = {};
  bool lstrip = false;      // takes the white space in front of it
  bool rstrip = false;      // takes the white space behind it
  bool normalized = false;  // matched after those that are not
  bool special = false;
};

// A part of a text: an added token (id >= 0), or text (-1).
struct Part {
  std::int32_t id = -1;
  size_t begin = 0;
  size_t end = 0;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);
  // "added_tokens" of a tokenizer.json. Throws Error naming what is not supported.
  static AddedTokens read(const Json& added_tokens);
  Json write() const;

  // The text in parts, in order, without gaps; leftmost longest match. Without `special`, special tokens are text.
  std::vector<Part> split(std::string_view text, bool special) const;
  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  void split_part(std::string_view text, Part part, bool normalized, bool special, std::vector<Part>& parts) const;
  const AddedToken* match(std::string_view rest, bool normalized) const;

  std::vector<AddedToken> tokens_;
  std::array<std::vector<std::uint32_t>, 256> starting_;  // tokens by their first byte, longest first
};

}  // namespace saucier::text
