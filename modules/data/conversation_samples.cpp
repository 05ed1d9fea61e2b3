#include "modules/data/conversation_samples.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/base/suggest.h"

namespace saucier::data {
namespace {

constexpr const char* kNoTurns = "no turns";
constexpr const char* kNotAlternating = "turns do not alternate from user to assistant";
constexpr const char* kNoAnswer = "last question has no answer";
constexpr const char* kEmptyTurn = "empty turn";
constexpr const char* kMarkerInAnswer = "picture marker in an answer";
constexpr const char* kMarkersMore = "more picture markers than pictures";
constexpr const char* kMarkersFewer = "fewer picture markers than pictures";
constexpr const char* kMarkerAlone = "picture marker without a picture";
constexpr const char* kReserved = "special token in a turn";
constexpr const char* kPlainTurns = "more than one answer for template 'plain'";
constexpr const char* kTooLong = "longer than max_length";

std::vector<std::string> image_positions() {  // as declared, so that they stand in one place only
  return options::table_of<options::ConversationOptions>().find("image_position")->rule.choices;
}

size_t count_markers(std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find(kImageMarker); at != std::string_view::npos; at = text.find(kImageMarker, at + kImageMarker.size())) ++count;
  return count;
}

size_t count_markers(const std::vector<Turn>& turns, size_t begin, size_t end) {
  size_t count = 0;
  for (size_t i = begin; i < end; ++i) count += count_markers(turns[i].text);
  return count;
}

// A question that is nothing but the picture is not empty.
bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\n\r\f\v") == std::string_view::npos; }

std::uint64_t hash(std::string_view source, std::string_view id) {  // FNV-1a, the same on every machine
  std::uint64_t value = 0xcbf29ce484222325u;
  const auto add = [&value](unsigned char byte) { value = (value ^ byte) * 0x100000001b3u; };
  for (const char c : source) add(static_cast<unsigned char>(c));
  add(0);
  for (const char c : id) add(static_cast<unsigned char>(c));
  return value;
}

size_t turns_of_part(const Sample& sample, std::int64_t max_turns) {
  return max_turns > 0 ? static_cast<size_t>(max_turns) * 2 : std::max<size_t>(sample.turns.size(), 1);
}

std::int64_t count_parts(const Sample& sample, std::int64_t max_turns) {
  const size_t each = turns_of_part(sample, max_turns);
  return static_cast<std::int64_t>(std::max<size_t>(1, (sample.turns.size() + each - 1) / each));
}

Sample take_part(const Sample& sample, std::int64_t max_turns, std::int64_t part) {
  const size_t each = turns_of_part(sample, max_turns);
  const size_t begin = std::min(sample.turns.size(), each * static_cast<size_t>(part));
  const size_t end = std::min(sample.turns.size(), begin + each);
  Sample out{.id = part == 0 ? sample.id : fmt::format("{}#{}", sample.id, part + 1),
             .source = sample.source,
             .kind = sample.kind,
             .system = sample.system,
             .turns = {sample.turns.begin() + begin, sample.turns.begin() + end},
             .pictures = sample.pictures};
  const size_t before = count_markers(sample.turns, 0, begin), here = count_markers(sample.turns, begin, end);
  if (out.turns.empty() || before + here + count_markers(sample.turns, end, sample.turns.size()) != sample.pictures.size()) return out;
  out.pictures.resize(before + here);
  for (size_t i = 0; i < before; ++i) out.turns[0].text = fmt::format("{}\n{}", kImageMarker, out.turns[0].text);
  return out;
}

void check_overflow(std::string_view overflow) {
  if (overflow != "split" && overflow != "truncate")
    throw Error(fmt::format("turn_overflow '{}' is not known (allowed 'split', 'truncate')", overflow));
}

class Truncated : public SampleSource {
 public:
  Truncated(std::shared_ptr<const SampleSource> source, std::int64_t max_turns)
      : source_(std::move(source)), max_turns_(max_turns) {}
  std::int64_t size() const override { return source_->size(); }
  Sample get(std::int64_t index) const override { return take_part(source_->get(index), max_turns_, 0); }

 private:
  std::shared_ptr<const SampleSource> source_;
  std::int64_t max_turns_;
};

class Split : public SampleSource {
 public:
  Split(std::shared_ptr<const SampleSource> source, std::int64_t max_turns)
      : source_(std::move(source)), max_turns_(max_turns), first_part_{0} {
    for (std::int64_t i = 0; i < source_->size(); ++i)
      first_part_.push_back(first_part_.back() + count_parts(source_->get(i), max_turns_));
  }
  std::int64_t size() const override { return first_part_.back(); }
  Sample get(std::int64_t index) const override {
    const auto above = std::upper_bound(first_part_.begin(), first_part_.end(), index);
    const auto sample = above - first_part_.begin() - 1;
    return take_part(source_->get(sample), max_turns_, index - first_part_[sample]);
  }

 private:
  std::shared_ptr<const SampleSource> source_;
  std::int64_t max_turns_;
  std::vector<std::int64_t> first_part_;  // of every sample, and the number of all parts
};

}  // namespace

std::vector<Sample> limit_turns(const Sample& sample, std::int64_t max_turns, std::string_view overflow) {
  check_overflow(overflow);
  std::vector<Sample> parts;
  const std::int64_t count = overflow == "split" ? count_parts(sample, max_turns) : 1;
  for (std::int64_t part = 0; part < count; ++part) parts.push_back(take_part(sample, max_turns, part));
  return parts;
}

