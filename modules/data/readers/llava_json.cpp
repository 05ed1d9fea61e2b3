#include "modules/data/readers/llava_json.h"

#include <algorithm>
#include <map>
#include <optional>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/data/readers/picture_folder.h"

namespace saucier::data {

namespace {

constexpr size_t kShownProblems = 8;

struct Row {
  std::string_view text;
  std::int64_t line = 0;
};

// Cuts a file into its rows without building a tree of the whole: an array's elements, or one object after another.
class RowCutter {
 public:
  RowCutter(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') array_ = true, ++at_;
  }

  std::optional<Row> next() {
    skip_space();
    if (array_) {
      if (at_ >= text_.size()) fail("the array is not closed");
      if (text_[at_] == ']') return finish();
      if (!first_) {
        if (text_[at_] != ',') fail("expected ',' or ']' after a sample");
        ++at_;
        skip_space();
      }
    } else if (at_ >= text_.size()) {
      return std::nullopt;
    }
    first_ = false;
    if (at_ >= text_.size() || text_[at_] != '{') fail("expected a sample, '{'");
    return object();
  }

 private:
  std::optional<Row> finish() {
    ++at_;
    skip_space();
    if (at_ < text_.size()) fail("text after the end of the array");
    array_ = false;
    return std::nullopt;
  }

  Row object() {
    const size_t start = at_;
    const std::int64_t line = line_;
    int depth = 0;
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (quoted) {
        if (c == '\\' && at_ + 1 < text_.size()) ++at_;
        else if (c == '"') quoted = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        ++at_;
        return {.text = text_.substr(start, at_ - start), .line = line};
      }
    }
    line_ = line;
    fail("the sample that begins here is not closed");
  }

  void skip_space() {
    for (; at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n'); ++at_)
      if (text_[at_] == '\n') ++line_;
  }

  [[noreturn]] void fail(const char* what) const {
    throw Error(fmt::format("'{}', line {}: {}", file_, line_, what), "give an array of samples, or one sample a line");
  }

  std::string_view text_;
  std::string file_;
  size_t at_ = 0;
  std::int64_t line_ = 1;
  bool array_ = false;
  bool first_ = true;
};

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

size_t count_markers(std::string_view text) {
  size_t n = 0;
  for (size_t at = text.find(kImageMarker); at != std::string_view::npos; at = text.find(kImageMarker, at + kImageMarker.size())) ++n;
  return n;
}

std::string id_of(const Json& row, std::int64_t line) {
  const auto id = row.find("id");
  if (id != row.end() && id->is_string()) return id->get<std::string>();
  if (id != row.end() && id->is_number_integer()) return id->dump();
  return fmt::format("line {}", line);
}

// Turns of one row. Throws the reason alone; the caller knows file and sample.
std::vector<Turn> turns_of(const Json& row) {
  const auto list = row.find("conversations");
  if (list == row.end() || !list->is_array()) throw Error("it has no array 'conversations'");
  std::vector<Turn> turns;
  for (const Json& entry : *list) {
    const size_t number = turns.size() + 1;
    if (!entry.is_object() || !entry.contains("from") || !entry.contains("value") || !entry["from"].is_string() || !entry["value"].is_string())
      throw Error(fmt::format("turn {} has no texts 'from' and 'value'", number));
    const auto from = entry["from"].get<std::string>();
    auto value = entry["value"].get<std::string>();
    if (from != "human" && from != "gpt") throw Error(fmt::format("turn {} is from '{}' (allowed: 'human', 'gpt')", number, from));
    const Role role = from == "human" ? Role::kUser : Role::kAssistant;
    if (turns.empty() && role != Role::kUser) throw Error("the first turn is not from 'human'");
    if (!turns.empty() && turns.back().role == role) throw Error(fmt::format("turns {} and {} are both from '{}'", number - 1, number, from));
    if (blank(value)) throw Error(fmt::format("turn {} is empty", number));
    turns.push_back({.role = role, .text = std::move(value)});
  }
  if (turns.empty()) throw Error("it has no turns");
  if (turns.back().role == Role::kUser) throw Error("the last turn has no answer");
  return turns;
}

class RowReader {
 public:
  explicit RowReader(const LlavaSource& source) : source_(source) {
    if (source.scenes) scenes_ = scene_pictures(source.scenes);
    if (!source.images.empty()) folder_ = std::make_shared<PictureFolder>(source.images);
  }

