#include "modules/data/readers/mapping.h"

#include <map>

#include "modules/data/scenes/scene_source.h"

namespace saucier::data {
namespace {

// Puts a marker for each picture in front of a question that does not say where they stand.
std::string with_markers(std::string question, size_t pictures) {
  if (count_markers(question) == 0)
    for (size_t i = 0; i < pictures; ++i) question = fmt::format("{}\n{}", kImageMarker, question);
  return question;
}

std::vector<PictureRef> needed_pictures(const Json& row, const FieldNames& fields, const SharedPictures& pictures) {
  if (!pictures) return {};
  std::vector<PictureRef> out = pictures->of(row, fields);
  if (out.empty()) throw BadRow(Reason::kMissingField, fmt::format("it has no field '{}'", fmt::join(fields, "' or '")));
  return out;
}

class Captions : public RowMapping {
 public:
  Captions(const options::ColumnOptions& columns, SharedPictures pictures)
      : image_(field_names(columns.image, {"image"})), caption_(field_names(columns.caption, {"caption"})), question_(field_names(columns.question, {})), system_(field_names(columns.system, {})), pictures_(std::move(pictures)) {}

  void read(const Json& row, Sample& sample) const override {
    sample.kind = "caption";
    const std::vector<std::string> captions = texts_of(need_field(row, caption_), caption_.front());
    for (const std::string& caption : captions)
      if (is_blank(caption)) throw BadRow(Reason::kEmptyTurn, "a caption is empty");
    if (captions.empty()) throw BadRow(Reason::kNoTurns, "its list of captions is empty");
    if (const Json* system = find_field(row, system_)) sample.system = text_of(*system, system_.front());
    sample.pictures = needed_pictures(row, image_, pictures_);
    sample.turns = caption_turns(sample.id, captions);
    if (!question_.empty()) sample.turns[0].text = with_markers(text_of(need_field(row, question_), question_.front()), 1);
  }

 private:
  FieldNames image_, caption_, question_, system_;
  SharedPictures pictures_;
};

// Of VQA's ten answers the most frequent one, of several such the first.
std::string most_frequent(const std::vector<std::string>& answers) {
  std::map<std::string, int> counts;
  for (const std::string& answer : answers) ++counts[answer];
  size_t best = 0;
  for (size_t i = 1; i < answers.size(); ++i)
    if (counts[answers[i]] > counts[answers[best]]) best = i;
  return answers[best];
}

class Questions : public RowMapping {
 public:
  Questions(const options::ColumnOptions& columns, std::string suffix, SharedPictures pictures, FindAnswer find_answer)
      : image_(field_names(columns.image, {"image", "image_id"})), question_(field_names(columns.question, {"question"})), answer_(field_names(columns.answer, {"multiple_choice_answer", "answer", "answers"})), system_(field_names(columns.system, {})), suffix_(std::move(suffix)), pictures_(std::move(pictures)), find_answer_(std::move(find_answer)) {}

  void read(const Json& row, Sample& sample) const override {
    std::string question = text_of(need_field(row, question_), question_.front());
    if (is_blank(question)) throw BadRow(Reason::kEmptyTurn, "its question is empty");
    std::string answer = find_answer_ ? answer_of(find_answer_(row)) : answer_of(row);
    if (const Json* system = find_field(row, system_)) sample.system = text_of(*system, system_.front());
    sample.pictures = needed_pictures(row, image_, pictures_);
    sample.turns = {{.role = Role::kUser, .text = with_markers(std::move(question), pictures_ ? sample.pictures.size() : 1) + suffix_}, {.role = Role::kAssistant, .text = std::move(answer)}};
  }

 private:
  // A text, a list of texts, or VQA's list of {answer: text}.
  std::string answer_of(const Json& row) const {
    const Json* field = find_field(row, answer_);
    if (!field) throw BadRow(Reason::kMissingField, fmt::format("it has no field '{}'", fmt::join(answer_, "' or '")));
    std::vector<std::string> answers;
    for (const Json& one : field->is_array() ? *field : Json::array({*field})) {
      const Json* text = one.is_object() ? find_field(one, {"answer"}) : &one;
      if (!text) throw BadRow(Reason::kWrongType, "one of its answers has no text 'answer'");
      answers.push_back(text_or_number(*text, answer_.front()));
    }
    if (answers.empty()) throw BadRow(Reason::kNoAnswer, "its question has no answer");
    std::string answer = most_frequent(answers);
    if (is_blank(answer)) throw BadRow(Reason::kEmptyTurn, "its answer is empty");
    return answer;
  }

  FieldNames image_, question_, answer_, system_;
  std::string suffix_;
  SharedPictures pictures_;
  FindAnswer find_answer_;
};

}  // namespace

std::unique_ptr<const RowMapping> caption_mapping(const options::ColumnOptions& columns, SharedPictures pictures) {
  return std::make_unique<Captions>(columns, std::move(pictures));
}

std::unique_ptr<const RowMapping> question_mapping(const options::ColumnOptions& columns, const std::string& suffix, SharedPictures pictures, FindAnswer find_answer) {
  return std::make_unique<Questions>(columns, suffix, std::move(pictures), std::move(find_answer));
}

std::string id_of(const Json& row, const FieldNames& names, std::int64_t line) {
  const Json* id = find_field(row, names);
  if (id && id->is_string()) return id->get<std::string>();
  if (id && id->is_number_integer()) return id->dump();
  return fmt::format("line {}", line);
}

void check_markers(const Sample& sample) {
  size_t markers = 0;
  for (const Turn& turn : sample.turns) markers += count_markers(turn.text);
  const size_t pictures = sample.pictures.size();
  if (markers == pictures) return;
  throw BadRow(Reason::kPictureCount, fmt::format("it has {} picture{} but its turns say {} {} time{}", pictures, pictures == 1 ? "" : "s", kImageMarker, markers, markers == 1 ? "" : "s"));
}

}  // namespace saucier::data
