// The "post_processor" of a tokenizer.json: what stands around a text's tokens, and what their places leave out.
#pragma once

#include <cstdint>
#include <vector>

#include "modules/base/json.h"

namespace saucier::text {

struct PostProcessor {
  std::vector<std::int32_t> begin = {};
  std::vector<std::int32_t> end = {};
  bool trim_offsets = false;      // a token's place begins behind its spaces and ends before them
  bool add_prefix_space = false;  // then one space of a text's first token counts as added

  // TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing and Sequence; null is none. Throws Error naming
  // what is not supported.
  static PostProcessor read(const Json& post_processor);

 private:
  void add(const Json& post_processor, int depth);
  void add_template(const Json& post_processor);
};

}  // namespace saucier::text
