#include "modules/bench/caption/refcoco.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/bench/folder.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads "12", "-0.5"; moves on behind it.
std::optional<double> number_at(std::string_view text, size_t& place) {
  size_t end = place;
  if (end < text.size() && text[end] == '-') ++end;
  const size_t begin = end;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end == begin) return std::nullopt;
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
  }
  double value = 0;
  std::from_chars(text.data() + place, text.data() + end, value);
  place = end;
  return value;
}

size_t skip_spaces(std::string_view text, size_t place) {
  while (place < text.size() && std::string_view(" \t\r\n\f\v").find(text[place]) != std::string_view::npos) ++place;
  return place;
}

// Four numbers as `pattern` has them: '#' is a number, ' ' any spaces, all else itself.
std::optional<std::array<double, 4>> four_at(std::string_view text, size_t place, std::string_view pattern) {
  std::array<double, 4> out = {};
  size_t read = 0;
  for (const char c : pattern) {
    if (c == ' ') {
      place = skip_spaces(text, place);
    } else if (c == '#') {
      const auto value = number_at(text, place);
      if (!value) return std::nullopt;
      out[read++] = *value;
    } else if (place < text.size() && text[place] == c) {
      ++place;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

struct Split {
  std::string dataset, by, part;  // refcoco+, unc, testA
};

// "refcoco+-testA"; the dataset's name may hold no other dash.
Split split_of(const std::string& name) {
  const size_t dash = name.rfind('-');
  const std::string dataset = name.substr(0, dash);
  return {dataset, dataset == "refcocog" ? "umd" : "unc", name.substr(dash + 1)};
}

// Which references a split has, as REFER's getRefIds does: testA takes every split with an A in it.
bool belongs(const std::string& of_reference, const std::string& part) {
  if (part == "testA" || part == "testB") return of_reference.find(part.back()) != std::string::npos;
  if (part == "test") return of_reference.find("test") != std::string::npos;
  return of_reference == part;
}

double number_of(const Json& row, const char* member, const std::string& place) {
  const auto found = row.is_object() ? row.find(member) : row.end();
  if (!row.is_object() || found == row.end() || !found->is_number() || found->get<double>() <= 0)
    throw Error(fmt::format("{}: \"{}\" must be a number above 0", place, member));
  return found->get<double>();
}

std::array<double, 4> box_numbers(const Json& row, const std::string& place) {
  const Json& list = list_of(row, "bbox", place);
  std::array<double, 4> out = {};
  if (list.size() != 4 || !std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_number(); }))
    throw Error(fmt::format("{}: \"bbox\" must be four numbers", place));
  for (size_t i = 0; i < 4; ++i) out[i] = list[i].get<double>();
  return out;
}

class RefCoco : public Benchmark {
 public:
  explicit RefCoco(const options::BenchmarkOptions& options) : options_(options), split_(split_of(options.split)), variant_(options.variant.value_or("llava")) {
    const Folder folder(options.data);
    const std::string lines = fmt::format("REC_{}_{}_{}.jsonl", split_.dataset, split_.by, split_.part);
    if (folder.has(lines)) read_lines(folder, lines);
    else read_references(folder, lines);
    if (items_.empty()) throw Error(fmt::format("no expression of split '{}' in '{}'", options.split, options.data));
    fs::path pictures = options.pictures;
    if (pictures.empty()) {
      pictures = folder.path();
      for (const char* inside : {"images/mscoco/images/train2014", "train2014"})
        if (folder.has(inside)) {
          pictures = folder.path() / inside;
          break;
        }
    }
    pictures_ = folder_pictures(pictures);
  }

  std::string name() const override { return "refcoco"; }
  std::string main_metric() const override { return "accuracy"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return pictures_; }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(128); }
  double chance() const override { return 0; }
  // The answer that says: all of the picture.
  double majority() const override {
    std::vector<Judged> all;
    for (const Item& item : items_) all.push_back(judge(item, "[0.0, 0.0, 1.0, 1.0]"));
    return score(all).front().value;
  }

  Judged judge(const Item& item, const std::string& answer, const std::string& = {}) const override {
    const Record& record = records_[item.number];
    const auto found = variant_ == "lmms-eval" ? std::optional(box_of_lmms_eval(answer)) : box_of(answer, record.width, record.height);
    const double overlap = found ? iou(asked_for(record), *found) : 0;
    const bool right = variant_ == "lmms-eval" ? overlap >= 0.5 : overlap > 0.5;
    return {.answer = answer, .normalised = found ? text_of(*found) : "", .credit = right ? 1.0 : 0.0, .parts = {overlap}};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    return {jackknife(mean_of("accuracy", [&](size_t i) { return judged[i].credit; }), items_),
            jackknife(mean_of("iou", [&](size_t i) { return judged[i].parts.at(0); }), items_)};
  }

  Json setting() const override {
    return {{"split", options_.split}, {"variant", variant_}, {"suffix", options_.suffix.value_or("")}, {"boxes", variant_ == "llava" ? "square" : "picture"},
            {"threshold", 0.5}, {"max_new_tokens", max_new_tokens()}};
  }

 private:
  struct Record {
    AnswerBox box;  // shares of the picture
    double width = 0, height = 0;
  };

  static std::string text_of(const AnswerBox& box) { return fmt::format("[{:.3f}, {:.3f}, {:.3f}, {:.3f}]", box.x1, box.y1, box.x2, box.y2); }
  AnswerBox asked_for(const Record& record) const { return variant_ == "llava" ? in_square(record.box, record.width, record.height) : record.box; }

  void add(std::string id, std::string picture, const std::string& expression, const std::array<double, 4>& xyxy, double width, double height) {
    const Record record{{xyxy[0] / width, xyxy[1] / height, xyxy[2] / width, xyxy[3] / height}, width, height};
    const char* format = variant_ == "lmms-eval"
                             ? "Bounding box coordinates are specified in the format (top-left x, top-left y, bottom-right x, bottom-right y). All values are "
                               "floating point numbers bounded between 0 and 1. Please provide the bounding box coordinate of the region this sentence describes: "
                             : "Please provide the bounding box coordinate of the region this sentence describes: ";
    items_.push_back({.id = std::move(id), .group = picture, .category = "", .question = format + expression + options_.suffix.value_or(""),
                      .truth = text_of(asked_for(record)), .pictures = {picture}, .number = records_.size()});
    records_.push_back(record);
  }

  void read_lines(const Folder& folder, const std::string& file) {
    folder.rows("expressions of " + options_.split, {file}, [&](const Json& row, std::int64_t line) {
      const std::string place = fmt::format("{}:{}", (folder.path() / file).string(), line);
      const auto box = box_numbers(row, place);
      const double width = number_of(row, "width", place), height = number_of(row, "height", place);
      add(std::to_string(line), string_of(row, "img_path", place), string_of(row, "expression", place), box, width, height);
    });
  }

  void read_references(const Folder& folder, const std::string& lines) {
    const std::string refs = fmt::format("refs({})", split_.by);
    for (const std::string& inside : {split_.dataset + "/", std::string()})
      if (folder.has(inside + refs + ".p") && !folder.has(inside + refs + ".json"))
        throw Error(fmt::format("'{}' is a pickle of Python's, which is not read", (folder.path() / (inside + refs + ".p")).string()),
                    fmt::format("write it as JSON beside it: python3 -c \"import json, pickle; json.dump(pickle.load(open('{0}.p', 'rb')), open('{0}.json', 'w'))\"", refs));
    const std::string what = "expressions of " + options_.split;
    const fs::path file = folder.file(what, {split_.dataset + "/" + refs + ".json", refs + ".json", lines});
    const Folder beside(file.parent_path());
    const fs::path instances = beside.file("boxes of " + split_.dataset, {"instances.json"});
    const Json all = parse_json(read_file(instances), instances.string());
    std::map<std::string, const Json*> images, annotations;
    for (const Json& row : list_of(all, "images", instances.string())) images.emplace(id_of(row, "id", instances.string()), &row);
    for (const Json& row : list_of(all, "annotations", instances.string())) annotations.emplace(id_of(row, "id", instances.string()), &row);
    const Json references = parse_json(read_file(file), file.string());
    if (!references.is_array()) throw Error(fmt::format("{}: must be a list of references", file.string()));
    for (const Json& row : references) {
      const std::string place = fmt::format("{}: reference {}", file.string(), id_of(row, "ref_id", file.string()));
      const bool asked = belongs(string_of(row, "split", place), split_.part);
      for (const Json& sentence : list_of(row, "sentences", place)) {
        if (asked) add_sentence(row, sentence, place, images, annotations);
        else left_out_.insert(id_of(sentence, "sent_id", place));
      }
    }
  }

  void add_sentence(const Json& row, const Json& sentence, const std::string& place, const std::map<std::string, const Json*>& images,
                    const std::map<std::string, const Json*>& annotations) {
    const std::string ann = id_of(row, "ann_id", place), image = id_of(row, "image_id", place);
    const auto box = annotations.find(ann);
    const auto picture = images.find(image);
    if (box == annotations.end()) throw Error(fmt::format("{}: annotation {} is not in instances.json", place, ann));
    if (picture == images.end()) throw Error(fmt::format("{}: picture {} is not in instances.json", place, image));
    auto xywh = box_numbers(*box->second, fmt::format("instances.json: annotation {}", ann));
    xywh[2] += xywh[0], xywh[3] += xywh[1];
    const std::string picture_place = fmt::format("instances.json: picture {}", image);
    const double width = number_of(*picture->second, "width", picture_place), height = number_of(*picture->second, "height", picture_place);
    add(id_of(sentence, "sent_id", place), string_of(*picture->second, "file_name", picture_place), string_of(sentence, "sent", place), xywh, width, height);
  }

  options::BenchmarkOptions options_;
  Split split_;
  std::string variant_;
  std::vector<Record> records_;
  std::shared_ptr<const data::PictureSource> pictures_;
};

}  // namespace

