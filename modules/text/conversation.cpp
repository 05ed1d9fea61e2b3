#include "modules/text/conversation.h"

#include <algorithm>

#include "modules/base/error.h"

namespace saucier::text {
namespace {

constexpr std::string_view kMarker = "<image>";
constexpr const char* kChatEnd = "<|im_end|>";

std::string strip(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin));
}

Template vicuna(const char* name, const char* system) {
  return {.name = name,
          .system = system,
          .user = "USER: ",
          .assistant = "ASSISTANT:",
          .answer_start = " ",
          .user_end = " ",
          .assistant_end = "</s>",
          .system_end = " "};
}

// ChatML with a line end behind every turn.
Template chatml(const char* name, const char* system) {
  return {.name = name,
          .system = system,
          .system_start = "<|im_start|>system\n",
          .user = "<|im_start|>user\n",
          .assistant = "<|im_start|>assistant\n",
          .user_end = "<|im_end|>\n",
          .assistant_end = kChatEnd,
          .turn_end = "\n",
          .system_end = "<|im_end|>\n"};
}

// Neighbours of the same kind become one piece.
void append(std::vector<Piece>& pieces, std::string_view text, bool learned) {
  if (text.empty()) return;
  if (!pieces.empty() && pieces.back().learned == learned)
    pieces.back().text += text;
  else
    pieces.push_back({std::string(text), learned});
}

}  // namespace

const std::vector<Template>& templates() {
  static const std::vector<Template> list = {
      {.name = "plain", .assistant_end = "\n", .plain = true},
      vicuna("vicuna_v1",
             "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
             "detailed, and polite answers to the user's questions."),
      vicuna("llava_v1",
             "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, "
             "detailed, and polite answers to the human's questions."),
      {.name = "chatml_direct",
       .system = "Answer the questions.",
       .system_start = "<|im_start|>system\n",
       .user = "<|im_start|>user\n",
       .assistant = "<|im_start|>assistant\n",
       .user_end = kChatEnd,
       .assistant_end = kChatEnd,
       .system_end = kChatEnd},
      chatml("qwen_2", "You are a helpful assistant."),
      chatml("smollm", "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
  };
  return list;
}

const Template* find_template(std::string_view name) {
  for (const Template& form : templates())
    if (form.name == name) return &form;
  return nullptr;
}

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  for (const Template& form : templates()) names.push_back(form.name);
  return names;
}

std::vector<Piece> write_out(const Template& form, std::string_view system, const std::vector<Message>& messages) {
  std::vector<Piece> pieces;
  if (!form.plain && system != "none") {
    append(pieces, form.system_start, false);
    append(pieces, system == "template" ? std::string_view(form.system) : system, false);
    append(pieces, form.system_end, false);
  }
  for (const Message& message : messages) {
    if (message.assistant) {
      append(pieces, form.assistant, false);
      append(pieces, form.answer_start, true);
      append(pieces, message.text, true);
      append(pieces, form.assistant_end, true);
      append(pieces, form.turn_end, false);
    } else if (form.plain) {
      for (size_t at = message.text.find(kMarker); at != std::string::npos; at = message.text.find(kMarker, at + kMarker.size())) append(pieces, kMarker, false);
    } else {
      append(pieces, form.user, false);
      append(pieces, message.text, false);
      append(pieces, form.user_end, false);
    }
  }
  if (!messages.empty() && !messages.back().assistant) append(pieces, form.assistant, false);
  return pieces;
}

std::string place_image(std::string_view text, std::string_view position) {
  if (position != "front" && position != "back" && position != "as_is")
    throw Error(fmt::format("image position '{}' is not known (allowed 'front', 'back', 'as_is')", position));
  if (position == "as_is" || text.find(kMarker) == std::string_view::npos) return std::string(text);
  std::string rest, markers;
  for (size_t at = 0; at < text.size();) {
    const size_t marker = text.find(kMarker, at);
    rest += text.substr(at, marker - at);
    if (marker != std::string_view::npos) markers += fmt::format("{}{}", markers.empty() ? "" : "\n", kMarker);
    at = marker == std::string_view::npos ? text.size() : marker + kMarker.size();
  }
  rest = strip(rest);
  if (rest.empty() && position == "back") return markers;
  return position == "front" ? fmt::format("{}\n{}", markers, rest) : fmt::format("{}\n{}", rest, markers);
}

Encoded encode(const Tokenizer& tokenizer, const std::vector<Piece>& pieces) {
  std::string text;
  std::vector<std::int32_t> ends;  // of the pieces, in bytes
  for (const Piece& piece : pieces) {
    text += piece.text;
    ends.push_back(static_cast<std::int32_t>(text.size()));
  }
  Encoded out;
  out.ids = tokenizer.begin();
  out.labels.assign(out.ids.size(), kIgnore);
  size_t piece = 0;
  for (const Token& token : tokenizer.encode(text)) {
    while (piece < pieces.size() && token.begin >= ends[piece]) ++piece;
    out.ids.push_back(token.id);
    out.labels.push_back(piece < pieces.size() && pieces[piece].learned && token.id >= 0 ? token.id : kIgnore);
  }
  return out;
}

}  // namespace saucier::text
