// Byte-level BPE tokenizers in Hugging Face's tokenizer.json, read, learned and written.
//
// The pre-tokenizer is GPT-2's: spaces belong to the word behind them, digits stay single (ByteLevel with
// individual digits), every byte has a token, so no text is unknown. Special tokens are matched before anything else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::text {

struct Token {
  std::int32_t id = 0;
  std::int32_t begin = 0;  // byte offsets in the text that was encoded: [begin, end)
  std::int32_t end = 0;
};

struct TokenizerTraining {
  std::int64_t vocab_size = 1024;
  std::vector<std::string> special_tokens = {"<s>", "</s>", "<image>", "<pad>"};  // ids 0, 1, 2, 3
};

struct GgufVocabulary {};

class Tokenizer {
 public:
  // tokenizer.json (model BPE). Throws Error naming the file and the part that is not supported.
  static Tokenizer load(const std::filesystem::path& tokenizer_json);
  // Learns merges from texts: most frequent pair first, ties by the pair's text; deterministic. Ends early when no pair occurs twice.
  static Tokenizer learn(std::span<const std::string> texts, const TokenizerTraining& training);
  // tokenizer.json, tokenizer_config.json, special_tokens_map.json, loadable by transformers' AutoTokenizer.
  void save(const std::filesystem::path& folder) const;

  static Tokenizer from_gguf(const struct GgufVocabulary& vocabulary);
  Tokenizer with_added(std::span<const std::string> special_tokens) const;
  const std::vector<std::int32_t>& begin() const;
  const std::vector<std::int32_t>& end() const;
  std::string chat_template() const;

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // No bos or eos is added. Special tokens in the text become their ids when `special` is true.
  std::vector<Token> encode(std::string_view text, bool special = true) const;
  std::string decode(std::span<const std::int32_t> ids, bool skip_special = true) const;

  std::int64_t vocab_size() const;
  std::int32_t bos() const;    // -1 where there is none
  std::int32_t eos() const;
  std::int32_t pad() const;
  std::int32_t image() const;  // the id that stands for a picture until it is spliced in
  std::int32_t id(std::string_view token) const;  // -1 where unknown
  std::string token(std::int32_t id) const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace saucier::text
