// Tokenizers as Hugging Face's folders hold them: tokenizer.json (json_tokenizer.h), SentencePiece's tokenizer.model
// (piece_tokenizer.h), the vocabulary in a GGUF file (gguf_vocabulary.h); learned, read and written.
//
// Ids and places are those of the libraries `tokenizers`, `sentencepiece` and transformers' LlamaTokenizer:
// - Places are bytes of the text that was encoded. They begin and end between characters: of a character in several
//   tokens each has all of it (in a tokenizer.model the last has it, those before are empty and in front).
// - A text that is not UTF-8 has the tokens of the text in which every maximal invalid part is U+FFFD; the places are
//   those of the invalid bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/text/gguf_vocabulary.h"
#include "modules/text/token.h"

namespace saucier::text {

struct TokenizerTraining {
  std::int64_t vocab_size = 1024;
  std::vector<std::string> special_tokens = {"<s>", "</s>", "<image>", "<pad>"};  // ids 0, 1, 2, 3
};

class Tokenizer {
 public:
  // A folder (tokenizer.json, else tokenizer.model), one of those files, or a GGUF file. Roles come from tokenizer_config.json and
  // special_tokens_map.json beside it. Throws Error naming the file and the field that is wrong or not supported.
  static Tokenizer load(const std::filesystem::path& folder_or_file);
  static Tokenizer from_gguf(const GgufVocabulary& vocabulary);
  // Learns merges from texts: most frequent pair first, ties by the pair's text; deterministic. Ends early when no pair occurs twice.
  static Tokenizer learn(std::span<const std::string> texts, const TokenizerTraining& training);
  // A copy with further special tokens behind the largest id; those that the vocabulary has keep theirs. "<pad>" becomes
  // the pad token.
  Tokenizer with_added(std::span<const std::string> special_tokens) const;
  // tokenizer.json or tokenizer.model, tokenizer_config.json and special_tokens_map.json, loadable by transformers'
  // AutoTokenizer.
  void save(const std::filesystem::path& folder) const;

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // begin() and end() are not added. Special tokens in the text become their ids when `special` is true, and so does
  // "<image>" (image()). trim: places as the post-processor of tokenizer.json writes them, which may leave a token's
  // spaces out (trim_offsets); else a token's place is all it was made from.
  std::vector<Token> encode(std::string_view text, bool special = true, bool trim = false) const;
  // kPicturePlace is nothing. Throws Error on an id outside the vocabulary.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special = true) const;

  std::int64_t vocab_size() const;  // the largest id + 1, added tokens included
  std::int32_t bos() const;         // -1 where there is none
  std::int32_t eos() const;
  std::int32_t pad() const;
  std::int32_t unk() const;
  // What the tokenizer itself puts before and behind a text: the post-processor of tokenizer.json, add_bos_token and
  // add_eos_token beside a tokenizer.model. A tokenizer may have a bos token and put none.
  const std::vector<std::int32_t>& begin() const;
  const std::vector<std::int32_t>& end() const;
  std::int32_t image() const;  // stands for a picture until it is spliced in: the token "<image>", else kPicturePlace
  std::int32_t id(std::string_view token) const;  // -1 where unknown
  std::string token(std::int32_t id) const;
  bool is_special(std::int32_t id) const;
  std::string fingerprint() const;  // SHA-256 of all that decides about tokens; equal for a tokenizer and its copy on disk
  const std::string& chat_template() const;  // Jinja, from chat_template.jinja or tokenizer_config.json; empty: none

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace saucier::text
