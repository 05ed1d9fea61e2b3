// Kinds of sample that a teacher in words writes: what it is told, what it is shown as examples, how its reply is read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "modules/data/scenes/scene.h"
#include "modules/options/kind_options.h"
#include "modules/teach/parse.h"
#include "modules/teach/writer.h"

namespace saucier::teach {

struct WritingKind {
  struct Example {
    std::string context, reply;
  };
  std::string name;
  std::string system;  // "{turns}" in it: how many pairs are asked for, in words
  std::vector<Example> examples;
  Layout layout = Layout::kDialogue;
  bool boxes = true;   // whether the context has boxes and notes
  std::vector<std::string> questions;  // of Layout::kAnswer

  // Digest of all of it, 16 hex digits.
  std::string version() const;
  // The system message, each example as a user's turn and an assistant's, the picture's context last: LLaVA's order. An
  // example of a dialogue shows at most `turns` pairs. Only messages are set.
  Prompt prompt(const data::CaptionsAndBoxes& context, std::int64_t turns) const;
};

// conversation, detail, reasoning.
const std::vector<WritingKind>& ready_kinds();

// The ready kind of that name with what `options` says over it, or one that is all the recipe's own. `options` may be
// null for a ready kind. Throws Error where a file cannot be read or something is missing.
WritingKind writing_kind(const std::string& name, const options::KindOptions* options);

}  // namespace saucier::teach
