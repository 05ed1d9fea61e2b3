// Conversations: LLaVA's and ShareGPT's {from, value}, OpenAI's {role, content} with parts.
#include <algorithm>

#include "modules/data/readers/mapping.h"

namespace saucier::data {
namespace {

constexpr std::string_view kToolRoles[] = {"function_call", "observation", "tool", "function"};

class Conversations : public RowMapping {
 public:
  Conversations(const std::string& format, const options::ColumnOptions& columns, SharedPictures pictures)
      : parts_(format == "openai"),
        images_(field_names(columns.image, {"image", "images"})),
        system_(field_names(columns.system, {"system"})),
        turns_(field_names(columns.conversations, {parts_ ? "messages" : "conversations"})),
        from_(field_names(columns.from, {parts_ ? "role" : "from"})),
        value_(field_names(columns.value, {parts_ ? "content" : "value"})),
        user_(field_names(columns.user, {parts_ ? "user" : "human"}).front()),
        assistant_(field_names(columns.assistant, {parts_ ? "assistant" : "gpt"}).front()),
        pictures_(std::move(pictures)) {
    if (format == "llava" && columns.system.empty()) system_.clear();
    if (format == "sharegpt") system_roles_ = {"system"};
    if (parts_) system_roles_ = {"system", "developer"};
  }

  void read(const Json& row, Sample& sample) const override {
    if (const Json* kind = find_field(row, {"kind"})) sample.kind = text_of(*kind, "kind");
    if (const Json* system = find_field(row, system_)) sample.system = text_of(*system, system_.front());
    const auto list = row.find(turns_.front());
    if (list == row.end()) throw BadRow(Reason::kMissingField, fmt::format("it has no array '{}'", turns_.front()));
    if (!list->is_array()) throw BadRow(Reason::kWrongType, fmt::format("its '{}' is no array", turns_.front()));
    size_t number = 0;
    for (const Json& turn : *list) add(turn, ++number, sample);
    if (sample.turns.empty()) throw BadRow(Reason::kNoTurns, "it has no turns");
    if (sample.turns.back().role == Role::kUser) throw BadRow(Reason::kNoAnswer, "the last turn has no answer");
    if (!pictures_) return;
    // Parts say their pictures where they stand; those of a list of the row belong to markers in texts.
    std::vector<PictureRef> listed = pictures_->of(row, images_);
    if (!listed.empty() && !sample.pictures.empty())
      throw BadRow(Reason::kPictureCount, fmt::format("its pictures stand in its parts and in '{}' too", images_.front()));
    if (!listed.empty()) sample.pictures = std::move(listed);
  }

 private:
  void add(const Json& turn, size_t number, Sample& sample) const {
    const bool object = turn.is_object();
    const Json* from = object ? find_field(turn, from_) : nullptr;
    const auto value = object ? turn.find(value_.front()) : turn.end();
    const std::string who = from && from->is_string() ? from->get<std::string>() : "";
    if (std::find(std::begin(kToolRoles), std::end(kToolRoles), who) != std::end(kToolRoles) || (object && turn.contains("tool_calls") && !turn["tool_calls"].is_null() && !turn["tool_calls"].empty()))
      throw BadRow(Reason::kToolTurn, fmt::format("turn {} is a tool's, from '{}'", number, who));
    if (!from || !from->is_string() || value == turn.end() || !(value->is_string() || (parts_ && value->is_array())))
      throw BadRow(object && (!from || value == turn.end()) ? Reason::kMissingField : Reason::kWrongType,
                   parts_ ? fmt::format("turn {} has no text '{}' with '{}', a text or a list of parts", number, from_.front(), value_.front())
                          : fmt::format("turn {} has no texts '{}' and '{}'", number, from_.front(), value_.front()));
    std::string text = value->is_string() ? value->get<std::string>() : joined(*value, number, sample);
    if (std::find(system_roles_.begin(), system_roles_.end(), who) != system_roles_.end()) return add_system(std::move(text), number, sample);
    if (who != user_ && who != assistant_) throw BadRow(Reason::kUnknownRole, fmt::format("turn {} is from '{}' (allowed: '{}'{})", number, who, user_, others()));
    const Role role = who == user_ ? Role::kUser : Role::kAssistant;
    if (sample.turns.empty() && role != Role::kUser) throw BadRow(Reason::kFirstTurn, fmt::format("the first turn is not from '{}'", user_));
    if (!sample.turns.empty() && sample.turns.back().role == role)
      throw BadRow(Reason::kNotAlternating, fmt::format("turns {} and {} are both from '{}'", number - 1, number, who));
    if (is_blank(text)) throw BadRow(Reason::kEmptyTurn, fmt::format("turn {} is empty", number));
    sample.turns.push_back({.role = role, .text = std::move(text)});
  }

  static void add_system(std::string text, size_t number, Sample& sample) {
    if (!sample.turns.empty()) throw BadRow(Reason::kMisplacedSystem, fmt::format("turn {} is a system message behind the first turn", number));
    sample.system = sample.system ? *sample.system + "\n" + text : std::move(text);
  }

  std::string others() const {
    std::string out = fmt::format(", '{}'", assistant_);
    for (const std::string& role : system_roles_) out += fmt::format(", '{}'", role);
    return out;
  }

  // The parts of a message as one text, a marker on a line of its own for each picture.
  std::string joined(const Json& parts, size_t number, Sample& sample) const {
    std::string text;
    bool after_picture = false;
    for (const Json& part : parts) {
      const Json* type = part.is_object() ? find_field(part, {"type"}) : nullptr;
      const std::string kind = type && type->is_string() ? type->get<std::string>() : "";
      if (kind == "text") {
        const Json* said = find_field(part, {"text"});
        if (!said || !said->is_string()) throw BadRow(Reason::kWrongType, fmt::format("a part of turn {} has no text 'text'", number));
        if (after_picture) text += '\n';
        text += said->get<std::string>();
        after_picture = false;
      } else if (kind == "image_url" || kind == "image") {
        if (!text.empty() && text.back() != '\n') text += '\n';
        text += kImageMarker;
        add_picture(part, kind, number, sample);
        after_picture = true;
      } else {
        throw BadRow(Reason::kWrongType, fmt::format("a part of turn {} is of type '{}' (allowed: 'text', 'image_url', 'image')", number, kind));
      }
    }
    return text;
  }

  // {type: image_url, image_url: {url}} or {type: image_url, image_url: "..."}; {type: image} may leave it to the row's list.
  void add_picture(const Json& part, const std::string& kind, size_t number, Sample& sample) const {
    const Json* said = find_field(part, {kind, "url", "path"});
    if (said && said->is_object()) said = find_field(*said, {"url"});
    if (!said && kind == "image") return;
    if (!said || !said->is_string()) throw BadRow(Reason::kMissingField, fmt::format("a picture of turn {} has no text 'url'", number));
    if (pictures_) sample.pictures.push_back(pictures_->of(said->get<std::string>()));
  }

  bool parts_;
  FieldNames images_, system_, turns_, from_, value_;
  std::string user_, assistant_;
  std::vector<std::string> system_roles_;
  SharedPictures pictures_;
};

}  // namespace

std::unique_ptr<const RowMapping> conversation_mapping(const std::string& format, const options::ColumnOptions& columns, SharedPictures pictures) {
  return std::make_unique<Conversations>(format, columns, std::move(pictures));
}

}  // namespace saucier::data
