// The "normalizer" of a tokenizer.json: what a text becomes before it is split.
#pragma once

#include <memory>
#include <vector>

#include "modules/base/json.h"
#include "modules/text/aligned.h"

namespace saucier::text {

class Normalizer {
 public:
  // NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, Precompiled, Nmt, ByteLevel, Sequence; null
  // is none. Throws Error naming what is not supported.
  explicit Normalizer(const Json& normalizer);
  Normalizer(Normalizer&&) noexcept;
  Normalizer& operator=(Normalizer&&) noexcept;
  ~Normalizer();

  bool empty() const { return steps_.empty(); }
  void apply(Aligned& text) const;

 private:
  struct Step;
  void add(const Json& normalizer, int depth);
  std::vector<Step> steps_;
};

}  // namespace saucier::text
