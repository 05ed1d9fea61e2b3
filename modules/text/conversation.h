// How turns are written out, and which characters are learned.
//
// A template gives pieces, so that the loss mask is a matter of spans, never of re-tokenised prefixes: learned is the
// assistant's text and the end token behind it (LLaVA's v1 mask). With template "plain" (LLaVA's stage 1) the user's text
// is dropped except for the picture and the answer and its line end are learned; it writes no system message, whatever
// is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

struct Template {
  std::string name;
  std::string system = {};         // its own system message
  std::string system_start = {};   // before a system message: "<|im_start|>system\n"
  std::string user = {};           // before a user's text: "USER: "
  std::string assistant = {};      // where the assistant begins, the end of a generation prompt: "ASSISTANT:"
  std::string answer_start = {};   // between that and the answer, learned with it: " "
  std::string user_end = {};       // behind a user's text: " "
  std::string assistant_end = {};  // behind an assistant's text, learned with it: "</s>"
  std::string turn_end = {};       // behind that, not learned: ChatML's "\n"
  std::string system_end = {};     // behind a system message: " "
  bool plain = false;
};

const std::vector<Template>& templates();                 // plain, vicuna_v1, llava_v1, chatml_direct, qwen_2, smollm
const Template* find_template(std::string_view name);     // nullptr where unknown
std::vector<std::string> template_names();

// `system`: "template", "none" (neither text nor what surrounds it) or the text itself. The last message may be the
// user's: then the text ends where the assistant would begin (the generation prompt).
std::vector<Piece> write_out(const Template& form, std::string_view system, const std::vector<Message>& messages);

// Moves the markers "<image>" of a user's text: front ("<image>\nQ"), back ("Q\n<image>") or as_is. Several stand one
// a line. White space around the rest goes, a text without marker stays as it is. Error on another position.
std::string place_image(std::string_view text, std::string_view position);

struct Encoded {
  std::vector<std::int32_t> ids;     // one image() id stands for a whole picture
  std::vector<std::int32_t> labels;  // the id where it is learned, else -100; not shifted
};

inline constexpr std::int32_t kIgnore = -100;

// What the tokenizer puts in front of a text (begin()) first, and nothing behind it. Pieces are tokenised as one text and
// the mask comes from offsets; a token that reaches over a border of learned and not learned belongs to the piece it
// starts in.
Encoded encode(const Tokenizer& tokenizer, const std::vector<Piece>& pieces);

}  // namespace saucier::text
