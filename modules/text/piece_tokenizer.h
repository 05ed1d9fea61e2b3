// A tokenizer.model with what tokenizer_config.json says of it, as the slow LlamaTokenizer of transformers does: added
// tokens cut the text, and `legacy` decides whether a text behind one gets a space of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"
#include "modules/text/added.h"
#include "modules/text/aligned.h"
#include "modules/text/sentence_piece.h"
#include "modules/text/token.h"
#include "modules/text/vocabulary.h"

namespace saucier::text {

class PieceTokenizer {
 public:
  // config: of tokenizer_config.json, with added_tokens_decoder, the roles' tokens and additional_special_tokens; an
  // object. added_tokens: of added_tokens.json, or null. Throws Error naming the field that is wrong.
  PieceTokenizer(std::string_view model, const Json& config, const Json& added_tokens);

  std::vector<Token> encode(std::string_view text, bool special) const;  // of a valid text
  std::string decode(std::span<const std::int32_t> ids, bool skip_special) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  bool legacy() const { return legacy_; }
  bool prefix_space() const { return prefix_space_; }
  bool adds_bos() const { return adds_bos_; }
  bool adds_eos() const { return adds_eos_; }
  Json added_tokens_decoder() const;  // all added tokens, as tokenizer_config.json has them

 private:
  void read_added(const Json& config, const Json& added_tokens);
  void add(AddedToken token);
  void encode_part(const Aligned& text, size_t begin, size_t end, std::vector<Token>& tokens) const;
  std::string to_text(std::vector<std::string> tokens) const;

  SentencePiece model_;
  Vocabulary vocabulary_;
  std::vector<AddedToken> tokens_;
  StringMap<std::int32_t> known_;  // their ids by content
  AddedTokens added_;
  bool legacy_ = true;
  bool prefix_space_ = true;
  bool adds_bos_ = true;
  bool adds_eos_ = false;
  std::string unk_;
  size_t unk_length_ = 0;  // tokens that the unknown token's text is
};

}  // namespace saucier::text
