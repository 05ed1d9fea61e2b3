// How turns are written out, and which characters are learned.
//
// A template gives pieces, so that the loss mask is a matter of spans, never of re-tokenised prefixes. By default learned
// is the assistant's text and the end token behind it: LLaVA's masks of v1, llama_2 and plain, and what those of mpt and
// chatml_direct were meant to be (LLaVA counts lengths there and is off by the end token since 879ef31). LLaVA's mask of
// v0, which learns the assistant's label and every "###" too, is Learn::kTurns with the templates of v0.
//
// Texts are those of LLaVA's get_prompt and of transformers' apply_chat_template, without the token that begins a text,
// which the tokenizer puts there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/rng.h"
#include "modules/options/data_options.h"
#include "modules/text/tokenizer.h"

namespace saucier::text {

struct Message {
  bool assistant = false;
  std::string text;
};

struct Piece {
  std::string text;
  bool learned = false;
};

using Template = options::TemplateOptions;
struct NamedTemplate {
  std::string name;
  Template form;
};

const std::vector<NamedTemplate>& templates();
const Template* find_template(std::string_view name);  // nullptr where unknown
std::vector<std::string> template_names();

// The recipe's own template, else the named one. Error where the name is unknown, naming the nearest.
const Template& template_of(const options::JobConversation& conversation);

// The system message as a text, "" for none: `said` is "template", "none" or the text itself.
std::string system_text(const Template& form, std::string_view said);
// Of a conversation: with `systems` the one that `rng` draws; without rng the heaviest, of equals the first in the
// order of their texts.
std::string system_text(const options::JobConversation& conversation, Rng* rng = nullptr);

// What is learned: answers with template.learned, of these only the last, template.learned_with_turns too, everything.
enum class Learn { kAnswers, kLastAnswer, kTurns, kAll };
Learn learn_of(std::string_view name);  // as conversation.learn says it

// Neighbours that are both learned or both not are one piece. The last message may be the user's: then the text ends
// where the assistant would begin (the prompt of a generation). Pictures ("<image>" in a user's text) are never learned.
std::vector<Piece> write_out(const Template& form, std::string_view system, const std::vector<Message>& messages,
                             Learn learn = Learn::kAnswers);

// Moves the markers "<image>" of a user's text: front ("<image>\nQ"), back ("Q\n<image>") or as_is. Several stand one
// a line. White space around the rest goes, a text without marker stays as it is. Error on another position.
std::string place_image(std::string_view text, std::string_view position);

// Without the white space around it, as Python's strip has it.
std::string_view strip(std::string_view text);

struct Encoded {
  std::vector<std::int32_t> ids;     // one image() id stands for a whole picture
  std::vector<std::int32_t> labels;  // the id where it is learned, else -100; not shifted
};

inline constexpr std::int32_t kIgnore = -100;

// What the tokenizer puts in front of a text (begin()) first, and nothing behind it. Pieces are tokenised as one text and
// the mask comes from offsets; a token that reaches over a border of learned and not learned belongs to the piece it
// starts in.
Encoded encode(const Tokenizer& tokenizer, const std::vector<Piece>& pieces);

// The same, cut behind its first `keep` tokens (begin() included), or a few before that so that no character is cut in
// two and nothing past byte `end` of the text stays; the pieces are cut with it.
Encoded encode_cut(const Tokenizer& tokenizer, std::vector<Piece>& pieces, size_t keep, size_t end);

}  // namespace saucier::text
