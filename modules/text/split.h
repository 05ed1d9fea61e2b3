// Pre-tokenizers: how a text falls into words before byte pairs are merged inside them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"

namespace saucier::text {

// A word: bytes [begin, end) of the text.
struct Word {
  size_t begin = 0;
  size_t end = 0;
};

class Splitter {
 public:
  // From the "pre_tokenizer" of a tokenizer.json: ByteLevel, Digits, Split by a regular expression (isolated), and a
  // Sequence of these. Throws Error naming what is not supported.
  explicit Splitter(const Json& pre_tokenizer);
  Splitter(Splitter&&) noexcept;
  Splitter& operator=(Splitter&&) noexcept;
  ~Splitter();

  // The words of a text, in order, without gaps. Invalid UTF-8 is a word of its own. Thread-safe.
  std::vector<Word> split(std::string_view text) const;

  static Json gpt2_digits();  // the pre_tokenizer of learned tokenizers

 private:
  struct Step;
  void add(const Json& pre_tokenizer);
  std::vector<Step> steps_;
};

}  // namespace saucier::text
