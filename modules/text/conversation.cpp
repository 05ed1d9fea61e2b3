#include "modules/text/conversation.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/text/unicode.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

constexpr std::string_view kMarker = kImage;

// Pieces as they come; neighbours of the same kind become one.
class Writer {
 public:
  void add(std::string_view text, bool learned) {
    if (text.empty()) return;
    if (!pieces_.empty() && pieces_.back().learned == learned)
      pieces_.back().text += text;
    else
      pieces_.push_back({std::string(text), learned});
  }
  std::vector<Piece> take() { return std::move(pieces_); }

 private:
  std::vector<Piece> pieces_;
};

class ConversationText {
 public:
  ConversationText(const Template& form, const std::vector<Message>& messages, Learn learn)
      : form_(form), messages_(messages), learn_(learn) {
    for (size_t i = 0; i < messages.size(); ++i)
      if (messages[i].assistant) last_answer_ = i;
  }

  std::vector<Piece> write(std::string_view system) {
    system = form_.questions ? text_of(system) : "";
    if (!form_.system_in_user) add_system(system);
    for (size_t i = 0; i < messages_.size(); ++i) {
      const Message& message = messages_[i];
      if (message.assistant) {
        add_answer(message, i);
        continue;
      }
      if (i > 0) out_.add(form_.between, everything());
      add_question(message, i, i == 0 && form_.system_in_user ? system : "");
    }
    if (messages_.empty()) return out_.take();
    if (messages_.back().assistant) out_.add(form_.closing, part("closing", last_answer_));
    else out_.add(form_.assistant, false);
    return out_.take();
  }

 private:
  bool everything() const { return learn_ == Learn::kAll; }
  bool answer(size_t i) const { return learn_ != Learn::kLastAnswer || i == last_answer_; }
  bool part(std::string_view name, size_t of_answer) const {
    const auto in = [&](const std::vector<std::string>& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
    return everything() || (answer(of_answer) && (in(form_.learned) || (learn_ == Learn::kTurns && in(form_.learned_with_turns))));
  }
  std::string_view text_of(std::string_view text) const { return form_.trim ? strip(text) : text; }

  void add_system(std::string_view system) {
    if (system.empty()) return;
    out_.add(form_.system_start, everything());
    out_.add(system, everything());
    out_.add(form_.system_end, part("system_end", 1));
  }

  void add_question(const Message& message, size_t i, std::string_view system) {
    if (form_.questions) out_.add(form_.user, everything());
    add_system(system);
    const std::string_view text = text_of(message.text);
    for (size_t at = 0; at < text.size();) {
      const size_t marker = std::min(text.find(kMarker, at), text.size());
      if (form_.questions) out_.add(text.substr(at, marker - at), everything());
      if (marker < text.size()) {
        out_.add(form_.picture_start, everything());
        out_.add(kMarker, false);
        out_.add(form_.picture_end, everything());
      }
      at = marker + (marker < text.size() ? kMarker.size() : 0);
    }
    if (form_.questions) out_.add(form_.user_end, i + 1 < messages_.size() ? part("user_end", i + 1) : everything());
  }

  void add_answer(const Message& message, size_t i) {
    out_.add(form_.assistant, part("assistant", i));
    out_.add(form_.answer_start, part("answer_start", i));
    out_.add(text_of(message.text), everything() || answer(i));
    out_.add(form_.assistant_end, part("assistant_end", i));
    out_.add(form_.turn_end, part("turn_end", i));
  }

  const Template& form_;
  const std::vector<Message>& messages_;
  Learn learn_;
  size_t last_answer_ = 0;
  Writer out_;
};

struct Joined {
  std::string text;
  std::vector<size_t> ends;  // of the pieces, in bytes
};

Joined join(const std::vector<Piece>& pieces) {
  Joined out;
  for (const Piece& piece : pieces) {
    out.text += piece.text;
    out.ends.push_back(out.text.size());
  }
  return out;
}

Encoded label(const Tokenizer& tokenizer, const std::vector<Piece>& pieces, const Joined& joined, const std::vector<Token>& tokens) {
  Encoded out;
  out.ids = tokenizer.begin();
  out.labels.assign(out.ids.size(), kIgnore);
  size_t piece = 0;
  for (const Token& token : tokens) {
    while (piece < pieces.size() && static_cast<size_t>(token.begin) >= joined.ends[piece]) ++piece;
    out.ids.push_back(token.id);
    const bool learned = piece < pieces.size() && pieces[piece].learned && token.id >= 0 && token.id != tokenizer.image();
    out.labels.push_back(learned ? token.id : kIgnore);
  }
  return out;
}

}  // namespace

