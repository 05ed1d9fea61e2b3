// Pre-tokenizers: how a text falls into words before tokens are found inside them.
#pragma once

#include <string_view>
#include <vector>

#include "modules/base/json.h"
#include "modules/text/aligned.h"

namespace saucier::text {

// A word: bytes [begin, end) of the text.
struct Word {
  size_t begin = 0;
  size_t end = 0;
};

struct Words {
  Aligned text;
  std::vector<Word> words;  // in order, none empty
};

class Splitter {
 public:
  // From the "pre_tokenizer" of a tokenizer.json: ByteLevel, Split, Digits, Metaspace, Whitespace, WhitespaceSplit,
  // Punctuation and Sequence; null is none. Throws Error naming what is not supported.
  explicit Splitter(const Json& pre_tokenizer);
  Splitter(Splitter&&) noexcept;
  Splitter& operator=(Splitter&&) noexcept;
  ~Splitter();

  // Of a valid text. Thread-safe.
  Words split(Aligned text) const;

  // Whether the words are written in GPT-2's alphabet at the very end; split() leaves that step to the model, which
  // then takes bytes.
  bool ends_in_bytes() const { return ends_in_bytes_; }
  // Where a model cannot take bytes: the step is done here.
  void write_byte_characters();

  static Json gpt2_digits();  // the pre_tokenizer of learned tokenizers

 private:
  struct Step;
  void add(const Json& pre_tokenizer, int depth);
  std::vector<Step> steps_;
  bool ends_in_bytes_ = false;
};

}  // namespace saucier::text
