// Added tokens of a tokenizer.json: matched in the text before it is split into words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "modules/text/unigram.h"

namespace saucier::text {

struct AddedToken {
  std::int32_t id = 0;
  std::string content = {};
  bool single_word = false;  // not beside a letter or digit
  bool lstrip = false;       // takes the white space in front of it
  bool rstrip = false;       // takes the white space behind it
  bool normalized = false;   // matched in the normalised text
  bool special = false;
};

// A part of a text: an added token (found), or text.
struct Part {
  const AddedToken* token = nullptr;
  size_t begin = 0;
  size_t end = 0;
};

// Finds one set of added tokens: those of the text as it is, or those of the normalised text.
class AddedTokens {
 public:
  AddedTokens() = default;
  // contents: what is matched for each token, its own content or that normalised; an empty one never is. python_space:
  // lstrip and rstrip take what Python's strip takes, U+001C to U+001F too.
  AddedTokens(std::vector<AddedToken> tokens, const std::vector<std::string>& contents, bool python_space = false);

  bool empty() const { return tokens_.empty(); }
  // A valid text in parts, in order, without gaps; leftmost longest match. Without `special`, special tokens are text.
  std::vector<Part> split(std::string_view text, bool special) const;

 private:
  std::vector<AddedToken> tokens_;
  bool python_space_ = false;
  Trie trie_;  // contents to places in tokens_
};

}  // namespace saucier::text