const Template* find_template(std::string_view name) {
  for (const NamedTemplate& one : templates())
    if (one.name == name) return &one.form;
  return nullptr;
}

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  for (const NamedTemplate& one : templates()) names.push_back(one.name);
  return names;
}

const Template& template_of(const options::JobConversation& conversation) {
  if (conversation.form) return *conversation.form;
  if (const Template* form = find_template(conversation.template_name)) return *form;
  throw Error(fmt::format("unknown template '{}'", conversation.template_name),
              suggestion(conversation.template_name, template_names()));
}

std::string system_text(const Template& form, std::string_view said) {
  if (said == "none") return {};
  return said == "template" ? form.system : std::string(said);
}

std::string system_text(const options::JobConversation& conversation, Rng* rng) {
  const Template& form = template_of(conversation);
  if (conversation.systems.empty()) return system_text(form, conversation.system);
  std::vector<double> weights;
  for (const auto& [text, weight] : conversation.systems) weights.push_back(weight);
  const size_t chosen = rng ? rng->weighted(weights) : static_cast<size_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
  return system_text(form, std::next(conversation.systems.begin(), static_cast<std::ptrdiff_t>(chosen))->first);
}

Learn learn_of(std::string_view name) {
  if (name == "answers") return Learn::kAnswers;
  if (name == "last_answer") return Learn::kLastAnswer;
  if (name == "turns") return Learn::kTurns;
  if (name == "all") return Learn::kAll;
  throw Error(fmt::format("learn '{}' is not known (allowed 'answers', 'last_answer', 'turns', 'all')", name));
}

std::vector<Piece> write_out(const Template& form, std::string_view system, const std::vector<Message>& messages, Learn learn) {
  return ConversationText(form, messages, learn).write(system);
}

std::string_view strip(std::string_view text) {
  const auto space = [](char32_t c) { return is_space(c) || (c >= 0x1c && c <= 0x1f); };
  const std::string_view whole = text;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (step.length == 0 || !space(step.point)) break;
    text.remove_prefix(step.length);
  }
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && continues(text[begin])) --begin;
    const Utf8Step step = utf8_step(text.substr(begin));
    if (step.length != text.size() - begin || !space(step.point)) break;
    text.remove_suffix(step.length);
  }
  return text.empty() ? whole.substr(0, 0) : text;
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
  const Joined joined = join(pieces);
  return label(tokenizer, pieces, joined, tokenizer.encode(joined.text));
}

Encoded encode_cut(const Tokenizer& tokenizer, std::vector<Piece>& pieces, size_t keep, size_t end) {
  const Joined joined = join(pieces);
  std::vector<Token> tokens = tokenizer.encode(joined.text);
  size_t kept = std::min(tokens.size(), keep - std::min(keep, tokenizer.begin().size()));
  const auto splits_character = [&] { return kept < tokens.size() && tokens[kept].begin < tokens[kept - 1].end; };
  while (kept > 0 && (static_cast<size_t>(tokens[kept - 1].end) > end || splits_character())) --kept;
  tokens.resize(kept);
  Encoded out = label(tokenizer, pieces, joined, tokens);
  size_t room = kept ? static_cast<size_t>(tokens.back().end) : 0;
  for (Piece& piece : pieces) {
    piece.text.resize(std::min(piece.text.size(), room));
    room -= piece.text.size();
  }
  std::erase_if(pieces, [](const Piece& piece) { return piece.text.empty(); });
  return out;
}

}  // namespace saucier::text