double iou(const AnswerBox& a, const AnswerBox& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const double both = std::max(0.0, width) * std::max(0.0, height);
  const double either = (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - both;
  return either == 0 ? 0 : both / either;
}

AnswerBox in_square(const AnswerBox& box, double width, double height) {
  const double side = std::max(width, height);
  // Whole pixels in front of the picture, rounded down.
  const double left = std::floor((side - width) / 2), top = std::floor((side - height) / 2);
  return {(box.x1 * width + left) / side, (box.y1 * height + top) / side, (box.x2 * width + left) / side, (box.y2 * height + top) / side};
}

std::optional<AnswerBox> box_of(const std::string& answer, double width, double height) {
  const auto scaled = [](const std::array<double, 4>& four, double by) { return AnswerBox{four[0] / by, four[1] / by, four[2] / by, four[3] / by}; };
  for (size_t place = 0; place < answer.size(); ++place) {
    const char c = answer[place];
    if (c == '[') {
      if (const auto four = four_at(answer, place, "[ [ # , # , # , # ] ]")) return scaled(*four, 1000);
      if (const auto four = four_at(answer, place, "[ # , # , # , # ]")) {
        if (*std::max_element(four->begin(), four->end()) <= 1) return scaled(*four, 1);
        return AnswerBox{(*four)[0] / width, (*four)[1] / height, (*four)[2] / width, (*four)[3] / height};
      }
    }
    if (c == '(')
      if (const auto four = four_at(answer, place, "( # , # ) , ( # , # )")) return scaled(*four, 1000);
    if (c == '{')
      if (const auto four = four_at(answer, place, "{ <#> <#> <#> <#> }")) return scaled(*four, 100);
    if (c == '<')
      if (const auto four = four_at(answer, place, "<loc#><loc#><loc#><loc#>"))
        return scaled({(*four)[1], (*four)[0], (*four)[3], (*four)[2]}, 1024);
  }
  return std::nullopt;
}

AnswerBox box_of_lmms_eval(const std::string& answer) {
  // Spaces stand in front of a number and of the closing bracket, not of a comma.
  for (size_t place = answer.find('['); place != std::string::npos; place = answer.find('[', place + 1))
    if (const auto four = four_at(answer, place, "[ #, #, #, # ]")) return {(*four)[0], (*four)[1], (*four)[2], (*four)[3]};
  return {};
}

std::unique_ptr<Benchmark> make_refcoco(const options::BenchmarkOptions& options) { return std::make_unique<RefCoco>(options); }

}  // namespace saucier::bench
