#include "modules/data/conversation_samples.h"

#include <algorithm>
#include <cctype>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/base/suggest.h"

namespace saucier::data {
namespace {

// Words that a recipe's check let through are known; those of other callers are looked at here.
void check_word(const char* key, const char* what, const std::string& word) {
  const std::vector<std::string>& known = options::table_of<options::ConversationOptions>().find(key)->rule.choices;
  if (std::find(known.begin(), known.end(), word) == known.end())
    throw Error(fmt::format("{} '{}' is not known", what, word), suggestion(word, known));
}

bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool is_blank(std::string_view text) { return text::strip(text).empty(); }

}  // namespace

struct ConversationWriter::Setting {
  const options::JobConversation* options;
  std::string image_position;
  std::string system;
};

void ConversationWriter::Reserved::add(std::string text, Reason reason) {
  // A single character would stand in texts by chance.
  if (text.size() < 2 || text == kImageMarker || std::any_of(texts.begin(), texts.end(), [&](const auto& known) { return known.first == text; })) return;
  begins[static_cast<unsigned char>(text[0])] = true;
  texts.emplace_back(std::move(text), reason);
}

std::optional<Reason> ConversationWriter::Reserved::find(std::string_view text) const {
  for (size_t at = 0; at < text.size(); ++at) {
    if (!begins[static_cast<unsigned char>(text[at])]) continue;
    const bool in_word = at > 0 && is_alphanumeric(text[at]) && is_alphanumeric(text[at - 1]);  // "FAQ:" is no label "Q:"
    for (const auto& [reserved, reason] : texts)
      if (!in_word && text.compare(at, reserved.size(), reserved) == 0) return reason;
  }
  return std::nullopt;
}

ConversationWriter::ConversationWriter(const text::Tokenizer& tokenizer, const options::JobConversation& conversation,
                                       image::PictureTokens picture_tokens, std::uint64_t seed,
                                       const std::map<std::string, options::DataOptions>& sources)
    : tokenizer_(tokenizer),
      options_(conversation),
      form_(&text::template_of(options_)),
      learn_(text::learn_of(conversation.learn)),
      picture_tokens_(std::move(picture_tokens)),
      seed_(seed) {
  check_word("image_position", "image position", conversation.image_position);
  check_word("length_overflow", "length_overflow", conversation.length_overflow);
  for (const auto& [name, source] : sources) by_source_[name] = conversation_for(options_, source);
  for (std::int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    if (tokenizer.is_special(id)) reserved_.add(tokenizer.token(id), Reason::kSpecialToken);
  for (const std::string* part : {&form_->system_start, &form_->system_end, &form_->user, &form_->user_end, &form_->assistant,
                                  &form_->answer_start, &form_->assistant_end, &form_->turn_end, &form_->between, &form_->closing})
    reserved_.add(std::string(text::strip(*part)), Reason::kSeparator);
}

ConversationWriter::Setting ConversationWriter::setting_of(const Sample& sample) const {
  const auto own = by_source_.find(sample.source);
  Setting setting{.options = own == by_source_.end() ? &options_ : &own->second, .image_position = {}, .system = {}};
  setting.image_position = setting.options->image_position;
  if (setting.image_position == "random") {
    Rng rng(seed_, "conversation.image_position", hash_of(sample));
    setting.image_position = rng.chance(0.5) ? "front" : "back";
  }
  if (sample.system && options_.sample_system == "use") {
    setting.system = *sample.system;
  } else {
    Rng rng(seed_, "conversation.system", hash_of(sample));
    setting.system = text::system_text(*setting.options, &rng);
  }
  return setting;
}

std::optional<Reason> ConversationWriter::check(const Sample& sample, const Setting& setting) const {
  const std::vector<Turn>& turns = sample.turns;
  if (turns.empty()) return Reason::kNoTurns;
  size_t markers = 0;
  for (size_t i = 0; i < turns.size(); ++i) {
    const Turn& turn = turns[i];
    if ((turn.role == Role::kAssistant) != (i % 2 == 1)) return i == 0 ? Reason::kFirstTurn : Reason::kNotAlternating;
    const size_t here = count_markers(turn.text);
    markers += here;
    if (here && turn.role == Role::kAssistant) return Reason::kMarkerInAnswer;
    // Stage-1 data may come without questions: a template without questions does not write them.
    if (is_blank(turn.text) && (form_->questions || turn.role == Role::kAssistant)) return Reason::kEmptyTurn;
    if (const auto reason = reserved_.find(turn.text)) return reason;
  }
  if (turns.size() % 2) return Reason::kNoAnswer;
  if (markers && sample.pictures.empty()) return Reason::kMarkerWithoutPicture;
  if (markers > sample.pictures.size()) return Reason::kMoreMarkers;
  if (markers && markers < sample.pictures.size()) return Reason::kFewerMarkers;
  if (!form_->questions && turns.size() > 2) return Reason::kSeveralAnswers;
  if (!form_->questions) return std::nullopt;
  if (count_markers(setting.system)) return Reason::kMarkerInAnswer;
  return sample.system ? reserved_.find(setting.system) : std::nullopt;  // the recipe's own says what it likes
}

std::int64_t ConversationWriter::expansion(const std::vector<PictureRef>& pictures) const {
  std::int64_t length = 0;
  for (const PictureRef& picture : pictures)
    length += picture_tokens_.count(picture_tokens_.by_size() ? picture.source->size(picture.reference) : image::Size{}) - 1;
  return length;
}

// The first `pairs` of a sample.
Conversation ConversationWriter::encode(const Sample& sample, size_t pairs, const Setting& setting) const {
  Conversation out{.id = sample.id, .messages = {}, .pieces = {}, .encoded = {}, .pictures = sample.pictures};
  bool marked = false;
  for (const Turn& turn : sample.turns) marked = marked || turn.text.find(kImageMarker) != std::string::npos;
  for (size_t i = 0; i < 2 * pairs; ++i) {
    const Turn& turn = sample.turns[i];
    std::string text = turn.text;
    for (size_t p = 0; i == 0 && !marked && p < sample.pictures.size(); ++p) text = fmt::format("{}\n{}", kImageMarker, text);
    out.messages.push_back({turn.role == Role::kAssistant, turn.role == Role::kAssistant ? text : text::place_image(text, setting.image_position)});
  }
  out.pieces = text::write_out(*form_, setting.system, out.messages, learn_);
  out.encoded = text::encode(tokenizer_, out.pieces);
  // The turns with the last pictures may be among those that were cut.
  out.pictures.resize(static_cast<size_t>(std::count(out.encoded.ids.begin(), out.encoded.ids.end(), tokenizer_.image())));
  out.length = static_cast<std::int64_t>(out.encoded.ids.size()) + expansion(out.pictures);
  return out;
}

// How many pairs fit, and what they are; more text is never shorter.
size_t ConversationWriter::pairs_that_fit(const Sample& sample, const Setting& setting, Conversation& fitting) const {
  size_t fit = 0, all = sample.turns.size() / 2;
  for (size_t tried = all; fit < all;) {
    Conversation one = encode(sample, tried, setting);
    if (one.length <= options_.max_length) {
      fit = tried;
      fitting = std::move(one);
    } else {
      all = tried - 1;
    }
    tried = (fit + all + 1) / 2;
  }
  return fit;
}

std::optional<Conversation> ConversationWriter::with_cut_answer(const Sample& sample, const Setting& setting) const {
  Conversation out = encode(sample, 1, setting);
  std::vector<text::Message> asked = {out.messages[0]};
  size_t begin = form_->answer_start.size();
  for (const text::Piece& piece : text::write_out(*form_, setting.system, asked, learn_)) begin += piece.text.size();
  const std::string answer(form_->trim ? text::strip(out.messages[1].text) : std::string_view(out.messages[1].text));
  const std::int64_t room = options_.max_length - expansion(out.pictures);
  if (room <= 0) return std::nullopt;
  out.encoded = text::encode_cut(tokenizer_, out.pieces, static_cast<size_t>(room), begin + answer.size());
  size_t end = 0;
  for (const text::Piece& piece : out.pieces) end += piece.text.size();
  if (end <= begin || is_blank(std::string_view(answer).substr(0, end - begin))) return std::nullopt;
  out.messages[1].text = answer.substr(0, end - begin);
  out.length = static_cast<std::int64_t>(out.encoded.ids.size()) + expansion(out.pictures);
  return out;
}

void ConversationWriter::keep(Conversation made, const Sample& sample, WrittenSample& out) const {
  const std::vector<std::int32_t>& labels = made.encoded.labels;
  if (std::all_of(labels.begin(), labels.end(), [](std::int32_t label) { return label == text::kIgnore; }))
    out.drops.push_back({sample.id, sample.source, Reason::kFullyMasked});
  else
    out.conversations.push_back(std::move(made));
}

size_t ConversationWriter::take(const Sample& sample, const Setting& setting, WrittenSample& out) const {
  Conversation made;
  size_t taken = pairs_that_fit(sample, setting, made);
  if (taken == 0) {
    std::optional<Conversation> cut = with_cut_answer(sample, setting);
    if (!cut) {
      out.drops.push_back({sample.id, sample.source, Reason::kTooLong});
      return 0;
    }
    made = std::move(*cut);
    ++out.cut_answers;
    taken = 1;
  }
  keep(std::move(made), sample, out);
  return taken;
}

WrittenSample ConversationWriter::write(const Sample& sample) const {
  WrittenSample out;
  const Setting setting = setting_of(sample);
  if (const auto reason = check(sample, setting)) {
    out.drops.push_back({sample.id, sample.source, *reason});
    return out;
  }
  const size_t pairs = sample.turns.size() / 2;
  if (options_.length_overflow == "drop") {
    Conversation whole = encode(sample, pairs, setting);
    if (whole.length <= options_.max_length) keep(std::move(whole), sample, out);
    else out.drops.push_back({sample.id, sample.source, Reason::kTooLong});
    return out;
  }
  size_t done = take(sample, setting, out);
  if (options_.length_overflow == "truncate") {
    if (done > 0) out.cut_pairs = static_cast<std::int64_t>(pairs - done);
    return out;
  }
  for (done = std::max<size_t>(done, 1); done < pairs;) {
    const Sample part = take_pairs(sample, done, pairs, fmt::format("{}~{}", sample.id, ++out.parts));
    done += std::max<size_t>(take(part, setting, out), 1);
  }
  return out;
}

}  // namespace saucier::data
