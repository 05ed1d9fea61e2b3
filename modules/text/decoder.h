// The "decoder" of a tokenizer.json: tokens back to text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "modules/base/json.h"

namespace saucier::text {

class Decoder {
 public:
  // ByteLevel, Metaspace, ByteFallback, Fuse, Strip, Replace and Sequence; null joins tokens with spaces. Throws Error
  // naming what is not supported.
  explicit Decoder(const Json& decoder);

  std::string decode(std::vector<std::string> tokens) const;

 private:
  using Tokens = std::vector<std::string>;
  void add(const Json& decoder, int depth);
  std::vector<std::function<void(Tokens&)>> steps_;
};

}  // namespace saucier::text