std::shared_ptr<const SampleSource> limit_turns(std::shared_ptr<const SampleSource> source, std::int64_t max_turns,
                                                std::string_view overflow) {
  check_overflow(overflow);
  if (max_turns <= 0) return source;
  if (overflow == "truncate") return std::make_shared<Truncated>(std::move(source), max_turns);
  return std::make_shared<Split>(std::move(source), max_turns);
}

const std::vector<std::string>& drop_reasons() {
  static const std::vector<std::string> reasons = {kNoTurns,     kNotAlternating, kNoAnswer, kEmptyTurn,  kMarkerInAnswer,
                                                   kMarkersMore, kMarkersFewer, kMarkerAlone, kReserved, kPlainTurns, kTooLong};
  return reasons;
}

ConversationWriter::ConversationWriter(const text::Tokenizer& tokenizer, const options::ConversationOptions& options,
                                       image::PictureTokens picture_tokens, std::uint64_t seed)
    : tokenizer_(tokenizer),
      options_(options),
      form_(text::find_template(options.template_name)),
      picture_tokens_(std::move(picture_tokens)),
      seed_(seed) {
  if (!form_)
    throw Error(fmt::format("conversation template '{}' is not known", options.template_name),
                suggestion(options.template_name, text::template_names()));
  const std::vector<std::string> positions = image_positions();
  if (std::find(positions.begin(), positions.end(), options.image_position) == positions.end())
    throw Error(fmt::format("image position '{}' is not known", options.image_position),
                suggestion(options.image_position, positions));
  for (const std::int32_t id : {tokenizer.bos(), tokenizer.eos(), tokenizer.pad()})
    if (id >= 0) reserved_.push_back(tokenizer.token(id));
  if (!is_blank(form_->assistant_end)) reserved_.push_back(form_->assistant_end);
}

std::string ConversationWriter::check(const Sample& sample) const {
  const std::vector<Turn>& turns = sample.turns;
  if (turns.empty()) return kNoTurns;
  size_t markers = 0;
  for (size_t i = 0; i < turns.size(); ++i) {
    const Turn& turn = turns[i];
    if ((turn.role == Role::kAssistant) != (i % 2 == 1)) return kNotAlternating;
    const size_t here = count_markers(turn.text);
    markers += here;
    if (here && turn.role == Role::kAssistant) return kMarkerInAnswer;
    // Stage-1 data may come without questions: the plain template does not write them.
    if (is_blank(turn.text) && !(form_->plain && turn.role == Role::kUser)) return kEmptyTurn;
    for (const std::string& token : reserved_)
      if (turn.text.find(token) != std::string::npos) return kReserved;
  }
  if (turns.size() % 2) return kNoAnswer;
  if (markers && sample.pictures.empty()) return kMarkerAlone;
  if (markers > sample.pictures.size()) return kMarkersMore;
  if (markers && markers < sample.pictures.size()) return kMarkersFewer;
  if (form_->plain && turns.size() > 2) return kPlainTurns;
  return {};
}

std::vector<text::Message> ConversationWriter::messages_of(const Sample& sample) const {
  std::vector<text::Message> messages;
  bool marked = false;
  for (const Turn& turn : sample.turns) {
    messages.push_back({turn.role == Role::kAssistant, turn.text});
    marked = marked || turn.text.find(kImageMarker) != std::string::npos;
  }
  for (size_t i = 0; !marked && i < sample.pictures.size(); ++i) messages[0].text = fmt::format("{}\n{}", kImageMarker, messages[0].text);
  std::string position = options_.image_position;
  if (position == "random") {
    Rng rng(seed_, "conversation.image_position", hash(sample.source, sample.id));
    position = rng.chance(0.5) ? "front" : "back";
  }
  for (text::Message& message : messages)
    if (!message.assistant) message.text = text::place_image(message.text, position);
  return messages;
}

std::int64_t ConversationWriter::length_of(const Conversation& conversation) const {
  auto length = static_cast<std::int64_t>(conversation.encoded.ids.size());
  for (const PictureRef& picture : conversation.pictures)
    length += picture_tokens_.count(picture_tokens_.by_size() ? picture.source->size(picture.reference) : image::Size{}) - 1;
  return length;
}

std::variant<Conversation, Drop> ConversationWriter::write(const Sample& sample) const {
  const std::string reason = check(sample);
  if (!reason.empty()) return Drop{sample.id, sample.source, reason};
  Conversation out{.id = sample.id, .messages = messages_of(sample), .pieces = {}, .encoded = {}, .pictures = sample.pictures};
  while (true) {
    out.pieces = text::write_out(*form_, options_.system, out.messages);
    out.encoded = text::encode(tokenizer_, out.pieces);
    // The turns with the last pictures may be among those that were cut.
    out.pictures.resize(static_cast<size_t>(std::count(out.encoded.ids.begin(), out.encoded.ids.end(), tokenizer_.image())));
    out.length = length_of(out);
    if (out.length <= options_.max_length) break;
    out.messages.resize(out.messages.size() - 2);
    ++out.cut_pairs;
    if (out.messages.empty()) return Drop{sample.id, sample.source, kTooLong};
  }
  return out;
}

}  // namespace saucier::data