  Sample read(const Json& row, std::string id) const {
    Sample sample{.id = std::move(id), .source = source_.name, .kind = {}, .system = {}, .turns = turns_of(row), .pictures = {}};
    if (const auto kind = row.find("kind"); kind != row.end() && !kind->is_null()) {
      if (!kind->is_string()) throw Error("its 'kind' is not a text");
      sample.kind = kind->get<std::string>();
    }
    if (const auto image = row.find("image"); image != row.end() && !image->is_null()) {
      for (const Json& one : image->is_array() ? *image : Json::array({*image})) {
        if (!one.is_string()) throw Error("its 'image' is neither a text nor a list of texts");
        sample.pictures.push_back(picture(one.get<std::string>()));
      }
    }
    size_t markers = 0;
    for (const Turn& turn : sample.turns) markers += count_markers(turn.text);
    const size_t pictures = sample.pictures.size();
    if (markers != pictures)
      throw Error(fmt::format("it has {} picture{} but its turns say {} {} time{}", pictures, pictures == 1 ? "" : "s", kImageMarker, markers, markers == 1 ? "" : "s"));
    return sample;
  }

 private:
  PictureRef picture(const std::string& reference) const {
    if (reference.starts_with("scene:")) {
      if (!scenes_) throw Error(fmt::format("picture '{}' is a scene, and this source knows no scenes", reference));
      source_.scenes->find(reference);  // for its error
      return {.reference = reference, .source = scenes_};
    }
    if (!folder_) throw Error(fmt::format("picture '{}' needs a picture folder", reference), "set 'images' to the folder of the pictures");
    if (std::string wrong = folder_->problem(reference); !wrong.empty()) throw Error(std::move(wrong));
    return {.reference = reference, .source = folder_};
  }

  const LlavaSource& source_;
  std::shared_ptr<const PictureSource> scenes_;
  std::shared_ptr<const PictureFolder> folder_;
};

class SampleList : public SampleSource {
 public:
  explicit SampleList(std::vector<Sample> samples) : samples_(std::move(samples)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  Sample get(std::int64_t index) const override {
    SAUCIER_CHECK(index >= 0 && index < size(), "sample {} of {}", index, size());
    return samples_[static_cast<size_t>(index)];
  }

 private:
  std::vector<Sample> samples_;
};

struct Problem {
  std::string text;
  std::string hint;
};

[[noreturn]] void throw_all(const std::vector<Problem>& problems, size_t count) {
  Error error(problems.front().text, problems.front().hint);
  for (size_t i = 1; i < problems.size(); ++i) error.add_context("also: " + problems[i].text);
  if (count > problems.size()) error.add_context(fmt::format("and {} more samples that cannot be used", count - problems.size()));
  throw error;
}

}  // namespace

std::shared_ptr<const SampleSource> read_llava_json(const LlavaSource& source) {
  const std::string text = read_file(source.file);
  const std::string file = source.file.string();
  const RowReader reader(source);
  std::vector<Sample> samples;
  std::map<std::string, std::int64_t> seen;
  std::vector<Problem> problems;
  size_t bad = 0;
  RowCutter rows(text, file);
  while (const auto row = rows.next()) {
    const Json json = parse_json(row->text, fmt::format("'{}', the sample from line {} on", file, row->line));
    std::string id = id_of(json, row->line);
    try {
      Sample sample = reader.read(json, id);
      if (const std::int64_t n = ++seen[id]; n > 1) sample.id += fmt::format("#{}", n);
      if (source.kinds.empty() || std::find(source.kinds.begin(), source.kinds.end(), sample.kind) != source.kinds.end())
        samples.push_back(std::move(sample));
    } catch (const Error& error) {
      if (++bad <= kShownProblems) problems.push_back({fmt::format("'{}', line {}: sample '{}': {}", file, row->line, id, error.what()), error.hint()});
    }
  }
  if (bad > 0) throw_all(problems, bad);
  return std::make_shared<SampleList>(std::move(samples));
}

void write_llava_json(const std::filesystem::path& file, std::span<const Sample> samples) {
  std::string text = "[";
  for (size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    Json row = {{"id", sample.id}};
    if (!sample.kind.empty()) row["kind"] = sample.kind;
    if (sample.pictures.size() == 1) row["image"] = sample.pictures.front().reference;
    if (sample.pictures.size() > 1)
      for (const PictureRef& picture : sample.pictures) row["image"].push_back(picture.reference);
    for (const Turn& turn : sample.turns)
      row["conversations"].push_back({{"from", turn.role == Role::kUser ? "human" : "gpt"}, {"value", turn.text}});
    text += (i == 0 ? "\n" : ",\n") + row.dump();
  }
  write_file_atomic(file, text + "\n]\n");
}

}  // namespace saucier::data
