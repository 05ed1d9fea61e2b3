// A tokenizer.json at work: the added tokens, the normalizer, the pre-tokenizer, the model, the post-processor and the
// decoder of Hugging Face's `tokenizers`. "truncation" and "padding" are left out, as transformers does unless asked.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "modules/base/json.h"
#include "modules/text/added.h"
#include "modules/text/bpe.h"
#include "modules/text/decoder.h"
#include "modules/text/normalizer.h"
#include "modules/text/post_processor.h"
#include "modules/text/split.h"
#include "modules/text/token.h"
#include "modules/text/unigram.h"
#include "modules/text/vocabulary.h"

namespace saucier::text {

class JsonTokenizer {
 public:
  // Throws Error naming the field that is wrong or not supported.
  explicit JsonTokenizer(const Json& document);

  // Of a valid text. trim: places as the post-processor writes them (trim_offsets).
  std::vector<Token> encode(std::string_view text, bool special, bool trim) const;
  std::string decode(std::span<const std::int32_t> ids) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const PostProcessor& around() const { return post_processor_; }

 private:
  struct UnigramModel {
    Trie trie;
    StringMap<std::int32_t> ids;
    std::vector<double> scores;
    std::vector<std::int32_t> bytes;  // of <0x00> and so on; empty without byte_fallback
    double unknown_score = 0;
    std::int32_t unk = -1;
    std::unique_ptr<WordCache> cache = std::make_unique<WordCache>();

    void encode(std::string_view word, std::vector<WordToken>& out) const;
    void piece(std::string_view word, size_t begin, size_t end, std::vector<WordToken>& out) const;
  };

  void read_bpe(const Json& model);
  void read_unigram(const Json& model);
  void read_added(const Json& added_tokens);
  void encode_part(std::string_view text, size_t begin, bool special, std::vector<Token>& tokens) const;
  void encode_words(Aligned text, std::vector<Token>& tokens) const;
  void trim(std::string_view text, std::vector<Token>& tokens) const;

  Vocabulary vocabulary_;
  AddedTokens added_, normalized_;
  std::vector<bool> is_added_;  // by id
  Normalizer normalizer_;
  Splitter splitter_;
  std::variant<std::monostate, Bpe, UnigramModel> model_;
  PostProcessor post_processor_;
  Decoder decoder_;
};

}  // namespace saucier::text
